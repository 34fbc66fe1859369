#pragma once

#include <darts/data/augmentation.hpp>
#include <darts/data/dataset.hpp>
#include <darts/data/image_source.hpp>
#include <darts/data/photo_transform.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace darts {

/// How the images of a data set become what a network takes.
struct OpenOptions {
  bool augment = false;            ///< as for training; else as for testing
  Augmentation augmentation = {};  ///< of data sets that are held in memory

  OnError on_error = OnError::fail;  ///< of data sets that are files of images

  // Of data sets whose files are decoded as they are read: imagenet.
  PhotoOptions photos = {};
  /// Folder of the list of a split's files, which is kept so that the next start takes seconds;
  /// empty: beside the data or, if that cannot be written, $XDG_CACHE_HOME/darts
  /// (~/.cache/darts).
  std::filesystem::path index_cache = {};
  /// Told, if set, what is no error: why the list cannot be kept, which files are left out, …
  std::function<void(const std::string&)> warn = {};
  /// … and where the data was found, if not where it was looked for first.
  std::function<void(const std::string&)> tell = {};
};

/// One split of any data set of dataset_table(). Throws what load_dataset throws, and Error for
/// options that make no sense.
///
/// `imagenet` lies in ROOT or ROOT/imagenet: train/CLASS/*.JPEG and val/CLASS/*.JPEG, or val/*.JPEG
/// and a file val_labels.txt, val.txt, LOC_val_solution.csv (Kaggle's) or
/// imagenet_2012_validation_synset_labels.txt beside val/ whose lines are an image's name and its
/// class, or the class alone in the order of the sorted image names. A class is a name (n01751748)
/// or its place, from 0 on, among the sorted names.
std::shared_ptr<const ImageSource> open_images(const DatasetOptions& dataset, Split split,
                                               const OpenOptions& options = {});

}  // namespace darts
