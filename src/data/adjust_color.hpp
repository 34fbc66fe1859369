#pragma once

#include "resample.hpp"

namespace darts::detail {

// Changes of an image's colours, on uint8 values with the formulas and roundings of torchvision's
// adjust_… functions on Pillow images, whose pixels these equal.

/// All values times `factor`.
void adjust_brightness(Planes& image, double factor);

/// The values' distance to the mean grey value of the image, rounded, times `factor`.
void adjust_contrast(Planes& image, double factor);

/// The values' distance to the grey value of their pixel times `factor`.
void adjust_saturation(Planes& image, double factor);

/// Turns the hue by `turn`, in [−0.5, 0.5] of a full circle, through HSV with 8 bits a value.
void adjust_hue(Planes& image, double turn);

}  // namespace darts::detail
