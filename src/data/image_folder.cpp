// A folder of JPEG and PNG files, one sub-folder a class, read into memory at one size.
#include "dataset_loaders.hpp"
#include "decode_image.hpp"
#include "image_folder_listing.hpp"

#include <darts/core/atomic_file.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t channels = 3;

/// size×size×3.
at::Tensor read_image(const fs::path& file, std::int64_t size) {
  const std::string bytes = read_file(file);
  try {
    return fit_image(decode_image(bytes), size);
  } catch (const std::runtime_error& problem) {
    throw Error("cannot read the image " + file.string() + ": " + problem.what() +
                "; replace or remove it");
  }
}

/// Calls use(i, image) for every file; from several threads, in any order.
template <typename Use>
void for_each_image(const std::vector<fs::path>& files, std::int64_t size, Use use) {
  at::parallel_for(0, static_cast<std::int64_t>(files.size()), 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t i = begin; i < end; ++i) {
                       use(i, read_image(files[static_cast<std::size_t>(i)], size));
                     }
                   });
}

/// The statistics of images that are not kept.
PixelStatistics measure(const std::vector<fs::path>& files, std::int64_t size) {
  PixelAccumulator all(channels);
  std::mutex guard;
  for_each_image(files, size, [&](std::int64_t, const at::Tensor& image) {
    PixelAccumulator one(channels);
    one.add(image);
    const std::lock_guard lock(guard);
    all.add(one);
  });
  return all.statistics();
}

at::Tensor read_images(const std::vector<fs::path>& files, std::int64_t size) {
  at::Tensor images =
      at::empty({static_cast<std::int64_t>(files.size()), size, size, channels}, at::kByte);
  auto* out = images.mutable_data_ptr<std::uint8_t>();
  for_each_image(files, size, [&](std::int64_t i, const at::Tensor& image) {
    std::copy_n(image.const_data_ptr<std::uint8_t>(), image.numel(), out + i * image.numel());
  });
  return images;
}

PixelStatistics statistics(const DatasetOptions& options, Split split, const at::Tensor& images) {
  if (options.statistics) {
    return *options.statistics;
  }
  if (split == Split::test) {
    return measure(list_image_folder(options.root, Split::train).files, options.image_size);
  }
  PixelAccumulator all(channels);
  all.add(images);
  return all.statistics();
}

}  // namespace

ImageSet load_image_folder(const DatasetOptions& options, Split split) {
  if (options.image_size < 1) {
    throw Error("the size of images must be at least 1 pixel, not " +
                std::to_string(options.image_size));
  }
  const FolderListing listing = list_image_folder(options.root, split);
  if (options.warn && !listing.left_out.empty()) {
    options.warn("left out of the class folders of " + options.root.string() + ": " +
                 describe(listing.left_out) + " (JPEG and PNG are read)");
  }
  const at::Tensor images = read_images(listing.files, options.image_size);
  const PixelStatistics pixels = statistics(options, split, images);
  return {.images = images,
          .labels = at::tensor(listing.labels, at::kLong),
          .class_names = listing.class_names,
          .mean = pixels.mean,
          .stddev = pixels.stddev,
          .by_class = true};
}

}  // namespace darts::detail
