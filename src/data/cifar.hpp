#pragma once

#include <darts/data/dataset.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts::detail {

/// How a CIFAR data set lies in its files (binary version).
struct CifarLayout {
  std::string title;
  std::string get_data_name;
  std::filesystem::path folder;
  std::vector<std::string> train_files;
  std::string test_file;
  std::int64_t train_records;  ///< of each file
  std::int64_t test_records;
  std::int64_t label_bytes;  ///< of a record; the last one counts
  std::int64_t classes;
  std::string names_file;
  PixelStatistics statistics;  ///< of the train images
};

CifarLayout cifar10();
CifarLayout cifar100();

/// Reads a split from `root` or the set's folder in it. Throws Error as load_dataset() does.
ImageSet load_cifar(const CifarLayout& cifar, const std::filesystem::path& root, Split split);

}  // namespace darts::detail
