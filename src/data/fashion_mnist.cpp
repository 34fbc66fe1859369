// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): grey images in IDX files, as Debian's package
// dataset-fashion-mnist, torchvision and the authors lay them out.
#include "dataset_loaders.hpp"
#include "decode_image.hpp"
#include "idx_file.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t stored_side = 28;
constexpr std::int64_t side = 32;  // the supernet halves it twice; CIFAR's recipes fit
constexpr std::int64_t border = (side - stored_side) / 2;
constexpr std::int64_t classes = 10;
constexpr const char* get_data_name = "fashion_mnist";

constexpr const char* system_folder = "/usr/share/datasets/fashion-mnist";  // of Debian's package

/// A folder that was given holds the images or fails; where none was, the system's will do.
std::vector<fs::path> folders(const fs::path& root, bool or_system) {
  std::vector<fs::path> folders{root / "fashion-mnist", root / "FashionMNIST" / "raw", root};
  if (or_system) {
    folders.emplace_back(system_folder);
  }
  return folders;
}

/// `name` or `name`.gz in `folder`.
std::optional<fs::path> find_in(const fs::path& folder, const std::string& name) {
  for (const fs::path& file : {folder / name, folder / (name + ".gz")}) {
    if (fs::is_regular_file(file)) {
      return file;
    }
  }
  return std::nullopt;
}

struct Files {
  fs::path images;
  fs::path labels;
};

/// Both files of a split from the first folder that has its images.
Files find_files(const fs::path& root, bool or_system, Split split) {
  const std::string prefix = split == Split::train ? "train" : "t10k";
  const std::string images_name = prefix + "-images-idx3-ubyte";
  const std::string labels_name = prefix + "-labels-idx1-ubyte";
  const std::string remedy =
      (or_system ? "; install Debian's package dataset-fashion-mnist or " : "; ") +
      fetch_hint(get_data_name, root);
  for (const fs::path& folder : folders(root, or_system)) {
    const auto images = find_in(folder, images_name);
    if (!images) {
      continue;
    }
    const auto labels = find_in(folder, labels_name);
    if (!labels) {
      throw Error((folder / labels_name).string() + "[.gz] is missing" + remedy);
    }
    return {*images, *labels};
  }
  throw Error("no Fashion-MNIST in " + root.string() + ": " +
              (root / "fashion-mnist" / images_name).string() + "[.gz] is missing" + remedy);
}

IdxArray read(const fs::path& file, std::size_t dimensions, const fs::path& root) {
  try {
    return read_idx(file, dimensions);
  } catch (const std::runtime_error& problem) {
    throw damaged(file, problem.what(), get_data_name, root);
  }
}

/// The images in the middle of zeros.
at::Tensor padded(const IdxArray& stored) {
  const std::int64_t count = stored.sizes[0];
  at::Tensor images = at::zeros({count, side, side, 1}, at::kByte);
  auto* out = images.mutable_data_ptr<std::uint8_t>() + border * side + border;
  const std::uint8_t* row = stored.values();
  for (std::int64_t i = 0; i < count; ++i, out += (side - stored_side) * side) {
    for (std::int64_t y = 0; y < stored_side; ++y, out += side, row += stored_side) {
      std::copy_n(row, stored_side, out);
    }
  }
  return images;
}

at::Tensor checked_labels(const IdxArray& stored, const fs::path& file, const fs::path& root) {
  at::Tensor labels = at::empty({stored.sizes[0]}, at::kLong);
  auto* out = labels.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < stored.sizes[0]; ++i) {
    out[i] = stored.values()[i];
    if (out[i] >= classes) {
      throw damaged(file,
                    "record " + std::to_string(i) + " (counted from 0) has label " +
                        std::to_string(out[i]) + ", not one of 0 to " + std::to_string(classes - 1),
                    get_data_name, root);
    }
  }
  return labels;
}

/// As Pillow turns RGB into grey: ITU-R 601-2 in fixed point, which leaves grey as it is.
at::Tensor to_grey(const at::Tensor& rgb) {
  const at::Tensor planes = rgb.to(at::kInt);
  const at::Tensor sum =
      19595 * planes.select(-1, 0) + 38470 * planes.select(-1, 1) + 7471 * planes.select(-1, 2);
  return (sum + 32768).bitwise_right_shift(16).to(at::kByte).unsqueeze(-1);
}

}  // namespace

/// Pictures of the size that images are padded to are taken as they are; all others are brought to
/// the stored size and padded.
at::Tensor fit_fashion_mnist(const at::Tensor& picture, std::int64_t size) {
  TORCH_CHECK(size == side, "Fashion-MNIST's images have 32×32 pixels, not ", size);
  const at::Tensor grey = to_grey(picture);
  if (grey.size(0) == side && grey.size(1) == side) {
    return grey;
  }
  at::Tensor image = at::zeros({side, side, 1}, at::kByte);
  image.narrow(0, border, stored_side)
      .narrow(1, border, stored_side)
      .copy_(fit_image(grey, stored_side));
  return image;
}

bool is_systems_fashion_mnist(const fs::path& root) {
  return std::ranges::none_of(folders(root, /*or_system=*/false), [](const fs::path& folder) {
    return find_in(folder, "train-images-idx3-ubyte").has_value();
  });
}

ImageSet load_fashion_mnist(const DatasetOptions& options, Split split) {
  const Files files = find_files(options.root, options.or_system, split);
  if (options.tell && files.images.parent_path() == system_folder) {
    options.tell("Fashion-MNIST is read from " + std::string(system_folder) +
                 ": there is none in " + options.root.string());
  }
  const IdxArray images = read(files.images, 3, options.root);
  const IdxArray labels = read(files.labels, 1, options.root);
  if (images.sizes[0] == 0) {
    throw damaged(files.images, "has no images", get_data_name, options.root);
  }
  if (images.sizes[1] != stored_side || images.sizes[2] != stored_side) {
    throw damaged(files.images,
                  "has images of " + std::to_string(images.sizes[1]) + "×" +
                      std::to_string(images.sizes[2]) + " pixels, not 28×28",
                  get_data_name, options.root);
  }
  if (images.sizes[0] != labels.sizes[0]) {
    throw damaged(files.labels,
                  "has " + std::to_string(labels.sizes[0]) + " labels for the " +
                      std::to_string(images.sizes[0]) + " images of " + files.images.string(),
                  get_data_name, options.root);
  }
  return {.images = padded(images),
          .labels = checked_labels(labels, files.labels, options.root),
          .class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                          "Sneaker", "Bag", "Ankle boot"},
          // Of the 28×28 pixels of the 60,000 train images.
          .mean = {0.2860},
          .stddev = {0.3530}};
}

}  // namespace darts::detail
