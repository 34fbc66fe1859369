#include "space_json.hpp"

#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/optimizer_state.hpp>
#include <darts/search/search_checkpoint.hpp>

#include <nlohmann/json.hpp>

#include <sstream>

namespace darts {
namespace {

using Json = nlohmann::json;

constexpr const char* model_prefix = "model";
constexpr const char* w_prefix = "w_optimizer";
constexpr const char* alpha_prefix = "alpha_optimizer";

/// The config without what may differ between a run and its continuation.
std::string identity(SearchConfig config) {
  const SearchConfig defaults;
  config.name = defaults.name;
  config.run = defaults.run;
  config.data.set.root = defaults.data.set.root;
  config.data.workers = defaults.data.workers;
  config.data.prefetch = defaults.data.prefetch;
  config.runtime.device = defaults.runtime.device;
  config.runtime.threads = defaults.runtime.threads;
  config.runtime.deterministic = defaults.runtime.deterministic;
  config.runtime.huge_pages = defaults.runtime.huge_pages;
  config.runtime.cuda_graph = defaults.runtime.cuda_graph;
  config.runtime.recompute = defaults.runtime.recompute;
  return to_yaml(config);
}

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

Json to_json(const SearchState& s) {
  return {{"epoch", s.epoch},
          {"step", s.step},
          {"loss_sum", s.loss_sum},
          {"correct", s.correct},
          {"images", s.images},
          {"seconds", s.seconds},
          {"loader_seconds", s.loader_seconds},
          {"best_accuracy", s.best_accuracy},
          {"best_epoch", s.best_epoch},
          {"metrics_size", s.metrics_size},
          {"alphas_size", s.alphas_size}};
}

/// What an earlier version did not save has its default.
SearchState state_from_json(const Json& j) {
  SearchState s;
  s.epoch = j.value("epoch", s.epoch);
  s.step = j.value("step", s.step);
  s.loss_sum = j.value("loss_sum", s.loss_sum);
  s.correct = j.value("correct", s.correct);
  s.images = j.value("images", s.images);
  s.seconds = j.value("seconds", s.seconds);
  s.loader_seconds = j.value("loader_seconds", s.loader_seconds);
  s.best_accuracy = j.value("best_accuracy", s.best_accuracy);
  s.best_epoch = j.value("best_epoch", s.best_epoch);
  s.metrics_size = j.value("metrics_size", s.metrics_size);
  s.alphas_size = j.value("alphas_size", s.alphas_size);
  return s;
}

NamedTensors tensors_under(const Checkpoint& checkpoint, const std::string& prefix) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (name.starts_with(prefix + ".")) {
      tensors.emplace(name, tensor);
    }
  }
  return tensors;
}

}  // namespace

Checkpoint make_checkpoint(Supernet& supernet, SearchStep& step, const SearchState& state,
                           const SearchConfig& config) {
  Checkpoint checkpoint;
  checkpoint.meta = Json{
      {"kind", "search"},
      {"identity", identity(config)},
      {"config", to_yaml(config)},
      {"primitives", primitives_to_json(supernet->options().primitives)},
      {"edges_per_node", config.space.edges_per_node},
      {"method", config.search.method},
      {"theta", supernet->theta().names()},
      {"state",
       to_json(state)}}.dump();
  collect_state(*supernet, model_prefix, checkpoint.tensors);
  step.weight_optimizer().collect(supernet->weight_names(), w_prefix, checkpoint.tensors);
  collect_optimizer(step.alpha_optimizer(), supernet->theta().names(), alpha_prefix,
                    checkpoint.tensors);
  return checkpoint;
}

SearchState restore_checkpoint(const Checkpoint& checkpoint, Supernet& supernet, SearchStep& step,
                               const SearchConfig& config) {
  const std::string file = checkpoint.file.string();
  const Json meta = Json::parse(checkpoint.meta);
  if (meta.value("kind", "") != "search") {
    throw Error(file + ": not a checkpoint of a search; --init-from takes weights from elsewhere");
  }
  check_same_config(identity(config), with_order(meta.at("identity")), identity(SearchConfig()),
                    file);
  restore_state(*supernet, model_prefix, tensors_under(checkpoint, model_prefix), file);
  step.weight_optimizer().restore(supernet->weight_names(), w_prefix,
                                  tensors_under(checkpoint, w_prefix), file);
  restore_optimizer(step.alpha_optimizer(), supernet->theta().names(), alpha_prefix,
                    tensors_under(checkpoint, alpha_prefix), file);
  return state_from_json(meta.at("state"));
}

void restore_supernet(const Checkpoint& checkpoint, Supernet& supernet) {
  NamedTensors tensors = tensors_under(checkpoint, model_prefix);
  const Theta theta = supernet->theta();
  for (std::size_t i = 0; i < theta.names().size(); ++i) {
    tensors.emplace(std::string(model_prefix) + "." + theta.names()[i],
                    theta.tensors()[i].detach());
  }
  restore_state(*supernet, model_prefix, tensors, checkpoint.file.string());
}

StoredTheta theta_of(const Checkpoint& checkpoint) {
  const Json meta = Json::parse(checkpoint.meta);
  StoredTheta stored;
  const std::vector<std::string> alphas{theta_name("alphas", CellType::normal),
                                        theta_name("alphas", CellType::reduction)};
  for (const std::string& name : meta.value("theta", alphas)) {
    stored.theta.add(name, require(checkpoint, std::string(model_prefix) + "." + name));
  }
  stored.method = meta.value("method", stored.method);
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
    stored.epoch = state_from_json(meta["state"]).epoch;
  }
  return stored;
}

}  // namespace darts
