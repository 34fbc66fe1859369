#include <darts/core/error.hpp>
#include <darts/data/split.hpp>
#include <darts/search/search_data.hpp>

namespace darts {
namespace {

std::vector<std::int64_t> used_images(const SearchConfig& config, const ImageSet& images) {
  std::vector<std::int64_t> used = part_order(images);
  const auto limit = static_cast<std::size_t>(config.data.limit);
  if (limit > 0 && limit < used.size()) {
    used.resize(limit);
  }
  return used;
}

/// Which images move w, and which are held out. Throws Error if there are too few for either.
IndexSplit split(const SearchConfig& config, const ImageSet& images) {
  const std::vector<std::int64_t> used = used_images(config, images);
  IndexSplit parts = split_indices(used, config.data.train_portion);
  if (parts.first.size() < 2 || parts.rest.size() < 2) {
    throw Error("data.train_portion: " + std::to_string(used.size()) + " images are split into " +
                std::to_string(parts.first.size()) + " for w and " +
                std::to_string(parts.rest.size()) + " for alpha; each needs at least 2");
  }
  return parts;
}

std::vector<std::int64_t> train_indices(const SearchConfig& config, const ImageSet& images) {
  return find_order(config.search.order).bilevel ? split(config, images).first
                                                 : used_images(config, images);
}

LoaderOptions loader_options(const SearchConfig& config, const c10::Device& device) {
  LoaderOptions options;
  options.batch_size = config.search.batch_size;
  options.workers = static_cast<int>(config.data.workers);
  options.prefetch = static_cast<int>(config.data.prefetch);
  options.drop_last = config.data.drop_last;
  options.pin_memory = device.is_cuda();
  options.channels_last = config.runtime.channels_last;
  options.augmentation = config.data.augmentation;
  options.seed = config.seed;
  return options;
}

LoaderOptions held_out_options(LoaderOptions options) {
  options.order_purpose = RandomPurpose::search_order;
  options.augment_purpose = RandomPurpose::search_augment;
  return options;
}

LoaderOptions validation_options(LoaderOptions options) {
  options.shuffle = false;
  options.drop_last = false;
  options.augmentation = Augmentation::none();
  return options;
}

}  // namespace

SearchData::SearchData(const SearchConfig& config, const c10::Device& device)
    : mover_(device),
      bilevel_(find_order(config.search.order).bilevel),
      images_(std::make_shared<const ImageSet>(load_dataset(config.data.set, Split::train))),
      train_(images_, train_indices(config, *images_), loader_options(config, device)),
      held_out_(images_, split(config, *images_).rest,
                held_out_options(loader_options(config, device))),
      validation_(images_, split(config, *images_).rest,
                  validation_options(loader_options(config, device))) {}

void SearchData::start_epoch(std::int64_t epoch, std::int64_t first_step) {
  train_.start(epoch, first_step);
  if (bilevel_) {
    // One held-out batch a step since the beginning of the search, in passes of their own length.
    const std::int64_t seen = epoch * train_.batches_per_epoch() + first_step;
    pass_ = seen / held_out_.batches_per_epoch();
    held_out_.start(pass_, seen % held_out_.batches_per_epoch());
  }
}

std::optional<SearchBatches> SearchData::next() {
  std::optional<Batch> train = train_.next();
  if (!train) {
    return std::nullopt;
  }
  SearchBatches batches{mover_.move(std::move(*train)), {}};
  if (bilevel_) {
    batches.valid = mover_.move(next_held_out());
  }
  return batches;
}

Batch SearchData::next_held_out() {
  std::optional<Batch> batch = held_out_.next();
  if (!batch) {
    held_out_.start(++pass_);
    batch = held_out_.next();
  }
  return std::move(batch).value();
}

void SearchData::start_validation() { validation_.start(0); }

std::optional<Batch> SearchData::next_validation() {
  std::optional<Batch> batch = validation_.next();
  return batch ? std::optional(mover_.move(std::move(*batch))) : std::nullopt;
}

}  // namespace darts
