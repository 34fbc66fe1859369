#pragma once

#include <darts/core/log.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/data/batch_mover.hpp>
#include <darts/data/run_images.hpp>
#include <darts/eval/stored_network.hpp>
#include <darts/eval/train_config.hpp>

#include <c10/core/Device.h>

#include <memory>
#include <optional>

namespace darts {

/// The two streams of images of a training: the training images, augmented and in a new order each
/// epoch, and those that it is tested on as they are: the test set or, where data.hold_out keeps
/// training images for selection, these. Then no test image is looked at. The batches are a
/// function of (seed, epoch, step) alone.
class TrainData {
 public:
  /// Reads the data set; `log` is told what is no error. Throws Error if it is missing or damaged.
  /// Of several ranks each has its rows of the batches, and all have to ask for each of them.
  TrainData(const TrainConfig& config, const c10::Device& device, const Log& log,
            std::shared_ptr<Ranks> ranks = single_rank());

  std::int64_t image_channels() const { return train_images_->channels(); }
  std::int64_t height() const { return train_images_->height(); }
  std::int64_t width() const { return train_images_->width(); }
  std::string image_size() const { return train_images_->size_text(); }
  const std::vector<std::string>& class_names() const { return train_images_->class_names(); }
  const PixelStatistics& statistics() const { return train_images_->statistics(); }
  /// All images of the splits that are read.
  RunImages images() const;
  /// Images of a step's batch that one rank has.
  std::int64_t images_at_once() const { return images_at_once_; }
  /// The memory that all images take, bytes.
  std::int64_t bytes_held() const {
    return train_images_->bytes_held() + (holds_out_ ? 0 : test_images_->bytes_held());
  }
  std::int64_t train_images() const { return train_.images_per_epoch(); }
  std::int64_t test_images() const { return test_.images_per_epoch(); }
  /// Where start_epoch() has to begin to go on from here.
  std::int64_t next_step() const { return train_.next_batch(); }
  /// Training images left out since start_epoch() because they cannot be read.
  std::int64_t skipped() const { return train_.skipped(); }
  std::int64_t steps_per_epoch() const { return train_.batches_per_epoch(); }
  std::int64_t test_batches() const { return test_.batches_per_epoch(); }

  /// Begins an epoch (counted from 0) at a step.
  void start_epoch(std::int64_t epoch, std::int64_t first_step = 0);
  /// The batch of the next step; nothing at the end of the epoch.
  std::optional<Batch> next();

  /// Whether those that it is tested on are training images kept for selection.
  bool holds_out() const { return holds_out_; }

  /// The images that it is tested on; its batches are on the CPU.
  BatchLoader& test_loader() { return test_; }

 private:
  BatchMover mover_;
  std::shared_ptr<const ImageSource> train_images_;
  std::shared_ptr<const ImageSource> test_images_;
  bool holds_out_ = false;
  BatchLoader train_;
  BatchLoader test_;
  std::int64_t images_at_once_ = 0;
};

/// What a checkpoint of this training says of its network.
NetworkDescription describe_network(const TrainConfig& config, const Genotype& genotype,
                                    const TrainData& data);

}  // namespace darts
