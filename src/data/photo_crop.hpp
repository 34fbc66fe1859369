#pragma once

#include "picture.hpp"

#include <darts/core/random.hpp>
#include <darts/data/photo_transform.hpp>

namespace darts::detail {

/// torchvision's RandomResizedCrop: the part of an image that is to be resized. What it draws is
/// said at PhotoTransform::apply.
PixelBox random_crop(std::int64_t height, std::int64_t width, const PhotoOptions& options,
                     RandomStream& random);

/// An image resized as a whole, of which only a part is wanted.
struct FittedCrop {
  std::int64_t height = 0;  ///< of the resized image
  std::int64_t width = 0;
  PixelBox part;
};

/// torchvision's Resize(resize_size), of the shorter side, and CenterCrop(crop_size).
FittedCrop centre_crop(std::int64_t height, std::int64_t width, const PhotoOptions& options);

/// By how many eighths to scale an image as it is decoded for training, so that a part of `box`
/// keeps at least `size` pixels on both sides: 8, 4, 2 or 1. The steps between are slower in
/// libjpeg-turbo, which has vector code for these alone, than what they save.
int decoding_scale(const PixelBox& box, std::int64_t size);

}  // namespace darts::detail
