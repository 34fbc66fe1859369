#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/data/photo_transform.hpp>
#include <darts/eval/read_picture.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <span>

namespace darts {
namespace {

/// As Pillow and the JPEG standard weigh red, green and blue.
at::Tensor to_grey(const at::Tensor& rgb) {
  return (0.299 * rgb.select(-1, 0) + 0.587 * rgb.select(-1, 1) + 0.114 * rgb.select(-1, 2))
      .unsqueeze(-1);
}

at::Tensor as_tensor(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble).to(at::kFloat);
}

}  // namespace

at::Tensor read_picture(const std::filesystem::path& file, const NetworkDescription& network) {
  const std::int64_t channels = network.options.image_channels;
  if ((channels != 1 && channels != 3) || network.height != network.width) {
    throw Error(
        "pictures can be shown to networks for square images of one or three channels; "
        "this one takes " +
        std::to_string(channels) + "×" + std::to_string(network.height) + "×" +
        std::to_string(network.width));
  }
  PhotoOptions options;
  options.crop_size = network.height;
  options.resize_size = std::max(network.resize_size, network.height);
  const PhotoTransform transform(options, {{0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}}, /*augment=*/false);
  at::Tensor image = at::empty({network.height, network.width, 3}, at::kFloat);
  RandomStream unused(0, RandomPurpose::train_augment);
  try {
    transform.apply(
        read_file(file), unused,
        std::span(image.mutable_data_ptr<float>(), static_cast<std::size_t>(image.numel())));
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& problem) {
    throw Error("cannot read the image " + file.string() + ": " + problem.what());
  }
  if (channels == 1) {
    image = to_grey(image);
  }
  image = (image - as_tensor(network.statistics.mean)) / as_tensor(network.statistics.stddev);
  return image.permute({2, 0, 1}).unsqueeze(0).contiguous();
}

}  // namespace darts
