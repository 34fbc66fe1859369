#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/data/dataset.hpp>
#include <darts/eval/evaluation_network.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace darts {

/// What a checkpoint says of its network, beside the tensors: enough to build it again and to feed
/// it images as it was fed in training. The entry `network` of the checkpoint's meta data.
struct NetworkDescription {
  EvaluationNetworkOptions options;
  std::string dataset;      ///< a name of dataset_table(), or empty if it is not known
  std::string root;         ///< folder that the data set lay in
  std::int64_t height = 0;  ///< of the images, pixels
  std::int64_t width = 0;
  std::int64_t resize_size = 0;  ///< shorter side to which a picture is resized before the crop
  std::vector<std::string> class_names;  ///< options.classes of them
  PixelStatistics statistics;            ///< that the images are normalised with

  /// Whether `class_names` are names. An imported network's may be nothing but numbers, from 0 on
  /// in their order, where it is not known what they stand for; folders called so would be in the
  /// order of their names ("10" before "2"), and of a data set that is known.
  bool names_classes() const;
};

/// {"genotype": …, "stem": "cifar"|"imagenet", "cells", "channels", "image_channels", "classes",
/// "auxiliary", "dataset", "root", "height", "width", "resize_size",
/// "class_names", "mean", "stddev"}.
nlohmann::ordered_json to_json(const NetworkDescription& network);

/// The description in a checkpoint's meta data. Throws Error that names the file if it has none.
NetworkDescription network_description_of(const Checkpoint& checkpoint);

/// Which of a checkpoint's weights.
enum class WeightsKind {
  best_known,  ///< the moving average where there is one, else as trained
  trained,     ///< as the optimizer left them
};

/// The network of a checkpoint, in evaluation mode. Throws Error if the checkpoint is not one of an
/// evaluation network, its tensors do not fit its own description, or hold numbers that are not
/// finite.
EvaluationNetwork load_network(const Checkpoint& checkpoint, WeightsKind kind);

/// Copies the weights of another training into `network`, for fine-tuning. The classifiers stay as
/// they are where the other training had other classes than `class_names` (others by name, or in
/// another order, or another number of them), and so does an auxiliary head that it did not have.
/// Throws Error if anything else does not fit. Returns the names of the parameters that stayed.
std::vector<std::string> initialize_from(EvaluationNetwork& network,
                                         const std::vector<std::string>& class_names,
                                         const Checkpoint& checkpoint);

}  // namespace darts
