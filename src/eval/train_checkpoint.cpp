#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/eval/train_checkpoint.hpp>
#include <darts/run/run_checkpoint.hpp>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* model_prefix = "model";
constexpr const char* average_prefix = "average";
constexpr const char* optimizer_prefix = "w_optimizer";

/// The time that it may take is of no consequence.
std::string identity(TrainConfig config) {
  config.train.max_hours = TrainConfig().train.max_hours;
  return identity_of(config);
}

StateFields fields_of(TrainState& s) {
  return state_fields(s, {{"total_seconds", &s.total_seconds},
                          {"total_images", &s.total_images},
                          {"averaged", &s.averaged},
                          {"skipped", &s.skipped},
                          {"last_top1", &s.last_top1},
                          {"last_top5", &s.last_top5},
                          {"last_loss", &s.last_loss},
                          {"last_skipped", &s.last_skipped},
                          {"best_top1", &s.best_top1},
                          {"best_epoch", &s.best_epoch},
                          {"metrics_size", &s.metrics_size}});
}

}  // namespace

Checkpoint make_checkpoint(const TrainParts& parts, TrainState state, const TrainConfig& config,
                           const NetworkDescription& network) {
  Checkpoint checkpoint;
  checkpoint.meta = Json{{"kind", "train"},
                         {"identity", identity(config)},
                         {"config", to_yaml(config)},
                         {"network", to_json(network)},
                         {"images", to_json(parts.images)},
                         {"state", to_json(fields_of(state))}}
                        .dump();
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
  const Json meta = run_meta(checkpoint, "train", "a training");
  check_same_config(identity(config), stored_identity(meta, file), identity(TrainConfig()), file);
  const NetworkDescription then = network_description_of(checkpoint);
  if (!(then.options.genotype == network.options.genotype)) {
    throw Error(file + " was trained with another genotype than the run directory's genotype.json");
  }
  check_same_classes(network.class_names, then.class_names, file);
  check_same_images(parts.images, meta.value("images", Json::object()), file);
  restore_state(*parts.network, model_prefix, tensors_under(checkpoint, model_prefix), file);
  if (parts.average) {
    restore_state(*parts.average, average_prefix, tensors_under(checkpoint, average_prefix), file);
  }
  parts.step.optimizer().restore(parts.step.parameter_names(), optimizer_prefix,
                                 tensors_under(checkpoint, optimizer_prefix), file);
  TrainState state;
  read_state(meta, fields_of(state), file);
  return state;
}

}  // namespace darts
