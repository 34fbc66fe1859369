#include "checksum.hpp"

#include <darts/data/image_set_source.hpp>

#include <c10/util/Exception.h>

#include <utility>

namespace darts {
namespace {

std::shared_ptr<const ImageSet> checked(std::shared_ptr<const ImageSet> set) {
  TORCH_CHECK(set->images.dim() == 4 && set->images.scalar_type() == at::kByte &&
                  set->images.is_contiguous() && set->images.is_cpu(),
              "ImageSetSource: expected contiguous uint8 images N×H×W×C on the CPU, got ",
              set->images.scalar_type(), " ", set->images.sizes());
  TORCH_CHECK(set->labels.dim() == 1 && set->labels.size(0) == set->size() &&
                  set->labels.scalar_type() == at::kLong && set->labels.is_contiguous(),
              "ImageSetSource: expected ", set->size(), " contiguous int64 labels, got ",
              set->labels.scalar_type(), " ", set->labels.sizes());
  return set;
}

}  // namespace

ImageSetSource::ImageSetSource(std::shared_ptr<const ImageSet> set,
                               const Augmentation& augmentation)
    : set_(checked(std::move(set))),
      augmentation_(augmentation),
      statistics_{.mean = set_->mean, .stddev = set_->stddev},
      transform_(*set_, augmentation) {}

std::int64_t ImageSetSource::label(std::int64_t index) const {
  return set_->labels.const_data_ptr<std::int64_t>()[index];
}

std::string ImageSetSource::checksum() const {
  detail::Checksum sum;
  sum.add(set_->names_checksum);
  sum.add(std::span(set_->labels.const_data_ptr<std::int64_t>(),
                    static_cast<std::size_t>(set_->size())));
  return sum.text();
}

bool ImageSetSource::read(std::int64_t index, RandomStream& random, std::span<float> image) const {
  if (!set_->broken.empty() && set_->broken[static_cast<std::size_t>(index)] != 0) {
    return false;
  }
  const auto values = static_cast<std::size_t>(transform_.image_values());
  const auto* raw = set_->images.const_data_ptr<std::uint8_t>();
  transform_.apply({raw + static_cast<std::size_t>(index) * values, values}, random, image);
  return true;
}

std::shared_ptr<const ImageSource> ImageSetSource::unaugmented() const {
  return std::make_shared<const ImageSetSource>(set_, Augmentation::none());
}

std::shared_ptr<const ImageSource> ImageSetSource::with_cutout_share(double share) const {
  if (augmentation_.cutout == 0) {
    return nullptr;
  }
  Augmentation other = augmentation_;
  other.cutout_share = share;
  return std::make_shared<const ImageSetSource>(set_, other);
}

}  // namespace darts
