#include "space_json.hpp"

#include <darts/core/module_state.hpp>
#include <darts/run/run_checkpoint.hpp>
#include <darts/search/search_checkpoint.hpp>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

using Json = nlohmann::json;

constexpr const char* model_prefix = "model";
constexpr const char* w_prefix = "w_optimizer";
constexpr const char* alpha_prefix = "alpha_optimizer";
constexpr const char* gradient_prefix = "alpha_gradient";

/// The config of a checkpoint from the time when the orders were called methods, as it reads now.
std::string with_order(std::string identity) {
  for (const SearchOrderRow& row : search_orders()) {
    const std::string then = "\n  method: " + std::string(row.name) + "\n";
    if (const auto at = identity.find(then); at != std::string::npos) {
      identity.replace(at, then.size(),
                       "\n  method: darts\n  order: " + std::string(row.name) + "\n");
    }
  }
  return identity;
}

std::vector<std::string> all_names(const Theta& theta) {
  std::vector<std::string> names = theta.names();
  names.insert(names.end(), theta.fixed_names().begin(), theta.fixed_names().end());
  return names;
}

/// What a config is that says no more than its method.
SearchConfig defaults_of(const std::string& method) {
  SearchConfig config;
  config.search.method = method;
  return config;
}

/// Undefined ones, before theta's first step, are left out.
void collect_theta_gradient(const Theta& theta, NamedTensors& tensors) {
  for (const std::string& name : theta.names()) {
    if (const at::Tensor gradient = theta.at(name).grad(); gradient.defined()) {
      tensors.emplace(std::string(gradient_prefix) + "." + name, gradient);
    }
  }
}

void restore_theta_gradient(const Checkpoint& checkpoint, const Theta& theta) {
  for (const std::string& name : theta.names()) {
    const at::Tensor parameter = theta.at(name);
    const auto stored = checkpoint.tensors.find(std::string(gradient_prefix) + "." + name);
    parameter.mutable_grad() = stored == checkpoint.tensors.end()
                                   ? at::Tensor()
                                   : stored->second.to(parameter.options().requires_grad(false),
                                                       /*non_blocking=*/false, /*copy=*/true);
  }
}

StateFields fields_of(SearchState& s) {
  return state_fields(s, {{"best_accuracy", &s.best_accuracy},
                          {"best_epoch", &s.best_epoch},
                          {"skipped", &s.skipped},
                          {"metrics_size", &s.metrics_size},
                          {"alphas_size", &s.alphas_size},
                          {"stage", &s.stage}});
}

}  // namespace

NamedTensors tensors_of(Supernet& supernet, SearchStep& step) {
  NamedTensors tensors;
  collect_state(*supernet, model_prefix, tensors);
  step.weight_optimizer().collect(supernet->weight_names(), w_prefix, tensors);
  step.theta_optimizer().collect(alpha_prefix, tensors);
  if (step.needs_theta_gradient()) {
    collect_theta_gradient(supernet->theta(), tensors);
  }
  return tensors;
}

Checkpoint make_checkpoint(Supernet& supernet, SearchStep& step, SearchState state,
                           const SearchConfig& config) {
  Checkpoint checkpoint;
  checkpoint.meta = Json{{"kind", "search"},
                         {"identity", identity_of(config)},
                         {"config", to_yaml(config)},
                         {"primitives", primitives_to_json(supernet->options().primitives)},
                         {"edges_per_node", config.space.edges_per_node},
                         {"method", config.search.method},
                         {"theta", all_names(supernet->theta())},
                         {"state", Json(to_json(fields_of(state)))}}
                        .dump();
  checkpoint.tensors = tensors_of(supernet, step);
  return checkpoint;
}

void restore_tensors(const Checkpoint& checkpoint, Supernet& supernet, SearchStep& step) {
  const std::string file = checkpoint.file.string();
  restore_state(*supernet, model_prefix, tensors_under(checkpoint, model_prefix), file);
  step.weight_optimizer().restore(supernet->weight_names(), w_prefix,
                                  tensors_under(checkpoint, w_prefix), file);
  step.theta_optimizer().restore(alpha_prefix, tensors_under(checkpoint, alpha_prefix), file);
  if (step.needs_theta_gradient()) {
    restore_theta_gradient(checkpoint, supernet->theta());
  }
}

SearchStage stage_of(const Checkpoint& checkpoint, const SearchConfig& config) {
  const auto meta = run_meta(checkpoint, "search", "a search");
  SearchState state;
  read_fields(meta.at("state"), fields_of(state));
  SearchStage stage = first_stage(config);
  stage.number = state.stage;
  if (stage.number > 0) {
    stage.space.primitives = primitives_from_json(meta.at("primitives"));
  }
  return stage;
}

SearchState restore_checkpoint(const Checkpoint& checkpoint, Supernet& supernet, SearchStep& step,
                               const SearchConfig& config) {
  const std::string file = checkpoint.file.string();
  const auto meta = run_meta(checkpoint, "search", "a search");
  check_same_config(identity_of(config), with_order(meta.at("identity")),
                    identity_of(defaults_of(config.search.method)), file);
  restore_tensors(checkpoint, supernet, step);
  SearchState state;
  read_fields(meta.at("state"), fields_of(state));
  return state;
}

void restore_supernet(const Checkpoint& checkpoint, Supernet& supernet) {
  NamedTensors tensors = tensors_under(checkpoint, model_prefix);
  const Theta theta = supernet->theta();
  for (const std::string& name : all_names(theta)) {
    tensors.emplace(std::string(model_prefix) + "." + name, theta.at(name).detach());
  }
  restore_state(*supernet, model_prefix, tensors, checkpoint.file.string());
}

StoredTheta theta_of(const Checkpoint& checkpoint) {
  const Json meta = Json::parse(checkpoint.meta);
  StoredTheta stored;
  SearchConfig config;
  if (meta.contains("config")) {
    fields(config).load_text(meta["config"].get<std::string>(), checkpoint.file);
  }
  stored.method = config.methods.get(meta.value("method", "darts"));
  const std::vector<std::string> alphas{theta_name("alphas", CellType::normal),
                                        theta_name("alphas", CellType::reduction)};
  for (const std::string& name : meta.value("theta", alphas)) {
    stored.theta.add(name, require(checkpoint, std::string(model_prefix) + "." + name));
  }
  if (meta.contains("primitives")) {
    stored.space.primitives = primitives_from_json(meta["primitives"]);
  }
  if (meta.contains("edges_per_node")) {  // a number alone, in earlier versions
    const Json& kept = meta["edges_per_node"];
    stored.space.edges_per_node = kept.is_array() ? kept.get<std::vector<std::int64_t>>()
                                                  : std::vector{kept.get<std::int64_t>()};
  }
  stored.theta.set_missing(missing_columns(stored.space, stored.theta.alphas()));
  if (meta.contains("state")) {
    stored.epoch = meta["state"].value("epoch", stored.epoch);
  }
  return stored;
}

}  // namespace darts
