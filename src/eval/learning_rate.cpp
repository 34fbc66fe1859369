#include <darts/eval/learning_rate.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace darts {
namespace {

double scheduled(const LearningRateOptions& o, std::int64_t epoch, std::int64_t epochs) {
  const double t = static_cast<double>(epoch) / static_cast<double>(epochs);
  const double range = o.start - o.minimum;
  switch (o.schedule) {
    case LearningRateSchedule::cosine:
      return o.minimum + range * (1.0 + std::cos(std::numbers::pi * t)) / 2.0;
    case LearningRateSchedule::exponential:
      return std::max(o.minimum, o.start * std::pow(o.decay, static_cast<double>(epoch)));
    case LearningRateSchedule::linear:
      break;
  }
  return o.minimum + range * (1.0 - t);
}

}  // namespace

double learning_rate(const LearningRateOptions& options, std::int64_t epoch, std::int64_t epochs) {
  const double rate = scheduled(options, epoch, epochs);
  return epoch < options.warmup_epochs
             ? rate * static_cast<double>(epoch + 1) / static_cast<double>(options.warmup_epochs)
             : rate;
}

}  // namespace darts
