#pragma once

#include <darts/data/augmentation.hpp>
#include <darts/data/image_set.hpp>
#include <darts/data/image_source.hpp>

#include <memory>

namespace darts {

/// Images in memory, augmented whenever they are read. Those that are broken are left out.
class ImageSetSource : public ImageSource {
 public:
  /// Throws Error for an augmentation that makes no sense, c10::Error for tensors of the wrong
  /// shape or type.
  ImageSetSource(std::shared_ptr<const ImageSet> set, const Augmentation& augmentation);

  std::int64_t size() const override { return set_->size(); }
  std::int64_t height() const override { return set_->height(); }
  std::int64_t width() const override { return set_->width(); }
  std::int64_t channels() const override { return set_->channels(); }
  const std::vector<std::string>& class_names() const override { return set_->class_names; }
  const PixelStatistics& statistics() const override { return statistics_; }
  bool by_class() const override { return set_->by_class; }
  std::string checksum() const override;
  std::int64_t label(std::int64_t index) const override;
  bool read(std::int64_t index, RandomStream& random, std::span<float> image) const override;
  bool may_skip() const override { return set_->leaves_out; }
  std::int64_t bytes_held() const override {
    return static_cast<std::int64_t>(set_->images.nbytes() + set_->labels.nbytes());
  }
  std::shared_ptr<const ImageSource> unaugmented() const override;
  std::shared_ptr<const ImageSource> with_cutout_share(double share) const override;

 private:
  std::shared_ptr<const ImageSet> set_;
  Augmentation augmentation_;
  PixelStatistics statistics_;
  ImageTransform transform_;
};

}  // namespace darts
