// A folder of JPEG and PNG files, one sub-folder a class, read into memory at one size.
#include "checksum.hpp"
#include "dataset_loaders.hpp"
#include "decode_image.hpp"
#include "image_folder_listing.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/doing.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t channels = 3;

/// The images of a list of files that can be read.
class FilesInFolders {
 public:
  FilesInFolders(const std::vector<fs::path>& files, const DatasetOptions& options)
      : files_(files), options_(options), broken_(files.size()) {}

  /// Calls use(i, image) for each; from several threads, in any order. Throws Error for one that is
  /// broken, unless these are to be left out and are not all there are.
  template <typename Use>
  void for_each(Use use) {
    at::parallel_for(0, static_cast<std::int64_t>(files_.size()), 1,
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t i = begin; i < end; ++i) {
                         if (const auto image = read(static_cast<std::size_t>(i))) {
                           use(i, *image);
                         }
                       }
                     });
    tell();
  }

  /// Empty if none is.
  std::vector<std::uint8_t> broken() const {
    return count() == 0 ? std::vector<std::uint8_t>() : broken_;
  }

 private:
  /// size×size×3.
  std::optional<at::Tensor> read(std::size_t i) {
    const std::optional<std::string> bytes = read_image(files_[i], options_.on_error);
    if (!bytes) {
      broken_[i] = 1;
      return std::nullopt;
    }
    try {
      return fit_image(decode_image(*bytes), options_.image_size);
    } catch (const std::runtime_error& problem) {
      if (options_.on_error == OnError::fail) {
        throw Error("cannot read the image " + files_[i].string() + ": " + problem.what() +
                    "; replace or remove it");
      }
      broken_[i] = 1;
      return std::nullopt;
    }
  }

  std::size_t count() const {
    return static_cast<std::size_t>(std::ranges::count(broken_, std::uint8_t{1}));
  }

  void tell() const {
    if (count() == 0) {
      return;
    }
    const auto first = static_cast<std::size_t>(std::ranges::find(broken_, 1) - broken_.begin());
    if (count() == files_.size()) {
      throw Error("none of the " + std::to_string(count()) + " images in " +
                  options_.root.string() + " can be read, the first being " +
                  files_[first].string());
    }
    if (options_.warn) {
      options_.warn(std::to_string(count()) + " of " + std::to_string(files_.size()) +
                    " images cannot be read and are left out, the first being " +
                    files_[first].string());
    }
  }

  const std::vector<fs::path>& files_;
  const DatasetOptions& options_;
  std::vector<std::uint8_t> broken_;
};

/// Their statistics; they are not kept.
PixelStatistics measure(FilesInFolders& images) {
  PixelAccumulator all(channels);
  std::mutex guard;
  images.for_each([&](std::int64_t, const at::Tensor& image) {
    PixelAccumulator one(channels);
    one.add(image);
    const std::lock_guard lock(guard);
    all.add(one);
  });
  return all.statistics();
}

/// N×size×size×3; zeros in place of those that are broken.
at::Tensor read_images(FilesInFolders& images, std::size_t count, std::int64_t size) {
  at::Tensor pixels =
      at::zeros({static_cast<std::int64_t>(count), size, size, channels}, at::kByte);
  auto* out = pixels.mutable_data_ptr<std::uint8_t>();
  images.for_each([&](std::int64_t i, const at::Tensor& image) {
    std::copy_n(image.const_data_ptr<std::uint8_t>(), image.numel(), out + i * image.numel());
  });
  return pixels;
}

/// Of the train images: `pixels` where they are those.
PixelStatistics statistics(const DatasetOptions& options, Split split, const at::Tensor& pixels,
                           const std::vector<std::uint8_t>& broken) {
  if (options.statistics) {
    return *options.statistics;
  }
  if (split == Split::test) {
    const FolderListing listing = list_image_folder(options.root, Split::train, options.on_error);
    FilesInFolders images(listing.files, options);
    return measure(images);
  }
  PixelAccumulator all(channels);
  for (std::int64_t i = 0; i < pixels.size(0); ++i) {
    if (broken.empty() || broken[static_cast<std::size_t>(i)] == 0) {
      all.add(pixels[i]);
    }
  }
  return all.statistics();
}

std::string names_checksum(const FolderListing& listing) {
  Checksum sum;
  for (const fs::path& file : listing.files) {
    sum.add(file.lexically_relative(listing.folder).string() + "\n");
  }
  return sum.text();
}

}  // namespace

ImageSet load_image_folder(const DatasetOptions& options, Split split) {
  if (options.image_size < 1) {
    throw Error("the size of images must be at least 1 pixel, not " +
                std::to_string(options.image_size));
  }
  const FolderListing listing = list_image_folder(options.root, split, options.on_error);
  if (options.warn && !listing.left_out.empty()) {
    options.warn("left out of the class folders of " + options.root.string() + ": " +
                 describe(listing.left_out) + " (JPEG and PNG are read)");
  }
  FilesInFolders files(listing.files, options);
  const at::Tensor images = read_images(files, listing.files.size(), options.image_size);
  const PixelStatistics pixels = statistics(options, split, images, files.broken());
  return {.images = images,
          .labels = at::tensor(listing.labels, at::kLong),
          .class_names = listing.class_names,
          .mean = pixels.mean,
          .stddev = pixels.stddev,
          .by_class = true,
          .broken = files.broken(),
          .leaves_out = options.on_error == OnError::skip,
          .names_checksum = names_checksum(listing)};
}

}  // namespace darts::detail
