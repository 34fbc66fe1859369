#pragma once

#include <darts/core/log.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/data/batch_mover.hpp>
#include <darts/data/image_source.hpp>
#include <darts/data/run_images.hpp>
#include <darts/data/split.hpp>
#include <darts/search/search_config.hpp>

#include <c10/core/Device.h>

#include <memory>
#include <optional>

namespace darts {

/// The two batches of a search step, on the search's device.
struct SearchBatches {
  Batch train;  ///< moves w
  Batch valid;  ///< moves alpha; undefined tensors if alpha moves with w
};

/// The three streams of images of a search: those that w moves on, the held-out ones that alpha
/// moves on (augmented like the others, reshuffled each time they have all been seen, whatever the
/// epoch), and the held-out ones again, without augmentation, that the validation accuracy is
/// measured on. Any data set will do, held in memory or decoded as it is read.
///
/// The batches are a function of (seed, epoch, step) alone; of several ranks each has its rows of
/// them, and all have to ask for each of them. With the joint method w and alpha move
/// on all images, the held-out ones included.
class SearchData {
 public:
  /// Opens the data set; `log` is told what is no error. Throws Error if it is missing or damaged,
  /// or too small to be split.
  SearchData(const SearchConfig& config, const c10::Device& device, const Log& log = Log::silent(),
             std::shared_ptr<Ranks> ranks = single_rank());

  std::int64_t image_channels() const { return images_->channels(); }
  std::int64_t classes() const { return images_->classes(); }
  std::int64_t height() const { return images_->height(); }
  std::int64_t width() const { return images_->width(); }
  std::string image_size() const { return images_->size_text(); }
  /// All images of the split, whichever of them are used.
  RunImages images() const;
  /// Images of a step's batch that one rank has.
  std::int64_t images_at_once() const;
  /// The memory that all images take, bytes.
  std::int64_t bytes_held() const { return images_->bytes_held(); }
  std::int64_t train_images() const { return train_.images_per_epoch(); }
  std::int64_t valid_images() const { return validation_.images_per_epoch(); }
  std::int64_t steps_per_epoch() const { return train_.batches_per_epoch(); }
  std::int64_t validation_batches() const { return validation_.batches_per_epoch(); }
  /// Where start_epoch() has to begin to go on from here.
  std::int64_t next_step() const { return train_.next_batch(); }
  /// Images of w left out since start_epoch() because they cannot be read.
  std::int64_t skipped() const { return train_.skipped(); }
  /// The same of the validation.
  std::int64_t validation_skipped() const { return validation_.skipped(); }

  /// From the next epoch on, the share of the images that are cut; of those that are never cut it
  /// changes nothing.
  void set_cutout_share(double share);
  /// Begins an epoch (counted from 0) at a step.
  void start_epoch(std::int64_t epoch, std::int64_t first_step = 0);
  /// The batches of the next step; nothing at the end of the epoch.
  std::optional<SearchBatches> next();

  /// Of the epoch at its end: the batch of held-out images that alpha moved on last, or would have
  /// moved on in orders that are not bilevel; the one before where that is not a whole batch. Every
  /// rank gets all of it.
  Batch last_held_out();

  void start_validation();
  std::optional<Batch> next_validation();

 private:
  SearchData(const SearchConfig& config, const c10::Device& device,
             const std::shared_ptr<const ImageSource>& images, std::shared_ptr<Ranks> ranks);
  SearchData(const SearchConfig& config, const c10::Device& device,
             std::shared_ptr<const ImageSource> images, const IndexSplit& parts,
             std::shared_ptr<Ranks> ranks);

  Batch next_held_out(std::int64_t number);
  void start_held_out(std::int64_t number);
  BatchLoader whole_held_out() const;

  BatchMover mover_;
  std::shared_ptr<Ranks> ranks_;
  LoaderOptions held_out_options_;
  std::vector<std::int64_t> held_out_indices_;
  bool bilevel_;
  std::int64_t batch_size_;
  std::shared_ptr<const ImageSource> images_;
  BatchLoader train_;
  BatchLoader held_out_;
  BatchLoader validation_;
  std::int64_t epoch_ = 0;
  std::int64_t pass_ = -1;  ///< of the held-out images that is under way
};

}  // namespace darts
