#pragma once

#include <darts/core/json_lines.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace darts::testing {

/// The records of a kind ("epoch", "step", "decision", …) that a run directory has.
inline std::vector<nlohmann::json> records_of(const std::filesystem::path& run,
                                              const std::string& kind) {
  std::vector<nlohmann::json> records = read_json_lines(run / "metrics.jsonl");
  std::erase_if(records, [&](const auto& record) { return record.at("kind") != kind; });
  return records;
}

}  // namespace darts::testing
