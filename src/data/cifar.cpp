// CIFAR-10 and CIFAR-100 in their binary versions (https://www.cs.toronto.edu/~kriz/cifar.html):
// records of one or two label bytes and 3072 pixel bytes in channel, row, column order.
#include "cifar.hpp"

#include "dataset_loaders.hpp"

#include <darts/core/atomic_file.hpp>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <sstream>
#include <string>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t side = 32;
constexpr std::int64_t channels = 3;
constexpr std::int64_t plane_bytes = side * side;
constexpr std::int64_t image_bytes = channels * plane_bytes;

/// `root`/<folder> or `root` itself, whichever holds `file`.
fs::path find_folder(const CifarLayout& cifar, const fs::path& root, const std::string& file) {
  for (const fs::path& folder : {root / cifar.folder, root}) {
    if (fs::is_regular_file(folder / file)) {
      return folder;
    }
  }
  throw Error("no " + cifar.title + " in " + root.string() + ": " +
              (root / cifar.folder / file).string() + " is missing; " +
              fetch_hint(cifar.get_data_name, root));
}

/// Channel, row, column → row, column, channel.
void interleave(const std::uint8_t* planes, std::uint8_t* image) {
  for (std::int64_t pixel = 0; pixel < plane_bytes; ++pixel) {
    for (std::int64_t c = 0; c < channels; ++c) {
      *image++ = planes[c * plane_bytes + pixel];
    }
  }
}

/// Reads `records` records of `file` into `images` and `labels`, where the first one goes.
void read_records(const CifarLayout& cifar, const fs::path& root, const fs::path& file,
                  std::int64_t records, std::uint8_t* images, std::int64_t* labels) {
  if (!fs::exists(file)) {
    throw Error(file.string() + " is missing; " + fetch_hint(cifar.get_data_name, root));
  }
  const std::string bytes = read_file(file);
  const std::int64_t record_bytes = cifar.label_bytes + image_bytes;
  const std::int64_t expected = records * record_bytes;
  if (static_cast<std::int64_t>(bytes.size()) != expected) {
    throw damaged(file,
                  "expected " + std::to_string(expected) + " bytes (" + std::to_string(records) +
                      " records of " + std::to_string(record_bytes) + "), found " +
                      std::to_string(bytes.size()),
                  cifar.get_data_name, root);
  }
  const auto* record = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (std::int64_t i = 0; i < records; ++i, record += record_bytes) {
    const std::int64_t label = record[cifar.label_bytes - 1];
    if (label >= cifar.classes) {
      throw damaged(file,
                    "record " + std::to_string(i) + " (counted from 0) has label " +
                        std::to_string(label) + ", not one of 0 to " +
                        std::to_string(cifar.classes - 1),
                    cifar.get_data_name, root);
    }
    labels[i] = label;
    interleave(record + cifar.label_bytes, images + i * image_bytes);
  }
}

/// The names from the set's text file; their numbers where it is not there.
std::vector<std::string> class_names(const CifarLayout& cifar, const fs::path& root,
                                     const fs::path& folder) {
  std::vector<std::string> names;
  const fs::path file = folder / cifar.names_file;
  if (!fs::exists(file)) {
    for (std::int64_t i = 0; i < cifar.classes; ++i) {
      names.push_back("class " + std::to_string(i));
    }
    return names;
  }
  std::istringstream text(read_text(file));
  for (std::string line; std::getline(text, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) {
      line.pop_back();
    }
    if (!line.empty()) {
      names.push_back(line);
    }
  }
  if (static_cast<std::int64_t>(names.size()) != cifar.classes) {
    throw damaged(file,
                  "expected " + std::to_string(cifar.classes) + " class names, found " +
                      std::to_string(names.size()),
                  cifar.get_data_name, root);
  }
  return names;
}

}  // namespace

CifarLayout cifar10() {
  return {
      .title = "CIFAR-10",
      .get_data_name = "cifar10",
      .folder = "cifar-10-batches-bin",
      .train_files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                      "data_batch_4.bin", "data_batch_5.bin"},
      .test_file = "test_batch.bin",
      .train_records = 10'000,
      .test_records = 10'000,
      .label_bytes = 1,
      .classes = 10,
      .names_file = "batches.meta.txt",
      .statistics = {{0.49139968, 0.48215827, 0.44653124}, {0.24703233, 0.24348505, 0.26158768}}};
}

CifarLayout cifar100() {
  return {.title = "CIFAR-100",
          .get_data_name = "cifar100",
          .folder = "cifar-100-binary",
          .train_files = {"train.bin"},
          .test_file = "test.bin",
          .train_records = 50'000,
          .test_records = 10'000,
          .label_bytes = 2,
          .classes = 100,
          .names_file = "fine_label_names.txt",
          .statistics = {{0.5071, 0.4865, 0.4409}, {0.2673, 0.2564, 0.2762}}};
}

ImageSet load_cifar(const CifarLayout& cifar, const fs::path& root, Split split) {
  const std::vector<std::string> files =
      split == Split::train ? cifar.train_files : std::vector<std::string>{cifar.test_file};
  const std::int64_t records = split == Split::train ? cifar.train_records : cifar.test_records;
  const fs::path folder = find_folder(cifar, root, files.front());

  const std::int64_t count = records * static_cast<std::int64_t>(files.size());
  ImageSet set{.images = at::empty({count, side, side, channels}, at::kByte),
               .labels = at::empty({count}, at::kLong),
               .class_names = class_names(cifar, root, folder),
               .mean = cifar.statistics.mean,
               .stddev = cifar.statistics.stddev};
  auto* images = set.images.mutable_data_ptr<std::uint8_t>();
  auto* labels = set.labels.mutable_data_ptr<std::int64_t>();
  for (const std::string& file : files) {
    read_records(cifar, root, folder / file, records, images, labels);
    images += records * image_bytes;
    labels += records;
  }
  return set;
}

ImageSet load_cifar10(const DatasetOptions& options, Split split) {
  return load_cifar(cifar10(), options.root, split);
}

ImageSet load_cifar100(const DatasetOptions& options, Split split) {
  return load_cifar(cifar100(), options.root, split);
}

}  // namespace darts::detail
