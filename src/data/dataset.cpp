#include "dataset_loaders.hpp"
#include "decode_image.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/named_rows.hpp>
#include <darts/data/dataset.hpp>

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <string>

namespace darts {
namespace detail {

std::string fetch_hint(std::string_view get_data_name, const std::filesystem::path& root) {
  return "fetch it: scripts/get_data.py " + std::string(get_data_name) + " --root " + root.string();
}

Error damaged(const std::filesystem::path& file, std::string_view problem,
              std::string_view get_data_name, const std::filesystem::path& root) {
  return Error(file.string() + ": " + std::string(problem) + "; delete it, then " +
               fetch_hint(get_data_name, root));
}

}  // namespace detail

namespace {

void use_statistics(ImageSet& set, const PixelStatistics& statistics) {
  const auto channels = static_cast<std::size_t>(set.channels());
  if (statistics.mean.size() != channels || statistics.stddev.size() != channels) {
    throw Error("the images have " + std::to_string(channels) +
                " channels, but the statistics to normalise them with have " +
                std::to_string(statistics.mean.size()) + " means and " +
                std::to_string(statistics.stddev.size()) +
                " standard deviations; was the network trained on another data set?");
  }
  set.mean = statistics.mean;
  set.stddev = statistics.stddev;
}

}  // namespace

const std::vector<DatasetEntry>& dataset_table() {
  static const std::vector<DatasetEntry> table = {
      {"cifar10",
       "CIFAR-10, binary version: 50,000 + 10,000 images, 32×32, 10 classes",
       {32, 3, 10},
       detail::load_cifar10,
       "cifar10",
       nullptr,
       detail::fit_image},
      {"cifar100",
       "CIFAR-100, binary version: 50,000 + 10,000 images, 32×32, 100 classes",
       {32, 3, 100},
       detail::load_cifar100,
       "cifar100",
       nullptr,
       detail::fit_image},
      {"fashion_mnist",
       "Fashion-MNIST: 60,000 + 10,000 grey images padded to 32×32, 10 classes",
       {32, 1, 10},
       detail::load_fashion_mnist,
       "fashion_mnist",
       nullptr,
       detail::fit_fashion_mnist,
       detail::is_systems_fashion_mnist},
      {"image_folder",
       "JPEG and PNG files in ROOT/train/CLASS/ and ROOT/test/CLASS/",
       {0, 3, 0},
       detail::load_image_folder,
       "",
       nullptr,
       detail::fit_image},
      {"imagenet",
       "ImageNet's photographs in ROOT/train/CLASS/ and ROOT/val/, decoded as they are read",
       {0, 3, 1000},
       nullptr,
       "",
       detail::open_imagenet},
  };
  return table;
}

const DatasetEntry& find_dataset(std::string_view name) {
  const auto& table = dataset_table();
  const auto entry =
      std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.name == name; });
  if (entry == table.end()) {
    throw Error("unknown data set '" + std::string(name) + "'; there are " + join(names_of(table)));
  }
  return *entry;
}

ImageSet load_dataset(const DatasetOptions& options, Split split) {
  const DatasetEntry& entry = find_dataset(options.name);
  if (entry.load == nullptr) {
    throw Error("the data set " + options.name +
                " does not fit into memory; its images are decoded as they are read (open_images)");
  }
  ImageSet set = entry.load(options, split);
  if (options.statistics) {
    use_statistics(set, *options.statistics);
  }
  return set;
}

ImageSet load_picture(const DatasetOptions& options, const std::filesystem::path& file) {
  const DatasetEntry& entry = find_dataset(options.name);
  TORCH_CHECK(entry.fit != nullptr && options.statistics, "load_picture: ", options.name,
              " is not loaded, or there are no statistics");
  const std::string bytes = read_file(file);
  ImageSet set;
  try {
    set.images = entry.fit(detail::decode_image(bytes), options.image_size).unsqueeze(0);
  } catch (const std::runtime_error& problem) {
    throw Error("cannot read the image " + file.string() + ": " + problem.what());
  }
  set.labels = at::zeros({1}, at::kLong);
  set.class_names = {""};
  use_statistics(set, *options.statistics);
  return set;
}

}  // namespace darts
