#pragma once

#include <cstdint>

namespace darts {

/// How the learning rate falls from epoch to epoch.
enum class LearningRateSchedule {
  cosine,       ///< to the minimum along half a cosine (paper, A.2: CIFAR-10)
  exponential,  ///< by a factor an epoch, down to the minimum (paper, A.3: ImageNet)
  linear,       ///< to the minimum along a line, as later work does with large batches on ImageNet
};

struct LearningRateOptions {
  LearningRateSchedule schedule = LearningRateSchedule::cosine;
  double start = 0.025;
  double minimum = 0.0;
  double decay = 0.97;             ///< factor an epoch; exponential only
  std::int64_t warmup_epochs = 0;  ///< the first epochs take 1/n, 2/n, … of their rate
};

/// Learning rate of epoch `epoch` of `epochs`, both counted from 0. With t = epoch / epochs:
///
///     cosine       minimum + (start − minimum) · (1 + cos πt) / 2
///     exponential  max(minimum, start · decay^epoch)
///     linear       minimum + (start − minimum) · (1 − t)
///
/// times (epoch + 1) / warmup_epochs in the first warmup_epochs.
double learning_rate(const LearningRateOptions& options, std::int64_t epoch, std::int64_t epochs);

}  // namespace darts
