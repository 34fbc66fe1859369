// ImageNet, decoded as it is read.
#include "dataset_loaders.hpp"
#include "file_index.hpp"
#include "folder_names.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/doing.hpp>
#include <darts/data/open_images.hpp>

#include <utility>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

class ImagenetSource : public ImageSource {
 public:
  ImagenetSource(fs::path folder, std::shared_ptr<const FileIndex> index,
                 PixelStatistics statistics, OpenOptions options)
      : folder_(std::move(folder)),
        index_(std::move(index)),
        statistics_(std::move(statistics)),
        options_(std::move(options)),
        transform_(options_.photos, statistics_, options_.augment) {}

  std::int64_t size() const override { return index_->size(); }
  std::int64_t height() const override { return transform_.size(); }
  std::int64_t width() const override { return transform_.size(); }
  std::int64_t channels() const override { return 3; }
  const std::vector<std::string>& class_names() const override { return index_->class_names(); }
  const PixelStatistics& statistics() const override { return statistics_; }
  bool by_class() const override { return index_->folder_per_class(); }
  bool may_skip() const override { return options_.on_error == OnError::skip; }
  std::string checksum() const override { return index_->checksum(); }
  std::int64_t label(std::int64_t index) const override { return index_->label(index); }

  bool read(std::int64_t index, RandomStream& random, std::span<float> image) const override {
    const fs::path file = folder_ / index_->place(index);
    const std::optional<std::string> bytes = read_image(file, options_.on_error);
    if (!bytes) {
      return false;
    }
    return doing(Task("read the image " + file.string()).or_else("replace or remove it"),
                 [&] { return show(*bytes, random, image); });
  }

  std::shared_ptr<const ImageSource> unaugmented() const override {
    OpenOptions options = options_;
    options.augment = false;
    return std::make_shared<const ImagenetSource>(folder_, index_, statistics_, options);
  }

 private:
  bool show(const std::string& bytes, RandomStream& random, std::span<float> image) const {
    try {
      transform_.apply(bytes, random, image);
      return true;
    } catch (const std::runtime_error&) {
      if (options_.on_error == OnError::skip) {
        return false;
      }
      throw;
    }
  }

  fs::path folder_;
  std::shared_ptr<const FileIndex> index_;
  PixelStatistics statistics_;
  OpenOptions options_;
  PhotoTransform transform_;
};

}  // namespace

std::shared_ptr<const ImageSource> open_imagenet(const DatasetOptions& dataset, Split split,
                                                 const OpenOptions& options) {
  const ImagenetLayout layout = find_imagenet(dataset.root, split);
  auto index = std::make_shared<const FileIndex>(cached_index(
      layout, {.folder = options.index_cache, .warn = options.warn, .on_error = options.on_error}));
  if (options.warn && !index->left_out().empty()) {
    options.warn("left out of " + layout.folder.string() + ": " + index->left_out() +
                 " (JPEG and PNG are read)");
  }
  return std::make_shared<const ImagenetSource>(
      layout.folder, std::move(index), dataset.statistics.value_or(imagenet_statistics()), options);
}

}  // namespace darts::detail
