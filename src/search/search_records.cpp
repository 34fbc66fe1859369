#include "space_json.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/text.hpp>
#include <darts/search/search_records.hpp>

#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

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
  const auto values = json_as<std::vector<std::vector<double>>>(rows);
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

/// A tensor of one or two dimensions as lists.
Json lists_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().cpu().to(at::kDouble).contiguous();
  if (values.dim() < 2) {
    return std::vector<double>(values.const_data_ptr<double>(),
                               values.const_data_ptr<double>() + values.numel());
  }
  Json rows = Json::array();
  for (const at::Tensor& row : values.unbind()) {
    rows.push_back(lists_of(row));
  }
  return rows;
}

at::Tensor tensor_of(const Json& lists) {
  if (lists.empty() || !lists.front().is_array()) {
    return at::tensor(json_as<std::vector<double>>(lists), at::kDouble);
  }
  std::vector<at::Tensor> rows;
  for (const Json& row : lists) {
    rows.push_back(tensor_of(row));
    if (rows.back().sizes() != rows.front().sizes()) {
      throw Error("lists of numbers that belong together are of different lengths");
    }
  }
  return at::stack(rows);
}

Theta theta_of(const Json& record, const ByCellType<CellPrimitives>& primitives) {
  const Alphas alphas{matrix_of(json_field(record, "normal"), primitives.normal),
                      matrix_of(json_field(record, "reduce"), primitives.reduce)};
  Theta theta(alphas, {missing_columns(primitives.normal, alphas.normal.size(0)),
                       missing_columns(primitives.reduce, alphas.reduce.size(0))});
  if (const auto others = record.find("theta"); others != record.end()) {
    for (const auto& [name, lists] : others->items()) {
      theta.add(name, within("\"" + name + "\"", [&rows = lists] { return tensor_of(rows); }));
    }
  }
  return theta;
}

RecordedTheta recorded_theta(const Json& record) {
  auto primitives = primitives_from_json(json_field(record, "primitives"));
  Theta theta = theta_of(record, primitives);
  return {std::move(theta), std::move(primitives), json_field_as<std::int64_t>(record, "epoch")};
}

std::string describe_skips(const EpochSummary& s) {
  return s.genotype ? "skips " + std::to_string(count_skip_connections(s.genotype->normal)) +
                          " + " + std::to_string(count_skip_connections(s.genotype->reduce)) + "  "
                    : "no genotype yet  ";
}

std::string describe_figures(const EpochSummary& s) {
  std::string text;
  for (const MethodFigure& figure : s.figures) {
    text += figure.name + " " + format_fixed(figure.value, figure.digits) + "  ";
  }
  return text;
}

std::string describe_collapse(const EpochSummary& s) {
  std::string text;
  if (s.none_share_normal || s.none_share_reduce) {
    const auto share = [](const std::optional<double>& of) {
      return of ? format_fixed(*of, 3) : std::string("-");
    };
    text = "none " + share(s.none_share_normal) + " + " + share(s.none_share_reduce) + "  ";
  }
  return s.curvature ? text + "eigenvalue " + format_fixed(s.curvature->eigenvalue, 4) + " (" +
                           std::to_string(s.curvature->products) + " products, " +
                           format_duration(s.curvature->seconds) + ")  "
                     : text;
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
         format_fixed(s.most_entropy, 2) + ")  " + describe_skips(s) + describe_collapse(s) +
         describe_figures(s) + format_duration(s.seconds) + "  " +
         format_fixed(s.images_per_second, 0) + " images/s (waiting for data " +
         percent(s.loader_share) + ")" +
         (s.skipped > 0 ? "  unreadable images " + format_count(s.skipped) : "") +
         (s.valid_skipped > 0 ? "  unreadable held-out images " + format_count(s.valid_skipped)
                              : "");
}

nlohmann::json to_json(const EpochSummary& s) {
  const auto skips = [&s](CellGenotype Genotype::*cell) {
    return s.genotype ? Json(count_skip_connections(*s.genotype.*cell)) : Json();
  };
  Json json{{"kind", "epoch"},
            {"epoch", s.epoch},
            {"learning_rate", s.learning_rate},
            {"train_loss", s.train_loss},
            {"train_accuracy", s.train_accuracy},
            {"valid_loss", s.valid_loss},
            {"valid_accuracy", s.valid_accuracy},
            {"valid_images", s.valid_trained_on ? "trained on" : "held out"},
            {"alpha_entropy_normal", s.entropy_normal},
            {"alpha_entropy_reduce", s.entropy_reduce},
            {"skip_connections_normal", skips(&Genotype::normal)},
            {"skip_connections_reduce", skips(&Genotype::reduce)},
            {"seconds", s.seconds},
            {"images_per_second", s.images_per_second},
            {"loader_share", s.loader_share},
            {"skipped_images", s.skipped},
            {"skipped_valid_images", s.valid_skipped},
            {"genotype", s.genotype ? Json(to_notation(*s.genotype)) : Json()}};
  if (s.none_share_normal) {
    json["none_share_normal"] = *s.none_share_normal;
  }
  if (s.none_share_reduce) {
    json["none_share_reduce"] = *s.none_share_reduce;
  }
  if (s.curvature) {
    json["eigenvalue"] = s.curvature->eigenvalue;
    json["eigenvalue_products"] = s.curvature->products;
    json["eigenvalue_seconds"] = s.curvature->seconds;
  }
  for (const MethodFigure& figure : s.figures) {
    json["method"][figure.name] = figure.value;
  }
  return json;
}

nlohmann::json to_json(const SearchTrace::Stop& stop, EarlyStop by) {
  return {{"kind", "early_stop"},
          {"epoch", stop.after},
          {"by", name_of(by)},
          {"why", stop.why},
          {"genotype_epoch", stop.epoch}};
}

nlohmann::json to_json(const Decision& decision, const SearchSpace& space) {
  Json figures = Json::array();
  for (const CandidateFigures& candidate : decision.figures) {
    figures.push_back({{"accuracy", candidate.accuracy}, {"loss", candidate.loss}});
  }
  Json json{{"kind", "decision"},
            {"cell", decision.type == CellType::normal ? "normal" : "reduce"},
            {"figures", figures}};
  if (decision.edge) {
    const auto& offered = space.primitives.of(decision.type).of(*decision.edge);
    json["edge"] = *decision.edge;
    json["operation"] = offered[static_cast<std::size_t>(decision.operation)].name();
  } else {
    json["node"] = decision.node;
    json["edges"] = decision.kept;
  }
  return json;
}

SearchRecords::SearchRecords(const RunDirectory& directory, const SearchConfig& config)
    : directory_(directory), config_(config), alphas_(directory.lines(directory.alphas())) {
  if (directory.writes()) {
    std::error_code ignored;  // writing the first genotype tells
    std::filesystem::create_directory(directory.genotypes(), ignored);
  }
}

void SearchRecords::add_theta(std::int64_t epoch, const Theta& theta,
                              const ByCellType<CellPrimitives>& primitives) {
  const Alphas alphas = theta.alphas();
  nlohmann::ordered_json record{{"epoch", epoch},
                                {"primitives", primitives_to_json(primitives)},
                                {"normal", rows_of(alphas.normal, primitives.normal)},
                                {"reduce", rows_of(alphas.reduce, primitives.reduce)}};
  for (const std::string& name : theta.names()) {
    if (!theta.at(name).is_same(alphas.normal) && !theta.at(name).is_same(alphas.reduce)) {
      record["theta"][name] = lists_of(theta.at(name));
    }
  }
  for (const std::string& name : theta.fixed_names()) {
    record["theta"][name] = lists_of(theta.at(name));
  }
  alphas_.append(record);
}

void SearchRecords::write_genotype(const EpochSummary& s) {
  if (!s.genotype) {
    return;
  }
  nlohmann::ordered_json json = to_json(*s.genotype);
  json["provenance"] = {{"config", config_.name},
                        {"dataset", config_.data.set.name},
                        {"method", config_.search.method},
                        {"order", find_order(config_.search.order).name},
                        {"seed", config_.seed},
                        {"epoch", s.epoch}};
  if (s.epoch > 0) {
    json["provenance"]["valid_accuracy"] = s.valid_accuracy;
  }
  if (s.valid_trained_on) {
    json["provenance"]["valid_images"] = "trained on";
  }
  const std::string text = format_json(json);
  directory_.write(directory_.genotype_of_epoch(s.epoch), text);
  directory_.write(directory_.genotype(), text);
}

void SearchRecords::write_result(const SearchTrace::Stop& stop, EarlyStop by) {
  if (!directory_.writes()) {
    return;
  }
  auto json =
      parse_json<nlohmann::ordered_json>(read_file(directory_.genotype_of_epoch(stop.epoch)));
  json["provenance"]["early_stop"] = {
      {"by", name_of(by)}, {"after_epoch", stop.after}, {"why", stop.why}};
  directory_.write(directory_.genotype(), format_json(json));
}

RecordedTheta read_theta(const std::filesystem::path& alphas_file, std::int64_t epoch) {
  const std::vector<Json> records = read_json_lines(alphas_file);
  if (records.empty()) {
    throw Error(alphas_file.string() + ": no alphas are recorded yet");
  }
  return within(alphas_file.string(), [&]() -> RecordedTheta {
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      const auto recorded = json_field_as<std::int64_t>(*record, "epoch");
      if (epoch < 0 || recorded == epoch) {
        return within("epoch " + std::to_string(recorded), [&] { return recorded_theta(*record); });
      }
    }
    throw Error("no alphas of epoch " + std::to_string(epoch) + "; recorded are epochs " +
                records.front().at("epoch").dump() + " to " + records.back().at("epoch").dump());
  });
}

}  // namespace darts
