#include <darts/core/error.hpp>
#include <darts/data/class_names.hpp>
#include <darts/data/split.hpp>
#include <darts/eval/held_out_data.hpp>

namespace darts {
namespace {

void check_channels(const NetworkDescription& network, const ImageSource& images,
                    const std::string& dataset) {
  const std::int64_t channels = network.options.image_channels;
  if (images.channels() != channels) {
    throw Error("the network takes images of " + std::to_string(channels) + " channels, but " +
                dataset + " has " + std::to_string(images.channels()));
  }
}

/// The images with the network's labels: by the names of classes, or by their number alone where
/// the network does not know the names.
std::shared_ptr<const ImageSource> with_labels_of(const NetworkDescription& network,
                                                  std::shared_ptr<const ImageSource> images,
                                                  const std::string& dataset, const Log& log) {
  if (network.names_classes()) {
    return labelled_by(std::move(images), network.class_names);
  }
  if (images->classes() != network.options.classes) {
    throw Error("the network tells " + std::to_string(network.options.classes) +
                " classes apart, of which its checkpoint has no names, but " + dataset + " has " +
                std::to_string(images->classes()));
  }
  log.warn("the checkpoint does not name the classes, so that those of " + dataset +
           " are taken in their order");
  return images;
}

std::shared_ptr<const ImageSource> open_source(const NetworkDescription& network,
                                               const TestDataOptions& options) {
  DatasetOptions dataset;
  dataset.name = options.dataset.empty() ? network.dataset : options.dataset;
  if (dataset.name.empty()) {
    throw Error("the checkpoint does not say what it was trained on; give --data NAME");
  }
  dataset.root = options.root.empty() ? std::filesystem::path(network.root) : options.root;
  dataset.or_system = options.root.empty();
  dataset.image_size = network.height;
  dataset.statistics = network.statistics;
  OpenOptions open;
  open.photos.crop_size = network.height;
  open.photos.resize_size = network.resize_size;
  open.on_error = options.on_error;
  open.warn = [log = options.log](const std::string& text) { log.warn(text); };
  open.tell = [log = options.log](const std::string& text) { log.info(text); };
  std::shared_ptr<const ImageSource> images = open_images(dataset, options.split, open);
  check_channels(network, *images, dataset.name);
  return with_labels_of(network, std::move(images), dataset.name, options.log);
}

}  // namespace

BatchLoader open_test_data(const NetworkDescription& network, const TestDataOptions& options) {
  const std::shared_ptr<const ImageSource> images = open_source(network, options);
  LoaderOptions loader;
  loader.batch_size = options.batch_size;
  loader.workers = options.workers;
  loader.shuffle = options.split == Split::train;
  loader.pin_memory = options.pin_memory;
  loader.channels_last = options.channels_last;
  loader.share.ranks = options.ranks;
  loader.share.small = SmallBatch::share;
  return {images, part_of(*images, options.limit), loader};
}

}  // namespace darts
