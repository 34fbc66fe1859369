#include <darts/core/atomic_file.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/data/image_set_source.hpp>
#include <darts/data/photo_transform.hpp>
#include <darts/eval/read_picture.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <span>

namespace darts {
namespace {

void check_shape(const NetworkDescription& network) {
  const std::int64_t channels = network.options.image_channels;
  if ((channels != 1 && channels != 3) || network.height != network.width) {
    throw Error(
        "pictures can be shown to networks for square images of one or three channels; "
        "this one takes " +
        std::to_string(channels) + "×" + std::to_string(network.height) + "×" +
        std::to_string(network.width));
  }
}

std::span<float> values_of(at::Tensor& image) {
  return {image.mutable_data_ptr<float>(), static_cast<std::size_t>(image.numel())};
}

/// As an image of a set that is loaded. H×W×C.
at::Tensor as_loaded(const std::filesystem::path& file, const NetworkDescription& network) {
  const DatasetOptions options{
      .name = network.dataset, .image_size = network.height, .statistics = network.statistics};
  const ImageSetSource source(std::make_shared<const ImageSet>(load_picture(options, file)),
                              Augmentation::none());
  at::Tensor image = at::empty({source.height(), source.width(), source.channels()}, at::kFloat);
  RandomStream unused(0, RandomPurpose::train_augment);
  source.read(0, unused, values_of(image));
  return image;
}

/// As a photograph that is decoded as it is read. H×W×3.
at::Tensor as_photo(const std::filesystem::path& file, const NetworkDescription& network,
                    const PixelStatistics& statistics) {
  PhotoOptions options;
  options.crop_size = network.height;
  options.resize_size = std::max(network.resize_size, network.height);
  const PhotoTransform transform(options, statistics, /*augment=*/false);
  at::Tensor image = at::empty({network.height, network.width, 3}, at::kFloat);
  RandomStream unused(0, RandomPurpose::train_augment);
  doing("read the image " + file.string(),
        [&] { transform.apply(read_file(file), unused, values_of(image)); });
  return image;
}

/// A photograph as a grey image: as Pillow and the JPEG standard weigh red, green and blue. H×W×1.
at::Tensor as_grey_photo(const std::filesystem::path& file, const NetworkDescription& network) {
  const at::Tensor rgb = as_photo(file, network, {{0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}});
  const at::Tensor grey =
      (0.299 * rgb.select(-1, 0) + 0.587 * rgb.select(-1, 1) + 0.114 * rgb.select(-1, 2))
          .unsqueeze(-1);
  const PixelStatistics& s = network.statistics;
  return (grey - at::tensor(s.mean, at::kFloat)) / at::tensor(s.stddev, at::kFloat);
}

}  // namespace

at::Tensor read_picture(const std::filesystem::path& file, const NetworkDescription& network) {
  check_shape(network);
  const bool loaded = !network.dataset.empty() && find_dataset(network.dataset).fit != nullptr;
  const at::Tensor image = loaded ? as_loaded(file, network)
                           : network.options.image_channels == 1
                               ? as_grey_photo(file, network)
                               : as_photo(file, network, network.statistics);
  return image.permute({2, 0, 1}).unsqueeze(0);
}

}  // namespace darts
