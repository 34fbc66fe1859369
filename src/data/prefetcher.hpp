#pragma once

#include <darts/data/batch_loader.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace darts::detail {

/// Makes the batches of one epoch, in order, ahead of time. Wraps LibTorch's data loader, whose
/// headers are heavy.
class Prefetcher {
 public:
  struct Options {
    std::int64_t first = 0;  ///< number of the first batch
    std::int64_t end = 0;    ///< one past the number of the last
    int workers = 0;         ///< threads; 0: next() makes the batch itself
    int prefetch = 1;        ///< batches that are ready or being made at a time
  };

  /// `make` turns a batch's number into the batch; workers call it at the same time, and nothing in
  /// it may use LibTorch's own threads.
  Prefetcher(std::function<Batch(std::int64_t)> make, const Options& options);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The next batch; nullopt after the last one. Throws what `make` threw, and then no more.
  std::optional<Batch> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace darts::detail
