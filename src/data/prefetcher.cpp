#include "prefetcher.hpp"

#include <torch/data/dataloader/stateless.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace darts::detail {
namespace {

/// A request to LibTorch's loader: one batch.
struct BatchNumber {
  std::int64_t value = 0;
  static std::size_t size() { return 1; }
};

/// The sampler: the numbers of the batches, in order.
class Numbers {
 public:
  using BatchRequestType = BatchNumber;

  Numbers(std::int64_t first, std::int64_t end) : first_(first), end_(end), next_(first) {}

  void reset() { next_ = first_; }

  std::optional<BatchNumber> next(std::size_t) {
    return next_ < end_ ? std::optional(BatchNumber{next_++}) : std::nullopt;
  }

 private:
  std::int64_t first_;
  std::int64_t end_;
  std::int64_t next_;
};

/// The data set: makes the batch of a number.
struct Maker {
  using BatchType = Batch;

  std::function<Batch(std::int64_t)> make;

  Batch get_batch(BatchNumber number) const { return make(number.value); }
};

torch::data::DataLoaderOptions loader_options(const Prefetcher::Options& options) {
  torch::data::DataLoaderOptions result(/*batch_size=*/1);
  const auto workers = static_cast<std::size_t>(std::max(options.workers, 0));
  result.workers(workers);
  // Without workers nobody would take jobs that are queued ahead: their batches would be lost.
  result.max_jobs(workers == 0 ? 0 : static_cast<std::size_t>(std::max(options.prefetch, 1)));
  result.enforce_ordering(true);
  return result;
}

}  // namespace

struct Prefetcher::Impl {
  using Loader = torch::data::StatelessDataLoader<Maker, Numbers>;

  Loader loader;
  torch::data::Iterator<Batch> position;
  torch::data::Iterator<Batch> end;
  bool at_first = true;

  Impl(std::function<Batch(std::int64_t)> make, const Options& options)
      : loader(Maker{std::move(make)}, Numbers(options.first, options.end),
               loader_options(options)),
        position(loader.begin()),  // from here on the workers are at work
        end(loader.end()) {}

  std::optional<Batch> next() {
    if (!std::exchange(at_first, false)) {
      ++position;
    }
    return position == end ? std::nullopt : std::optional(std::move(*position));
  }
};

Prefetcher::Prefetcher(std::function<Batch(std::int64_t)> make, const Options& options)
    : impl_(std::make_unique<Impl>(std::move(make), options)) {}

Prefetcher::~Prefetcher() = default;

std::optional<Batch> Prefetcher::next() {
  if (!impl_) {
    return std::nullopt;
  }
  try {
    std::optional<Batch> batch = impl_->next();
    if (!batch) {
      impl_.reset();
    }
    return batch;
  } catch (const torch::data::WorkerException& failure) {
    const std::exception_ptr original = failure.original_exception;
    impl_.reset();
    std::rethrow_exception(original);
  } catch (...) {
    impl_.reset();
    throw;
  }
}

}  // namespace darts::detail
