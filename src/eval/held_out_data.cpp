#include <darts/core/error.hpp>
#include <darts/data/split.hpp>
#include <darts/eval/held_out_data.hpp>

namespace darts {
namespace {

void check_fit(const NetworkDescription& network, const ImageSource& images,
               const std::string& dataset) {
  const EvaluationNetworkOptions& o = network.options;
  if (images.classes() != o.classes || images.channels() != o.image_channels) {
    throw Error("the network tells " + std::to_string(o.classes) + " classes of " +
                std::to_string(o.image_channels) + "-channel images apart, but " + dataset +
                " has " + std::to_string(images.classes()) + " classes and " +
                std::to_string(images.channels()) + " channels");
  }
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
  check_fit(network, *images, dataset.name);
  return images;
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
  return {images, part_of(*images, options.limit), loader};
}

}  // namespace darts
