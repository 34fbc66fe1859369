#include <darts/core/device.hpp>
#include <darts/core/text.hpp>
#include <darts/run/trial.hpp>

#include <algorithm>
#include <chrono>

namespace darts {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

LoaderTrial try_loader(const std::function<std::optional<std::int64_t>()>& next) {
  constexpr int most_batches = 64;
  LoaderTrial trial;
  trial.seconds = seconds_of([&] {
    for (int i = 0; i < most_batches; ++i) {
      const std::optional<std::int64_t> images = next();
      if (!images) {
        break;
      }
      trial.images += *images;
    }
  });
  return trial;
}

void report(const Trial& t, const c10::Device& device, const Log& log) {
  const double speed = static_cast<double>(t.loader.images) / t.loader.seconds;
  const double delivery = static_cast<double>(t.loaded) / speed;
  const double test_delivery = static_cast<double>(t.images) / speed;
  const double epoch =
      static_cast<double>(t.steps) * std::max(t.step_seconds, delivery) +
      static_cast<double>(t.test_batches) * std::max(t.test_seconds, test_delivery);
  log.info("steps an epoch: " + format_count(t.steps));
  log.info("step: " + format_duration(t.step_seconds) + ", " +
           format_fixed(static_cast<double>(t.images) / t.step_seconds, 0) + " images/s" +
           t.trained_on + "; the loader alone delivers " + format_fixed(speed, 0) + " images/s" +
           (delivery > t.step_seconds ? ", which limits the " + t.what : ""));
  if (t.loader.skipped > 0) {
    log.warn(format_count(t.loader.skipped) + " of the first " +
             format_count(t.loader.images + t.loader.skipped) + " images cannot be read");
  }
  log.info("epoch: about " + format_duration(epoch) + "; the whole " + t.what + ": about " +
           format_duration(epoch * static_cast<double>(t.epochs)));
  log.info(
      "memory at the peak: " + format_bytes(static_cast<std::uint64_t>(peak_memory_bytes(device))) +
      " on " + device.str());
}

}  // namespace darts
