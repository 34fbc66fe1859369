#pragma once

#include <darts/data/image_set.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

class ImageSource;
struct OpenOptions;

enum class Split { train, test };

/// What becomes of an image file that is damaged, or cannot be opened.
enum class OnError {
  fail,  ///< an Error names it
  skip,  ///< it is left out of its batch, and counted
};

/// Which data set, and where it lies.
struct DatasetOptions {
  std::string name = "fashion_mnist";   ///< a name of dataset_table()
  std::filesystem::path root = "data";  ///< folder of the data sets, or the image folder itself
  /// Whether a copy of the system's will do where `root` holds none: not where a folder was asked
  /// for.
  bool or_system = true;
  std::int64_t image_size = 32;      ///< height and width, pixels; image folders only
  OnError on_error = OnError::fail;  ///< image folders only
  /// Statistics to use in place of a set's own: those that a network was trained with. Without
  /// them an image folder's are measured on its train images, for the test split as well, which
  /// costs decoding these once more.
  std::optional<PixelStatistics> statistics = std::nullopt;
  /// Told, if set, what is no error: which files are left out, …
  std::function<void(const std::string&)> warn = {};
  /// … and where the data was found, if not where it was looked for first.
  std::function<void(const std::string&)> tell = {};
};

/// What the images of a data set are like; 0: not the same for all who have it.
struct DatasetShape {
  std::int64_t size = 0;  ///< height and width, pixels
  std::int64_t channels = 3;
  std::int64_t classes = 0;
};

/// A data set: one line of dataset_table().
struct DatasetEntry {
  std::string_view name;
  std::string_view help;  ///< one line
  DatasetShape shape;
  ImageSet (*load)(const DatasetOptions&, Split);  ///< into memory; null: too large for that
  std::string_view get_data_name;  ///< its name for scripts/get_data.py; empty: cannot be fetched
  /// As a source of images that are decoded as they are read; null: it is loaded instead.
  std::shared_ptr<const ImageSource> (*open)(const DatasetOptions&, Split,
                                             const OpenOptions&) = nullptr;
  /// Of a set that is loaded: a picture (uint8, H×W×3) as an image of the set, which has `size`
  /// pixels in height and width, as its own are prepared.
  at::Tensor (*fit)(const at::Tensor& picture, std::int64_t size) = nullptr;
  /// Whether the system's copy is read where it may be, since the folder has none; null: there is
  /// no such copy.
  bool (*is_systems)(const std::filesystem::path& root) = nullptr;
};

/// All data sets: adding one is a source file with its load function and a line here.
const std::vector<DatasetEntry>& dataset_table();

/// The line of a data set. Throws Error, which lists the names, when it is unknown.
const DatasetEntry& find_dataset(std::string_view name);

/// Reads a whole split into memory.
///
/// Throws Error, in one line with the remedy, when the name is unknown or that of a set that is too
/// large (open_images reads these), the files are missing (it
/// names the command that fetches them) or damaged (it names the file and, where there is one, the
/// record), or when `options.statistics` do not have one value a channel.
ImageSet load_dataset(const DatasetOptions& options, Split split);

/// A JPEG or PNG file as the only image of a set that is loaded, prepared as the set's own are: the
/// file of one of its images becomes that image. It has `options.image_size` pixels in height and
/// width, the statistics of `options`, and a label without a meaning. Throws Error that names the
/// file if it cannot be read.
ImageSet load_picture(const DatasetOptions& options, const std::filesystem::path& file);

}  // namespace darts
