#include <darts/core/doing.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/text.hpp>
#include <darts/study/results.hpp>

#include <string>

namespace darts {
namespace {

using Json = nlohmann::json;

/// Of an epoch's record, as they are called there; a method or a search may lack some.
constexpr const char* epoch_columns[] = {"epoch",
                                         "seconds",
                                         "train_loss",
                                         "train_accuracy",
                                         "valid_loss",
                                         "valid_accuracy",
                                         "skip_connections_normal",
                                         "skip_connections_reduce",
                                         "alpha_entropy_normal",
                                         "alpha_entropy_reduce",
                                         "none_share_normal",
                                         "none_share_reduce",
                                         "eigenvalue"};

/// Empty where the record has no such number.
std::string cell(const Json& record, const char* column) {
  const Json* const value = find_json_field(record, column);
  if (value == nullptr || value->is_null()) {
    return "";
  }
  return value->is_number_integer() ? std::to_string(json_as<std::int64_t>(*value))
                                    : format_shortest(json_as<double>(*value));
}

std::string line(const RetrainedCandidate& candidate, const Json& record) {
  std::string text = csv_field(candidate.name) + ',' + csv_field(candidate.method) + ',' +
                     std::to_string(candidate.seed);
  for (const char* column : epoch_columns) {
    text += ',' + within(column, [&] { return cell(record, column); });
  }
  return text + '\n';
}

}  // namespace

std::string epochs_csv(const StudyResults& results, const StudyFolder& folder) {
  std::string text = "candidate,method,search_seed";
  for (const char* column : epoch_columns) {
    text += std::string(",") + column;
  }
  text += '\n';
  for (const RetrainedCandidate& candidate : results.candidates) {
    if (!candidate.search) {
      continue;
    }
    const std::filesystem::path file = folder.search(candidate.name) / "metrics.jsonl";
    const std::vector<Json> records = read_json_lines(file);
    within(file.string(), [&] {
      for (const Json& record : records) {
        if (json_field_as<std::string>(record, "kind") == "epoch") {
          text += line(candidate, record);
        }
      }
    });
  }
  return text;
}

}  // namespace darts
