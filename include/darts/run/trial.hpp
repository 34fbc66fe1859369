#pragma once

#include <darts/core/log.hpp>

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace darts {

// What --dry-run measures before a long run, and what it concludes.

/// What the loader delivers by itself.
struct LoaderTrial {
  std::int64_t images = 0;   ///< that it delivered, …
  std::int64_t skipped = 0;  ///< … and that it could not read
  double seconds = 0.0;
};

struct Trial {
  std::string what;             ///< "search", "training"
  std::string trained_on = {};  ///< " of w": whose images a step counts; may be empty
  LoaderTrial loader = {};
  std::int64_t epochs = 0;
  std::int64_t steps = 0;         ///< of an epoch
  std::int64_t images = 0;        ///< of a step
  std::int64_t loaded = 0;        ///< images that the loader delivers for a step
  double step_seconds = 0.0;      ///< of a step whose images are there
  std::int64_t test_batches = 0;  ///< that an epoch ends with
  double test_seconds = 0.0;      ///< of one of them
  std::int64_t parameters = 0;    ///< numbers in w
};

/// The time of an epoch, and of the whole run. What is faster, the loader or the steps, waits for
/// the other.
double epoch_seconds(const Trial& trial);
double whole_seconds(const Trial& trial);

/// Wall time of `work`.
double seconds_of(const std::function<void()>& work);

/// Takes up to 64 batches by `next`, which gives the number of images in one; nothing at the end.
LoaderTrial try_loader(const std::function<std::optional<std::int64_t>()>& next);

/// Logs steps, times of a step, an epoch and the whole run, and the memory at its peak.
void report(const Trial& trial, const c10::Device& device, const Log& log);

}  // namespace darts
