#pragma once

#include <darts/core/field_table.hpp>
#include <darts/core/idle_settings.hpp>
#include <darts/core/log.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/data/open_images.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace darts {

/// Which images a run has and how they are read: the section `data` of its config, the same for
/// searches and trainings.
struct ImageOptions {
  DatasetOptions set = {};
  std::int64_t limit = 0;
  std::int64_t hold_out = 0;
  std::int64_t workers = 2;
  std::int64_t prefetch = 4;
  bool drop_last = false;
  Augmentation augmentation = {};  ///< of data sets that are held in memory
  PhotoOptions photos = {};        ///< of those whose files are decoded as they are read
  OnError on_error = OnError::fail;
  std::filesystem::path index_cache = {};
};

/// The options with paths that mean the same from every working directory. The root stays as it is
/// where the system's copy of a data set is read in its place.
ImageOptions with_absolute_paths(ImageOptions options);

/// Adds the keys `data.…` with ranges and help. `run`: "search", "training".
void add_image_fields(FieldTable& table, ImageOptions& options, const std::string& run);

/// Which of the keys are without effect beside the others.
std::vector<IdleRule> idle_image_settings(const ImageOptions& options);

/// The training images, augmented. `log` is told what is no error. Throws Error if they are missing
/// or damaged.
std::shared_ptr<const ImageSource> open_train_images(const ImageOptions& options, const Log& log);

/// The test images, normalised as the training images `train` are. Throws Error also if they have
/// other classes.
std::shared_ptr<const ImageSource> open_test_images(const ImageOptions& options,
                                                    const ImageSource& train, const Log& log);

/// Batches of the training images; `for_gpu`: in memory from which a GPU takes copies.
LoaderOptions train_loader_options(const ImageOptions& options, std::int64_t batch_size,
                                   bool for_gpu);

/// All images, in their order: for testing.
LoaderOptions in_order(LoaderOptions options);

}  // namespace darts
