#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/run.hpp>
#include <darts/eval/train_checkpoint.hpp>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* model_prefix = "model";
constexpr const char* average_prefix = "average";
constexpr const char* optimizer_prefix = "w_optimizer";

/// The config without what may differ between a run and its continuation.
std::string identity(TrainConfig config) {
  const TrainConfig defaults;
  config.name = defaults.name;
  config.run = defaults.run;
  config.train.max_hours = defaults.train.max_hours;
  config.data.set.root = defaults.data.set.root;
  config.data.workers = defaults.data.workers;
  config.data.prefetch = defaults.data.prefetch;
  config.data.index_cache = defaults.data.index_cache;
  config.runtime.device = defaults.runtime.device;
  config.runtime.threads = defaults.runtime.threads;
  config.runtime.deterministic = defaults.runtime.deterministic;
  config.runtime.huge_pages = defaults.runtime.huge_pages;
  config.runtime.cuda_graph = defaults.runtime.cuda_graph;
  return to_yaml(config);
}

/// One list of fields serves both directions: `visit(name, field)`.
template <class State, class Visit>
void visit_fields(State& s, const Visit& visit) {
  visit("epoch", s.epoch);
  visit("step", s.step);
  visit("loss_sum", s.loss_sum);
  visit("correct", s.correct);
  visit("images", s.images);
  visit("seconds", s.seconds);
  visit("loader_seconds", s.loader_seconds);
  visit("total_seconds", s.total_seconds);
  visit("total_images", s.total_images);
  visit("averaged", s.averaged);
  visit("skipped", s.skipped);
  visit("last_top1", s.last_top1);
  visit("last_top5", s.last_top5);
  visit("last_loss", s.last_loss);
  visit("last_skipped", s.last_skipped);
  visit("best_top1", s.best_top1);
  visit("best_epoch", s.best_epoch);
  visit("metrics_size", s.metrics_size);
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

Checkpoint make_checkpoint(const TrainParts& parts, const TrainState& state,
                           const TrainConfig& config, const NetworkDescription& network) {
  Json state_json;
  visit_fields(state, [&](const char* name, const auto& field) { state_json[name] = field; });
  Checkpoint checkpoint;
  checkpoint.meta = Json{
      {"kind", "train"},
      {"identity", identity(config)},
      {"config", to_yaml(config)},
      {"network", to_json(network)},
      {"state",
       state_json}}.dump();
  collect_state(*parts.network, model_prefix, checkpoint.tensors);
  if (parts.average) {
    collect_state(*parts.average, average_prefix, checkpoint.tensors);
  }
  parts.step.optimizer().collect(parts.step.parameter_names(), optimizer_prefix,
                                 checkpoint.tensors);
  return checkpoint;
}

TrainState restore_checkpoint(const Checkpoint& checkpoint, const TrainParts& parts,
                              const TrainConfig& config, const NetworkDescription& network) {
  const std::string file = checkpoint.file.string();
  const Json meta = Json::parse(checkpoint.meta);
  if (meta.value("kind", "") != "train") {
    throw Error(file +
                ": not a checkpoint of a training; --init-from takes weights from elsewhere");
  }
  check_same_config(identity(config), meta.at("identity").get<std::string>(),
                    identity(TrainConfig()), file);
  if (!(network_description_of(checkpoint).options.genotype == network.options.genotype)) {
    throw Error(file + " was trained with another genotype than the run directory's genotype.json");
  }
  restore_state(*parts.network, model_prefix, tensors_under(checkpoint, model_prefix), file);
  if (parts.average) {
    restore_state(*parts.average, average_prefix, tensors_under(checkpoint, average_prefix), file);
  }
  parts.step.optimizer().restore(parts.step.parameter_names(), optimizer_prefix,
                                 tensors_under(checkpoint, optimizer_prefix), file);
  TrainState state;
  const Json& state_json = meta.at("state");
  visit_fields(state, [&](const char* name, auto& field) {
    if (state_json.contains(name)) {  // older checkpoints have fewer
      state_json.at(name).get_to(field);
    }
  });
  return state;
}

}  // namespace darts
