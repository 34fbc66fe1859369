#include "space_json.hpp"

#include <darts/core/json_text.hpp>
#include <darts/core/module_state.hpp>
#include <darts/run/run_checkpoint.hpp>
#include <darts/search/method.hpp>
#include <darts/search/search_checkpoint.hpp>

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

constexpr const char* trace_field = "trace";

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

Checkpoint make_checkpoint(const SearchParts& parts, SearchState state,
                           const SearchConfig& config) {
  const auto& [supernet, step, images] = parts;
  Checkpoint checkpoint;
  Json meta{{"kind", "search"},
            {"identity", identity_of(config)},
            {"config", to_yaml(config)},
            {"primitives", primitives_to_json(supernet->options().primitives)},
            {"edges_per_node", config.space.edges_per_node},
            {"method", config.search.method},
            {"theta", supernet->theta().all_names()},
            {"images", Json(to_json(images))},
            {"state", Json(to_json(fields_of(state)))}};
  if (config.early_stop.by != EarlyStop::none) {
    meta[trace_field] = to_json(state.trace);
  }
  checkpoint.meta = meta.dump();
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
  const std::string file = checkpoint.file.string();
  SearchState state;
  read_state(meta, fields_of(state), file);
  SearchStage stage = first_stage(config);
  stage.number = state.stage;
  if (stage.number > 0) {
    stage.space.primitives = within(file, [&] {
      const Json primitives = json_field(meta, "primitives");
      return within("\"primitives\"", [&] { return primitives_from_json(primitives); });
    });
  }
  return stage;
}

SearchState restore_checkpoint(const Checkpoint& checkpoint, const SearchParts& parts,
                               const SearchConfig& config) {
  const auto& [supernet, step, images] = parts;
  const std::string file = checkpoint.file.string();
  const auto meta = run_meta(checkpoint, "search", "a search");
  check_same_config(identity_of(config), with_order(stored_identity(meta, file)),
                    identity_of(defaults_of(config.search.method)), file);
  check_same_images(images, meta.value("images", nlohmann::ordered_json::object()), file);
  restore_tensors(checkpoint, supernet, step);
  SearchState state;
  read_state(meta, fields_of(state), file);
  if (const auto trace = meta.find(trace_field); trace != meta.end()) {
    state.trace =
        within(file, [&] { return within("\"trace\"", [&] { return trace_from_json(*trace); }); });
  }
  return state;
}

}  // namespace darts
