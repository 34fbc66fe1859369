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

namespace {

/// Images a second that the loader delivers.
double loader_speed(const Trial& t) {
  return static_cast<double>(t.loader.images) / t.loader.seconds;
}

}  // namespace

double epoch_seconds(const Trial& t) {
  const double delivery = static_cast<double>(t.loaded) / loader_speed(t);
  const double test_delivery = static_cast<double>(t.images) / loader_speed(t);
  return static_cast<double>(t.steps) * std::max(t.step_seconds, delivery) +
         static_cast<double>(t.test_batches) * std::max(t.test_seconds, test_delivery);
}

double whole_seconds(const Trial& t) { return static_cast<double>(t.epochs) * epoch_seconds(t); }

void report(const Trial& t, const c10::Device& device, const Log& log) {
  const double speed = loader_speed(t);
  const double delivery = static_cast<double>(t.loaded) / speed;
  log.info("steps an epoch: " + format_count(t.steps));
  log.info("step: " + format_duration(t.step_seconds) + ", " +
           format_fixed(static_cast<double>(t.images) / t.step_seconds, 0) + " images/s" +
           t.trained_on + "; the loader alone delivers " + format_fixed(speed, 0) + " images/s" +
           (delivery > t.step_seconds ? ", which limits the " + t.what : ""));
  if (t.loader.skipped > 0) {
    log.warn(format_count(t.loader.skipped) + " of the first " +
             format_count(t.loader.images + t.loader.skipped) + " images cannot be read");
  }
  log.info("epoch: about " + format_duration(epoch_seconds(t)) + "; the whole " + t.what +
           ": about " + format_duration(whole_seconds(t)));
  log.info(
      "memory at the peak: " + format_bytes(static_cast<std::uint64_t>(peak_memory_bytes(device))) +
      " on " + device.str());
}

}  // namespace darts
