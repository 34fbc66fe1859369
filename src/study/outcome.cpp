#include <darts/core/atomic_file.hpp>
#include <darts/core/json_text.hpp>
#include <darts/study/outcome.hpp>

#include <system_error>

namespace darts {

std::optional<Outcome> read_outcome(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return std::nullopt;
  }
  return within(file.string(), [&] {
    const auto json = parse_json<nlohmann::json>(read_file(file));
    return Outcome{json_field_as<bool>(json, "finished"),
                   json_field_or<std::string>(json, "reason", "")};
  });
}

bool is_finished(const std::filesystem::path& file) {
  const auto outcome = read_outcome(file);
  return outcome && outcome->finished;
}

void write_outcome(const std::filesystem::path& file, const Outcome& outcome) {
  nlohmann::ordered_json json{{"finished", outcome.finished}};
  if (!outcome.finished) {
    json["reason"] = outcome.reason;
  }
  write_file_atomically(file, json.dump(2) + "\n");
}

}  // namespace darts
