#include <darts/data/image_set_source.hpp>
#include <darts/data/open_images.hpp>

namespace darts {

std::shared_ptr<const ImageSource> open_images(const DatasetOptions& dataset, Split split,
                                               const OpenOptions& options) {
  if (const auto open = find_dataset(dataset.name).open; open != nullptr) {
    return open(dataset, split, options);
  }
  DatasetOptions loaded = dataset;
  loaded.warn = dataset.warn ? dataset.warn : options.warn;
  loaded.tell = dataset.tell ? dataset.tell : options.tell;
  return std::make_shared<const ImageSetSource>(
      std::make_shared<const ImageSet>(load_dataset(loaded, split)),
      options.augment ? options.augmentation : Augmentation::none());
}

}  // namespace darts
