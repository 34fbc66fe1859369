#pragma once

#include "resample.hpp"

#include <darts/core/random.hpp>
#include <darts/data/photo_transform.hpp>

namespace darts::detail {

/// torchvision's ColorJitter. What it draws is said at PhotoTransform::apply.
void jitter_colors(Planes& image, const PhotoOptions& options, RandomStream& random);

}  // namespace darts::detail
