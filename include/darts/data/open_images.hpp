#pragma once

#include <darts/data/augmentation.hpp>
#include <darts/data/dataset.hpp>
#include <darts/data/image_source.hpp>

#include <memory>

namespace darts {

/// How the images of a data set become what a network takes.
struct OpenOptions {
  bool augment = false;            ///< as for training; else as for testing
  Augmentation augmentation = {};  ///< of data sets that are held in memory
};

/// One split of any data set of dataset_table(). Throws what load_dataset throws, and Error for
/// options that make no sense.
std::shared_ptr<const ImageSource> open_images(const DatasetOptions& dataset, Split split,
                                               const OpenOptions& options = {});

}  // namespace darts
