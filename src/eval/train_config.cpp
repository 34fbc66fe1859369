#include <darts/core/error.hpp>
#include <darts/core/optimizer_limits.hpp>
#include <darts/eval/train_config.hpp>

namespace darts {
namespace {

void add_network(FieldTable& t, TrainConfig::Network& network) {
  t.section("network", "The evaluation network.");
  t.add("network.stem", network.stem,
        "what comes before the cells: cifar: one convolution; imagenet: three of stride 2",
        stem_choices());
  t.add("network.cells", network.cells,
        "cells; reduction cells stand at a third and two thirds of them",
        between(1, EvaluationNetworkOptions::most_cells));
  t.add("network.channels", network.channels, "channels of the first cells",
        between(EvaluationNetworkOptions::least_channels, EvaluationNetworkOptions::most_channels));
  t.add("network.auxiliary", network.auxiliary,
        "weight of the auxiliary head's loss; 0: no auxiliary head", at_least(0.0));
  t.add("network.drop_path", network.drop_path,
        "probability of drop path: 0.2 in the paper (A.2) and its code, 0.3 in PC-DARTS' and "
        "others'; "
        "epoch e of E, counted from 0, has e/E of it (the original's code)",
        between(0.0, 0.99));
}

void add_training(FieldTable& t, TrainConfig::Train& train) {
  t.section("train", "The training.");
  t.add("train.epochs", train.epochs, "passes over the training images", between(1, 1'000'000));
  t.add("train.batch_size", train.batch_size, "images in a batch", between(2, 65536));
  t.add("train.parts", train.parts,
        "process a batch in so many parts, adding up their gradients, to save memory",
        between(1, 65536));
  t.add("train.label_smoothing", train.label_smoothing,
        "share of the target that is spread over all classes", between(0.0, 0.99));
  t.add("train.mixup", train.mixup, "strength of mixup, Beta(strength, strength); 0: none",
        at_least(0.0));
  t.add("train.average", train.average,
        "decay of an exponential moving average of w, which is tested in its place; 0: none",
        between(0.0, 0.999999));
  t.add("train.max_hours", train.max_hours,
        "stop after this time and say how to go on, hours; 0: no limit", at_least(0.0));
}

void add_weights(FieldTable& t, TrainConfig::Weights& w) {
  t.section("w", "How the weights begin and move: SGD.");
  add_weight_init_field(t, w.init);
  t.add("w.learning_rate", w.learning_rate.start, "learning rate at the start",
        greater_than(0.0) & at_most(most_of_a_step));
  t.add("w.learning_rate_min", w.learning_rate.minimum, "least learning rate",
        at_least(0.0) & at_most(most_of_a_step));
  t.add("w.schedule", w.learning_rate.schedule,
        "how it falls from epoch to epoch: along half a cosine, by a factor, or along a line",
        one_of<LearningRateSchedule>({{"cosine", LearningRateSchedule::cosine},
                                      {"exponential", LearningRateSchedule::exponential},
                                      {"linear", LearningRateSchedule::linear}}));
  t.add("w.decay", w.learning_rate.decay, "factor an epoch of the exponential schedule",
        between(0.0, 1.0));
  t.add("w.warmup_epochs", w.learning_rate.warmup_epochs,
        "in the first so many epochs the learning rate rises to the schedule's; 0: none",
        at_least(0));
  t.add("w.momentum", w.momentum, "momentum", between(0.0, 1.0));
  t.add("w.nesterov", w.nesterov, "Nesterov's form of momentum");
  t.add("w.weight_decay", w.weight_decay, "weight decay", at_least(0.0) & at_most(most_of_a_step));
  t.add("w.clip_norm", w.clip_norm,
        "the gradient is scaled down to this norm; one that none reaches, such as 1e9: it is not",
        greater_than(0.0) & at_most(most_of_a_step));
}

}  // namespace

FieldTable fields(TrainConfig& config) {
  FieldTable table;
  table.section("", "The run.");
  table.add("name", config.name, "name of the run directory");
  table.add("seed", config.seed, "seed of everything random");
  add_image_fields(table, config.data, "training");
  add_network(table, config.network);
  add_training(table, config.train);
  add_weights(table, config.w);
  add_runtime_fields(table, config.runtime);
  add_execution_field(table, config.runtime.execution);
  add_parallel_fields(table, config.parallel);
  add_run_fields(table, config.run);
  return table;
}

std::string describe_sizes(const TrainConfig& config) {
  return std::to_string(config.network.cells) + " cells, " +
         std::to_string(config.network.channels) + " channels";
}

std::string to_yaml(const TrainConfig& config) {
  TrainConfig copy = config;  // a table binds to fields that it could also set
  return fields(copy).dump();
}

std::vector<std::string> idle_settings(const TrainConfig& config, const c10::Device& device) {
  std::vector<IdleRule> rules = idle_image_settings(config.data);
  for (IdleRule& rule : idle_runtime_settings(device)) {
    rules.push_back(std::move(rule));
  }
  rules.push_back({{"runtime.execution"},
                   config.runtime.execution == Execution::merged,
                   "merged is for searches; this training runs plain"});
  rules.push_back({{"w.decay"},
                   config.w.learning_rate.schedule != LearningRateSchedule::exponential,
                   "it is for w.schedule exponential"});
  return idle_settings(to_yaml(config), to_yaml(TrainConfig()), rules);
}

EvaluationNetworkOptions network_options(const TrainConfig& config, const Genotype& genotype,
                                         std::int64_t image_channels, std::int64_t classes) {
  EvaluationNetworkOptions options;
  options.genotype = genotype;
  options.stem = config.network.stem;
  options.cells = config.network.cells;
  options.channels = config.network.channels;
  options.image_channels = image_channels;
  options.classes = classes;
  options.auxiliary = config.network.auxiliary > 0.0;
  options.execution = config.runtime.execution;
  return options;
}

DatasetShape image_shape(const TrainConfig& config, const DatasetShape& given) {
  const DatasetEntry& set = find_dataset(config.data.set.name);
  DatasetShape shape = set.shape;
  if (shape.size == 0) {
    shape.size = set.load == nullptr ? config.data.photos.crop_size : config.data.set.image_size;
  }
  shape.size = given.size > 0 ? given.size : shape.size;
  shape.channels = given.channels > 0 ? given.channels : shape.channels;
  shape.classes = given.classes > 0 ? given.classes : shape.classes;
  if (shape.classes == 0) {
    throw Error("give --classes: how many classes " + config.data.set.name + " has is not known");
  }
  return shape;
}

double drop_path_probability(const TrainConfig& config, std::int64_t epoch) {
  return config.network.drop_path * static_cast<double>(epoch) /
         static_cast<double>(config.train.epochs);
}

}  // namespace darts
