#include "report.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {

Report::Report(std::filesystem::path file, const nlohmann::ordered_json& about)
    : file_(std::move(file)), about_(about.dump()) {
  write();
}

Result& Report::add(Result result) { return results_.emplace_back(std::move(result)); }

void Report::write() const {
  if (file_.empty()) {
    return;
  }
  auto json = nlohmann::ordered_json::parse(about_);
  json["results"] = nlohmann::ordered_json::array();
  for (const Result& result : results_) {
    json["results"].push_back(to_json(result));
  }
  write_file_atomically(file_, json.dump(2) + "\n");
}

void check_none_failed(const Report& report) {
  const auto failed = [](const Result& result) { return !result.failed.empty(); };
  const auto& results = report.results();
  const auto first = std::ranges::find_if(results, failed);
  if (first != results.end()) {
    throw Error(std::to_string(std::ranges::count_if(results, failed)) + " of " +
                std::to_string(results.size()) + " measurements failed; the first, " + first->work +
                ", " + first->execution + ": " + first->failed);
  }
}

}  // namespace darts
