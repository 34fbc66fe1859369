#pragma once

#include <darts/core/random.hpp>
#include <darts/data/augmentation.hpp>
#include <darts/data/image_set.hpp>
#include <darts/data/image_source.hpp>
#include <darts/parallel/batch_share.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace darts {

/// Images as a network takes them, and what they show.
struct Batch {
  at::Tensor images;  ///< float32, N×C×H×W, with channels-last strides unless asked otherwise
  at::Tensor labels;  ///< int64, N
  std::int64_t skipped = 0;  ///< images that would have been in it but cannot be read
  /// Which rows of a batch that is shared out over ranks these are, of each of the parts that it is
  /// worked through in, one after the other; empty: all of it.
  std::vector<BatchShare> shares = {};
  double weight = 1.0;  ///< of its mean loss in that of the whole batch

  /// Images of the whole batch.
  std::int64_t all() const;
};

/// Which rows of each batch a loader makes: those of one rank of several.
struct LoaderShare {
  std::shared_ptr<Ranks> ranks;  ///< null: all rows
  std::int64_t parts = 1;        ///< that a batch is worked through in
  SmallBatch small = SmallBatch::replicate;
};

/// How batches are made.
struct LoaderOptions {
  std::int64_t batch_size = 64;
  int workers = 2;          ///< threads that make batches; 0: next() makes them itself
  int prefetch = 4;         ///< batches that are ready or being made at a time
  bool drop_last = false;   ///< leaves the last batch out if it is smaller than the others
  bool shuffle = true;      ///< a new order every epoch; else the order of the indices
  bool draw = false;        ///< with shuffle: each batch is drawn anew from all images
  bool pin_memory = false;  ///< page-locked tensors, for copies to a GPU; ignored without CUDA
  bool channels_last = true;
  Augmentation augmentation;  ///< of an ImageSet; an ImageSource has its own
  std::uint64_t seed = 0;
  RandomPurpose order_purpose = RandomPurpose::train_order;
  RandomPurpose augment_purpose = RandomPurpose::train_augment;
  LoaderShare share;  ///< batch_size is the whole batch's
};

/// Batches of (a part of) a data set, epoch by epoch, made ahead in worker threads.
///
/// The batches are a function of the options and the epoch alone, whatever the number of workers:
/// the order of epoch e is a Fisher–Yates permutation of the indices drawn from
/// RandomStream(seed, order_purpose, e), and the image at index i of the data set is augmented with
/// RandomStream(seed, augment_purpose, e, i). With `draw` every batch is the beginning of a
/// permutation of its own, so that it is full and an image may come twice in an epoch. Images that
/// the source leaves out because they cannot be read are missing in their batch, whose place in the
/// epoch stays as it was; a batch without any is passed over. One thread at a time may use a
/// loader.
///
/// With `share` the ranks' batches make up those of a loader without it. Where images may be left
/// out, next() then agrees with the other ranks on what is left of a batch, so that all of them
/// have to call it; a batch of which training would leave a rank fewer than two images is passed
/// over as a whole.
class BatchLoader {
 public:
  /// `indices` into `images`, which the loader keeps alive. Throws Error for options that make no
  /// sense, c10::Error for an index out of range.
  BatchLoader(std::shared_ptr<const ImageSource> images, std::vector<std::int64_t> indices,
              LoaderOptions options);

  /// Of all images.
  BatchLoader(std::shared_ptr<const ImageSource> images, LoaderOptions options);

  /// Of images in memory, augmented as `options` say. Throws c10::Error for tensors of the wrong
  /// shape or type as well.
  BatchLoader(std::shared_ptr<const ImageSet> images, std::vector<std::int64_t> indices,
              LoaderOptions options);
  ~BatchLoader();  ///< at any time: batches that are being made are waited for and dropped
  BatchLoader(BatchLoader&&) noexcept;
  BatchLoader& operator=(BatchLoader&&) noexcept;

  /// Batches of an epoch, those without a readable image included; the last one may be smaller
  /// (with drop_last only if it is the only one).
  std::int64_t batches_per_epoch() const;
  /// Images of an epoch, unreadable ones and those of a dropped batch included.
  std::int64_t images_per_epoch() const;

  /// Begins `epoch` at batch `first_batch` (counted from 0, at most batches_per_epoch()); what is
  /// left of an epoch that was under way is dropped. From `first_batch` on the batches are those
  /// of an epoch read from its beginning, so that a run can go on where it stopped.
  void start(std::int64_t epoch, std::int64_t first_batch = 0);

  /// From the next start() on the images are those of another source of as many and as large ones.
  void use(std::shared_ptr<const ImageSource> images);

  /// The next batch; nullopt at the end of the epoch and before the first start(). An exception in
  /// a worker (an Error that names the file, say) is thrown here, after which the epoch is over.
  std::optional<Batch> next();

  /// The number in the epoch of the batch that next() tries first: where start() has to begin to go
  /// on from here.
  std::int64_t next_batch() const;

  /// Images that were left out of the batches since start(), up to the last one that next() gave;
  /// all ranks' together.
  std::int64_t skipped() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace darts
