#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/search/search_data.hpp>

#include <algorithm>
#include <utility>

namespace darts {
namespace {

std::vector<std::int64_t> used_images(const SearchConfig& config, const ImageSource& images) {
  std::vector<std::int64_t> used = part_order(images, config.data.hold_out);
  const auto limit = static_cast<std::size_t>(config.data.limit);
  if (limit > 0 && limit < used.size()) {
    used.resize(limit);
  }
  return used;
}

/// The parts of every class that the config asks for.
IndexSplit split_by_class(const SearchConfig& config, const ImageSource& images) {
  const SearchConfig::Data& data = config.data;
  if (data.portion_w == 0.0 || data.portion_alpha == 0.0) {
    throw Error("data.portion_w and data.portion_alpha go together; one of them is 0");
  }
  if (data.limit > 0) {
    throw Error(
        "data.limit does not go with data.portion_w and data.portion_alpha, which say how "
        "many images are used");
  }
  return split_classes(images, data.portion_w, data.portion_alpha, config.seed, data.hold_out);
}

/// Which images move w, and which are held out. Throws Error if there are too few for either.
IndexSplit split(const SearchConfig& config, const ImageSource& images) {
  const bool by_class = config.data.portion_w != 0.0 || config.data.portion_alpha != 0.0;
  IndexSplit parts = by_class
                         ? split_by_class(config, images)
                         : split_indices(used_images(config, images), config.data.train_portion);
  if (parts.first.size() < 2 || parts.rest.size() < 2) {
    const std::string keys = by_class                ? "data.portion_w and data.portion_alpha"
                             : config.data.limit > 0 ? "data.limit and data.train_portion"
                                                     : "data.train_portion";
    throw Error(keys + ": " + format_count(std::ssize(used_images(config, images))) +
                " images are split into " + std::to_string(parts.first.size()) + " for w and " +
                std::to_string(parts.rest.size()) + " for alpha; each needs at least 2");
  }
  return parts;
}

std::vector<std::int64_t> train_indices(const SearchConfig& config, const IndexSplit& parts) {
  std::vector<std::int64_t> indices = parts.first;
  if (!find_order(config.search.order).bilevel) {
    indices.insert(indices.end(), parts.rest.begin(), parts.rest.end());
  }
  return indices;
}

LoaderOptions loader_options(const SearchConfig& config, const c10::Device& device,
                             const std::shared_ptr<Ranks>& ranks) {
  LoaderOptions options =
      train_loader_options(config.data, config.search.batch_size, device.is_cuda());
  options.channels_last = config.runtime.channels_last;
  options.seed = config.seed;
  options.share.ranks = ranks;
  return options;
}

/// Of passes without training, unless they go by the statistics of batches.
LoaderOptions validation_options(const SearchConfig& config, LoaderOptions options) {
  const bool by_batch = config.search.validation_statistics == ValidationStatistics::batch ||
                        config.selection.by != Selection::none;
  options.share.small = by_batch ? SmallBatch::replicate : SmallBatch::share;
  return in_order(options);
}

LoaderOptions held_out_options(const SearchConfig& config, LoaderOptions options) {
  options.draw = config.search.held_out_batches == HeldOutBatches::drawn;
  options.order_purpose = RandomPurpose::search_order;
  options.augment_purpose = RandomPurpose::search_augment;
  return options;
}

}  // namespace

SearchData::SearchData(const SearchConfig& config, const c10::Device& device, const Log& log,
                       std::shared_ptr<Ranks> ranks)
    : SearchData(config, device, open_train_images(config.data, log), std::move(ranks)) {}

SearchData::SearchData(const SearchConfig& config, const c10::Device& device,
                       const std::shared_ptr<const ImageSource>& images,
                       std::shared_ptr<Ranks> ranks)
    : SearchData(config, device, images, split(config, *images), std::move(ranks)) {}

SearchData::SearchData(const SearchConfig& config, const c10::Device& device,
                       std::shared_ptr<const ImageSource> images, const IndexSplit& parts,
                       std::shared_ptr<Ranks> ranks)
    : mover_(device),
      ranks_(std::move(ranks)),
      held_out_options_(held_out_options(config, loader_options(config, device, ranks_))),
      held_out_indices_(parts.rest),
      bilevel_(find_order(config.search.order).bilevel),
      batch_size_(config.search.batch_size),
      images_(std::move(images)),
      train_(images_, train_indices(config, parts), loader_options(config, device, ranks_)),
      held_out_(images_, parts.rest, held_out_options_),
      validation_(images_->unaugmented(), parts.rest,
                  validation_options(config, loader_options(config, device, ranks_))) {}

RunImages SearchData::images() const {
  return {images_->class_names(), {{"training", list_of(*images_)}}};
}

std::int64_t SearchData::images_at_once() const {
  const int ranks = ranks_->size();
  return share_of(std::min(batch_size_, train_images()), ranks - 1, ranks).rows;
}

void SearchData::set_cutout_share(double share) {
  if (auto images = images_->with_cutout_share(share)) {
    images_ = std::move(images);
    train_.use(images_);
    held_out_.use(images_);
  }
}

void SearchData::start_epoch(std::int64_t epoch, std::int64_t first_step) {
  epoch_ = epoch;
  train_.start(epoch, first_step);
  if (bilevel_) {
    start_held_out(epoch * train_.batches_per_epoch() + first_step);
  }
}

std::optional<SearchBatches> SearchData::next() {
  std::optional<Batch> train = train_.next();
  if (!train) {
    return std::nullopt;
  }
  SearchBatches batches{mover_.move(std::move(*train)), {}};
  if (bilevel_) {
    // One held-out batch a step since the beginning of the search, in passes of their own length.
    const std::int64_t step = train_.next_batch() - 1;
    batches.valid = mover_.move(next_held_out(epoch_ * train_.batches_per_epoch() + step));
  }
  return batches;
}

/// `number`: of the batch, since the beginning of the search.
void SearchData::start_held_out(std::int64_t number) {
  const std::int64_t a_pass = held_out_.batches_per_epoch();
  pass_ = number / a_pass;
  held_out_.start(pass_, number % a_pass);
}

/// The held-out batch of that number, or the next one of which an image can be read.
Batch SearchData::next_held_out(std::int64_t number) {
  const std::int64_t a_pass = held_out_.batches_per_epoch();
  if (pass_ != number / a_pass || held_out_.next_batch() != number % a_pass) {
    start_held_out(number);  // where a pass ends, and where batches were passed over
  }
  std::optional<Batch> batch = held_out_.next();
  if (!batch) {
    start_held_out((number / a_pass + 1) * a_pass);
    batch = held_out_.next();
  }
  if (!batch) {
    throw Error("none of the images for alpha can be read");
  }
  return std::move(*batch);
}

/// Makes all rows, on each rank.
BatchLoader SearchData::whole_held_out() const {
  LoaderOptions options = held_out_options_;
  options.share = {};
  options.workers = 0;
  return {images_, held_out_indices_, options};
}

Batch SearchData::last_held_out() {
  const std::int64_t last = (epoch_ + 1) * train_.batches_per_epoch() - 1;
  const std::int64_t a_pass = held_out_.batches_per_epoch();
  const bool cut_off = held_out_.images_per_epoch() < a_pass * batch_size_;
  const bool is_part = cut_off && last % a_pass == a_pass - 1;
  const std::int64_t number = is_part && last > 0 ? last - 1 : last;
  BatchLoader whole = whole_held_out();
  whole.start(number / a_pass, number % a_pass);
  std::optional<Batch> batch = whole.next();
  if (!batch) {  // none of its images can be read
    whole.start(number / a_pass + 1);
    batch = whole.next();
  }
  if (!batch) {
    throw Error("none of the images for alpha can be read");
  }
  return mover_.move(*std::move(batch));
}

void SearchData::start_validation() { validation_.start(0); }

std::optional<Batch> SearchData::next_validation() {
  std::optional<Batch> batch = validation_.next();
  return batch ? std::optional(mover_.move(std::move(*batch))) : std::nullopt;
}

}  // namespace darts
