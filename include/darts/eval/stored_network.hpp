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
/// evaluation network or its tensors do not fit its own description.
EvaluationNetwork load_network(const Checkpoint& checkpoint, WeightsKind kind);

/// Copies the weights of another training into `network`, for fine-tuning: all that have the same
/// name and shape. The classifiers may have another number of classes, and the other training no
/// auxiliary head; these then stay as they are. Throws Error if anything else does not fit. Returns
/// the names of the parameters that stayed.
std::vector<std::string> initialize_from(EvaluationNetwork& network, const Checkpoint& checkpoint);

}  // namespace darts
