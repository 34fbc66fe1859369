#include "folder_names.hpp"

#include <darts/data/image_set_source.hpp>
#include <darts/data/open_images.hpp>

namespace darts {
namespace {

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

}  // namespace

std::shared_ptr<const ImageSource> open_images(const DatasetOptions& dataset, Split split,
                                               const OpenOptions& options) {
  auto images = open_any(dataset, split, options);
  detail::check_class_names(images->class_names(), dataset.root.string());
  return images;
}

}  // namespace darts
