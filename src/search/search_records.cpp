#include "space_json.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/search/search_records.hpp>

#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

using Json = nlohmann::json;

/// Of each edge what it offers.
Json rows_of(const at::Tensor& matrix, const CellPrimitives& primitives) {
  const at::Tensor values = matrix.detach().cpu().to(at::kDouble).contiguous();
  Json rows = Json::array();
  for (std::int64_t i = 0; i < values.size(0); ++i) {
    const double* row = values.const_data_ptr<double>() + i * values.size(1);
    rows.push_back(std::vector<double>(row, row + primitives.of(i).size()));
  }
  return rows;
}

/// NaN and infinity are null in a record.
void check_all_numbers(const Json& rows) {
  for (const Json& row : rows) {
    if (std::ranges::any_of(row, [](const Json& value) { return value.is_null(); })) {
      throw Error(
          "alphas are not finite: the search had diverged; --epoch N derives from an earlier one");
    }
  }
}

at::Tensor matrix_of(const Json& rows, const CellPrimitives& primitives) {
  check_all_numbers(rows);
  const auto values = rows.get<std::vector<std::vector<double>>>();
  const at::Tensor matrix = at::zeros({std::ssize(values), primitives.columns()}, at::kDouble);
  std::int64_t edge = 0;
  for (const std::vector<double>& row : values) {
    if (!primitives.same_everywhere() && edge >= std::ssize(primitives.sets())) {
      throw Error(std::to_string(values.size()) + " rows for the operations of " +
                  std::to_string(edge) + " edges");
    }
    if (row.size() != primitives.of(edge).size()) {
      throw Error("row " + std::to_string(edge) + ": " + std::to_string(row.size()) +
                  " numbers for " + std::to_string(primitives.of(edge).size()) + " operations");
    }
    std::ranges::copy(row, matrix.mutable_data_ptr<double>() + edge++ * matrix.size(1));
  }
  return matrix;
}

std::string percent(double share) { return format_fixed(100.0 * share, 1) + " %"; }

}  // namespace

std::string describe(const EpochSummary& s, std::int64_t epochs) {
  return "epoch " + std::to_string(s.epoch) + "/" + std::to_string(epochs) + "  lr " +
         format_fixed(s.learning_rate, 4) + "  train loss " + format_fixed(s.train_loss, 3) +
         " acc " + percent(s.train_accuracy) +
         (s.valid_trained_on ? "  loss on images trained on " : "  valid loss ") +
         format_fixed(s.valid_loss, 3) + " acc " + percent(s.valid_accuracy) + "  alpha entropy " +
         format_fixed(s.entropy_normal, 3) + " + " + format_fixed(s.entropy_reduce, 3) + " (of " +
         format_fixed(s.most_entropy, 2) + ")  skips " +
         std::to_string(count_skip_connections(s.genotype.normal)) + " + " +
         std::to_string(count_skip_connections(s.genotype.reduce)) + "  " +
         format_duration(s.seconds) + "  " + format_fixed(s.images_per_second, 0) +
         " images/s (waiting for data " + percent(s.loader_share) + ")" +
         (s.skipped > 0 ? "  unreadable images " + format_count(s.skipped) : "") +
         (s.valid_skipped > 0 ? "  unreadable held-out images " + format_count(s.valid_skipped)
                              : "");
}

nlohmann::json to_json(const EpochSummary& s) {
  return {{"kind", "epoch"},
          {"epoch", s.epoch},
          {"learning_rate", s.learning_rate},
          {"train_loss", s.train_loss},
          {"train_accuracy", s.train_accuracy},
          {"valid_loss", s.valid_loss},
          {"valid_accuracy", s.valid_accuracy},
          {"valid_images", s.valid_trained_on ? "trained on" : "held out"},
          {"alpha_entropy_normal", s.entropy_normal},
          {"alpha_entropy_reduce", s.entropy_reduce},
          {"skip_connections_normal", count_skip_connections(s.genotype.normal)},
          {"skip_connections_reduce", count_skip_connections(s.genotype.reduce)},
          {"seconds", s.seconds},
          {"images_per_second", s.images_per_second},
          {"loader_share", s.loader_share},
          {"skipped_images", s.skipped},
          {"skipped_valid_images", s.valid_skipped},
          {"genotype", to_notation(s.genotype)}};
}

SearchRecords::SearchRecords(const RunDirectory& directory, const SearchConfig& config)
    : directory_(directory),
      config_(config),
      space_(search_space(config)),
      alphas_(directory.alphas()) {
  std::error_code ignored;  // writing the first genotype tells
  std::filesystem::create_directory(directory.genotypes(), ignored);
}

void SearchRecords::add_alphas(std::int64_t epoch, const Alphas& alphas) {
  alphas_.append({{"epoch", epoch},
                  {"primitives", primitives_to_json(space_.primitives)},
                  {"normal", rows_of(alphas.normal, space_.primitives.normal)},
                  {"reduce", rows_of(alphas.reduce, space_.primitives.reduce)}});
}

void SearchRecords::write_genotype(const EpochSummary& s) {
  nlohmann::ordered_json json = to_json(s.genotype);
  json["provenance"] = {{"config", config_.name},
                        {"dataset", config_.data.set.name},
                        {"method", config_.search.method},
                        {"order", find_order(config_.search.order).name},
                        {"seed", config_.seed},
                        {"epoch", s.epoch},
                        {"valid_accuracy", s.valid_accuracy}};
  if (s.valid_trained_on) {
    json["provenance"]["valid_images"] = "trained on";
  }
  const std::string text = format_json(json);
  write_file_atomically(directory_.genotype_of_epoch(s.epoch), text);
  write_file_atomically(directory_.genotype(), text);
}

RecordedAlphas read_alphas(const std::filesystem::path& alphas_file, std::int64_t epoch) {
  const std::vector<Json> records = read_json_lines(alphas_file);
  if (records.empty()) {
    throw Error(alphas_file.string() + ": no alphas are recorded yet");
  }
  try {
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      const auto recorded = record->at("epoch").get<std::int64_t>();
      if (epoch < 0 || recorded == epoch) {
        auto primitives = primitives_from_json(record->at("primitives"));
        return {{matrix_of(record->at("normal"), primitives.normal),
                 matrix_of(record->at("reduce"), primitives.reduce)},
                std::move(primitives),
                recorded};
      }
    }
    throw Error("no alphas of epoch " + std::to_string(epoch) + "; recorded are epochs " +
                records.front().at("epoch").dump() + " to " + records.back().at("epoch").dump());
  } catch (const Json::exception& e) {
    throw Error(alphas_file.string() + ": not a record of alphas: " + e.what());
  } catch (const Error& e) {
    throw Error(alphas_file.string() + ": " + e.what());
  }
}

}  // namespace darts
