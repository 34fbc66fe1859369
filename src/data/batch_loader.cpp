#include "prefetcher.hpp"

#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/data/image_set_source.hpp>

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>

namespace darts {
namespace {

void check_options(const LoaderOptions& options) {
  const auto require = [](bool holds, const char* what, std::int64_t value) {
    if (!holds) {
      throw Error(std::string(what) + ", not " + std::to_string(value));
    }
  };
  require(options.batch_size >= 1, "a batch must have at least 1 image", options.batch_size);
  require(options.workers >= 0, "the loader's workers must be 0 or more", options.workers);
  require(options.prefetch >= 1, "the loader must prefetch at least 1 batch", options.prefetch);
}

void check_indices(const ImageSource& source, std::span<const std::int64_t> indices) {
  for (const std::int64_t index : indices) {
    TORCH_CHECK_INDEX(index >= 0 && index < source.size(), "BatchLoader: index ", index, " into ",
                      source.size(), " images");
  }
}

std::vector<std::int64_t> all_indices(const ImageSource& source) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(source.size()));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

void shuffle(std::vector<std::int64_t>& order, RandomStream random) {
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random.below(left)]);
  }
}

/// H×W×C → C×H×W, in a plain loop: the workers must not wake LibTorch's threads.
void to_planes(std::span<const float> image, std::int64_t channels, float* planes) {
  const auto pixels = static_cast<std::int64_t>(image.size()) / channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      *planes++ = image[static_cast<std::size_t>(pixel * channels + c)];
    }
  }
}

}  // namespace

std::int64_t Batch::all() const { return shares.empty() ? images.size(0) : whole_of(shares); }

struct BatchLoader::Impl {
  std::shared_ptr<const ImageSource> source;
  std::vector<std::int64_t> indices;
  LoaderOptions options;
  std::vector<std::int64_t> order;  // of the epoch: indices, permuted
  std::uint64_t epoch = 0;
  std::int64_t next_batch = 0;
  std::int64_t skipped = 0;
  std::unique_ptr<detail::Prefetcher> prefetcher;  // last: its workers use the members above

  Impl(std::shared_ptr<const ImageSource> source_, std::vector<std::int64_t> indices_,
       const LoaderOptions& options_)
      : source(std::move(source_)), indices(std::move(indices_)), options(options_) {
    check_options(options);
    check_indices(*source, indices);
    options.pin_memory = options.pin_memory && at::hasCUDA();
  }

  std::int64_t images() const { return static_cast<std::int64_t>(indices.size()); }

  Batch new_batch(std::int64_t count) const {
    const auto format =
        options.channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    const auto memory = at::TensorOptions().pinned_memory(options.pin_memory);
    return {.images = at::empty({count, source->channels(), source->height(), source->width()},
                                memory.dtype(at::kFloat).memory_format(format)),
            .labels = at::empty({count}, memory.dtype(at::kLong))};
  }

  /// The images of batch `number`, in their order.
  std::vector<std::int64_t> images_of(std::int64_t number) const {
    if (options.draw) {
      std::vector<std::int64_t> drawn = indices;
      shuffle(drawn, RandomStream(options.seed, options.order_purpose, epoch,
                                  1 + static_cast<std::uint64_t>(number)));
      drawn.resize(static_cast<std::size_t>(std::min(options.batch_size, images())));
      return drawn;
    }
    const std::int64_t begin = number * options.batch_size;
    const std::int64_t end = std::min(begin + options.batch_size, images());
    return {order.begin() + begin, order.begin() + end};
  }

  bool is_shared() const { return options.share.ranks && !options.share.ranks->alone(); }

  /// Of a batch of so many images, which rows are this rank's; empty: all.
  std::vector<BatchShare> shares_of(std::int64_t all) const {
    const LoaderShare& o = options.share;
    return is_shared() ? darts::shares_of(all, o.parts, o.ranks->rank(), o.ranks->size(), o.small)
                       : std::vector<BatchShare>();
  }

  /// What an image of batch `number` is augmented with.
  RandomStream augmentation_of(std::int64_t index, std::int64_t number) const {
    const std::int64_t time = options.draw ? number : 0;  // an image may come several times
    return {options.seed, options.augment_purpose, epoch,
            static_cast<std::uint64_t>(index + time * source->size())};
  }

  /// Writes an image in the batch's layout; `scratch` has room for one. False: left out.
  bool read(std::int64_t index, RandomStream random, std::span<float> scratch,
            std::span<float> out) const {
    if (options.channels_last) {
      return source->read(index, random, out);
    }
    if (!source->read(index, random, scratch)) {
      return false;
    }
    to_planes(scratch, source->channels(), out.data());
    return true;
  }

  /// Workers call this at the same time.
  Batch make(std::int64_t number) const {
    const std::vector<std::int64_t> images = images_of(number);
    std::vector<BatchShare> shares = shares_of(std::ssize(images));
    std::vector<bool> read_well;
    if (shares.empty()) {
      return fill(number, images, read_well);
    }
    std::vector<std::int64_t> own;
    for (const BatchShare& share : shares) {
      own.insert(own.end(), images.begin() + share.first,
                 images.begin() + share.first + share.rows);
    }
    Batch batch = fill(number, own, read_well);
    batch.skipped = 0;
    auto row = read_well.cbegin();
    for (BatchShare& share : shares) {
      const auto end = row + share.rows;
      const std::int64_t left = std::count(row, end, true);
      // What all ranks have tried to read, the first one counts.
      batch.skipped += share.replicated && !options.share.ranks->is_first() ? 0 : share.rows - left;
      share.rows = left;
      row = end;
    }
    batch.shares = std::move(shares);
    return batch;
  }

  /// Makes of a rank's batch what it is given what the others could read of theirs. Whether there
  /// is anything to be made of it.
  bool agree(Batch& batch) const {
    if (batch.shares.empty() || !source->may_skip()) {
      return !batch.shares.empty() || batch.labels.size(0) > 0;
    }
    Ranks& ranks = *options.share.ranks;
    const bool trains = options.share.small == SmallBatch::replicate;
    const bool usable = agree_on_rows(ranks, batch.shares, trains ? 2 : 0);
    std::vector<double> numbers{static_cast<double>(batch.skipped),
                                usable ? 0.0 : static_cast<double>(batch.labels.size(0))};
    ranks.sum(numbers);
    batch.skipped = static_cast<std::int64_t>(numbers[0] + numbers[1]);
    return usable;
  }

  /// Of these images of batch `number`, those that can be read; `read_well` becomes which.
  Batch fill(std::int64_t number, const std::vector<std::int64_t>& images,
             std::vector<bool>& read_well) const {
    const auto count = std::ssize(images);
    Batch batch = new_batch(count);
    const auto values = static_cast<std::size_t>(source->image_values());
    auto* out = batch.images.mutable_data_ptr<float>();
    auto* labels = batch.labels.mutable_data_ptr<std::int64_t>();
    std::vector<float> scratch(options.channels_last ? 0 : values);
    std::int64_t made = 0;
    for (const std::int64_t index : images) {
      read_well.push_back(read(index, augmentation_of(index, number), scratch, {out, values}));
      if (read_well.back()) {
        labels[made++] = source->label(index);
        out += values;
      }
    }
    if (made < count) {
      batch.images = batch.images.narrow(0, 0, made);
      batch.labels = batch.labels.narrow(0, 0, made);
      batch.skipped = count - made;
    }
    return batch;
  }
};

BatchLoader::BatchLoader(std::shared_ptr<const ImageSource> images,
                         std::vector<std::int64_t> indices, LoaderOptions options)
    : impl_(std::make_unique<Impl>(std::move(images), std::move(indices), options)) {}

BatchLoader::BatchLoader(std::shared_ptr<const ImageSource> images, LoaderOptions options)
    : BatchLoader(images, all_indices(*images), options) {}

BatchLoader::BatchLoader(std::shared_ptr<const ImageSet> images, std::vector<std::int64_t> indices,
                         LoaderOptions options)
    : BatchLoader(std::make_shared<const ImageSetSource>(std::move(images), options.augmentation),
                  std::move(indices), options) {}

BatchLoader::~BatchLoader() = default;
BatchLoader::BatchLoader(BatchLoader&&) noexcept = default;
BatchLoader& BatchLoader::operator=(BatchLoader&&) noexcept = default;

std::int64_t BatchLoader::images_per_epoch() const { return impl_->images(); }

std::int64_t BatchLoader::batches_per_epoch() const {
  const std::int64_t size = impl_->options.batch_size;
  const bool whole = impl_->options.drop_last && impl_->images() >= size;
  return (impl_->images() + (whole ? 0 : size - 1)) / size;
}

void BatchLoader::start(std::int64_t epoch, std::int64_t first_batch) {
  TORCH_CHECK(epoch >= 0 && first_batch >= 0 && first_batch <= batches_per_epoch(),
              "BatchLoader: cannot start epoch ", epoch, " at batch ", first_batch, " of ",
              batches_per_epoch());
  Impl& impl = *impl_;
  impl.prefetcher.reset();  // before what its workers read changes
  impl.epoch = static_cast<std::uint64_t>(epoch);
  impl.next_batch = first_batch;
  impl.skipped = 0;
  impl.order = impl.indices;
  if (impl.options.shuffle) {
    shuffle(impl.order, RandomStream(impl.options.seed, impl.options.order_purpose, impl.epoch));
  }
  const detail::Prefetcher::Options options{.first = first_batch,
                                            .end = batches_per_epoch(),
                                            .workers = impl.options.workers,
                                            .prefetch = impl.options.prefetch};
  impl.prefetcher =
      doing("start the loader's " + std::to_string(impl.options.workers) + " workers", [&] {
        return std::make_unique<detail::Prefetcher>(
            [&impl](std::int64_t number) { return impl.make(number); }, options);
      });
}

void BatchLoader::use(std::shared_ptr<const ImageSource> images) {
  TORCH_CHECK(images->size() == impl_->source->size() &&
                  images->image_values() == impl_->source->image_values(),
              "BatchLoader: as many images of the same size expected");
  impl_->prefetcher.reset();  // before what its workers read changes
  impl_->source = std::move(images);
}

std::optional<Batch> BatchLoader::next() {
  std::optional<Batch> batch;
  bool usable = true;
  do {
    batch = impl_->prefetcher ? impl_->prefetcher->next() : std::nullopt;
    usable = !batch || impl_->agree(*batch);
    impl_->skipped += batch ? batch->skipped : 0;
    impl_->next_batch += batch ? 1 : 0;
  } while (!usable);
  return batch;
}

std::int64_t BatchLoader::next_batch() const { return impl_->next_batch; }

std::int64_t BatchLoader::skipped() const { return impl_->skipped; }

}  // namespace darts
