#include "fuzz/input_file.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <darts/core/json_lines.hpp>
#include <darts/search/search_records.hpp>

#include <nlohmann/json.hpp>

namespace darts::fuzz {

void parse_records(std::string_view bytes) {
  const auto file = input_file("alphas.jsonl", bytes);
  takes([&] { read_theta(file, -1); });
  takes([&] { read_theta(file, 1); });
  std::size_t before = 0;
  if (takes([&] { before = read_json_lines(file).size(); })) {
    // A run that goes on cuts a broken line off, and loses no other.
    JsonLines(file).append(nlohmann::json::object());
    const std::size_t after = read_json_lines(file).size();
    check(after == before || after == before + 1, "appending a record changed others");
  }
}

}  // namespace darts::fuzz
