#include "fuzz/derived.hpp"
#include "fuzz/input_file.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <darts/core/json_lines.hpp>
#include <darts/search/search_methods.hpp>
#include <darts/search/search_records.hpp>

#include <nlohmann/json.hpp>

#include <optional>

namespace darts::fuzz {
namespace {

/// By every method, as a run's config names one; of cells of one node, and of two.
void read(const std::filesystem::path& file, std::int64_t epoch) {
  std::optional<RecordedTheta> recorded;
  if (!takes([&] { recorded = read_theta(file, epoch); })) {
    return;
  }
  for (const SearchMethodRow& row : search_methods()) {
    for (const std::int64_t nodes : {1, 2}) {
      derive_from(*row.make(), recorded->theta, {recorded->primitives, nodes});
    }
  }
}

}  // namespace

void parse_records(std::string_view bytes) {
  const auto file = input_file("alphas.jsonl", bytes);
  read(file, -1);
  read(file, 1);
  std::size_t before = 0;
  if (takes([&] { before = read_json_lines(file).size(); })) {
    // A run that goes on cuts a broken line off, and loses no other.
    JsonLines(file).append(nlohmann::json::object());
    const std::size_t after = read_json_lines(file).size();
    check(after == before || after == before + 1, "appending a record changed others");
  }
}

}  // namespace darts::fuzz
