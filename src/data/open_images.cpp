#include "folder_names.hpp"

#include <darts/core/doing.hpp>
#include <darts/data/image_set_source.hpp>
#include <darts/data/open_images.hpp>

namespace darts {
namespace {

/// An image set is loaded into memory whole.
std::shared_ptr<const ImageSource> open_any(const DatasetOptions& dataset, Split split,
                                            const OpenOptions& options) {
  if (const auto open = find_dataset(dataset.name).open; open != nullptr) {
    return open(dataset, split, options);
  }
  DatasetOptions loaded = dataset;
  loaded.on_error = options.on_error;
  loaded.warn = dataset.warn ? dataset.warn : options.warn;
  loaded.tell = dataset.tell ? dataset.tell : options.tell;
  return std::make_shared<const ImageSetSource>(
      std::make_shared<const ImageSet>(load_dataset(loaded, split)),
      options.augment ? options.augmentation : Augmentation::none());
}

Task reading(const DatasetEntry& entry, const DatasetOptions& dataset, Split split) {
  const bool any_size = entry.load != nullptr && entry.shape.size == 0;
  return Task("read the " + std::string(split == Split::train ? "training" : "test") +
              " images of " + dataset.name + " in " + dataset.root.string())
      .needs_memory(any_size ? "lower data.image_size, or give data.dataset=imagenet, which keeps "
                               "no images in memory"
                             : "it needs a machine with more memory");
}

}  // namespace

std::shared_ptr<const ImageSource> open_images(const DatasetOptions& dataset, Split split,
                                               const OpenOptions& options) {
  return doing(reading(find_dataset(dataset.name), dataset, split), [&] {
    auto images = open_any(dataset, split, options);
    detail::check_class_names(images->class_names(), dataset.root.string());
    return images;
  });
}

}  // namespace darts
