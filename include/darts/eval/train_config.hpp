#pragma once

#include <darts/core/field_table.hpp>
#include <darts/core/resources.hpp>
#include <darts/data/image_options.hpp>
#include <darts/eval/evaluation_network.hpp>
#include <darts/eval/learning_rate.hpp>
#include <darts/ops/initialize.hpp>
#include <darts/run/options.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace darts {

/// Everything that a training depends on but the genotype, with the paper's values for CIFAR-10 as
/// defaults (A.2). Names, ranges and help of the fields are declared once, in fields().
struct TrainConfig {
  static constexpr ResourceKind recipes = ResourceKind::train_config;

  std::string name = "train";
  std::uint64_t seed = 0;

  ImageOptions data{.augmentation = {.cutout = 16}};

  struct Network {
    NetworkStem stem = NetworkStem::cifar;
    std::int64_t cells = 20;
    std::int64_t channels = 36;
    double auxiliary = 0.4;  ///< weight of the auxiliary head's loss; 0: no head
    double drop_path = 0.2;  ///< probability in the last epoch; rises linearly from 0
  } network;

  struct Train {
    std::int64_t epochs = 600;
    std::int64_t batch_size = 96;
    std::int64_t parts = 1;  ///< a batch is processed in so many parts (gradient accumulation)
    double label_smoothing = 0.0;
    double mixup = 0.0;
    double average = 0.0;    ///< decay of the moving average of w; 0: none
    double max_hours = 0.0;  ///< ends the run after this time; 0: no limit
  } train;

  struct Weights {
    WeightInit init = WeightInit::modern;
    LearningRateOptions learning_rate;
    double momentum = 0.9;
    bool nesterov = false;
    double weight_decay = 3e-4;
    double clip_norm = 5.0;
  } w;

  struct Runtime : RuntimeOptions {
    Execution execution = Execution::fused;
  } runtime;
  ParallelOptions parallel;
  RunOptions run;
};

/// The table of all keys, bound to `config`, which must outlive it.
FieldTable fields(TrainConfig& config);

/// The sizes that its memory depends on, for errors: "20 cells, 36 channels".
std::string describe_sizes(const TrainConfig& config);

/// The whole config as YAML, every key written out: what --config takes back.
std::string to_yaml(const TrainConfig& config);

/// A line for each of the settings that do nothing on `device` beside the others.
std::vector<std::string> idle_settings(const TrainConfig& config, const c10::Device& device);

/// The evaluation network that the config asks for.
EvaluationNetworkOptions network_options(const TrainConfig& config, const Genotype& genotype,
                                         std::int64_t image_channels, std::int64_t classes);

/// What the data set's images are like, as far as it is known without reading them; what `given`
/// says, where it is not 0, goes before. Throws Error if the number of classes is not known.
DatasetShape image_shape(const TrainConfig& config, const DatasetShape& given);

/// Probability of drop path in epoch `epoch`, counted from 0: it rises linearly (paper, A.2).
double drop_path_probability(const TrainConfig& config, std::int64_t epoch);

}  // namespace darts
