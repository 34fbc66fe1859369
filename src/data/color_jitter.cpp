#include "color_jitter.hpp"

#include "adjust_color.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace darts::detail {
namespace {

struct Change {
  void (*adjust)(Planes& image, double amount);
  double low;
  double high;
};

/// A factor around 1.
Change scaled(void (*adjust)(Planes& image, double factor), double strength) {
  return {.adjust = adjust, .low = std::max(1.0 - strength, 0.0), .high = 1.0 + strength};
}

}  // namespace

void jitter_colors(Planes& image, const PhotoOptions& options, RandomStream& random) {
  const std::array<Change, 4> changes = {
      scaled(adjust_brightness, options.brightness), scaled(adjust_contrast, options.contrast),
      scaled(adjust_saturation, options.saturation),
      Change{.adjust = adjust_hue, .low = -options.hue, .high = options.hue}};
  std::array<std::size_t, 4> order = {0, 1, 2, 3};
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random.below(left)]);
  }
  std::array<double, 4> amounts{};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].low < changes[i].high) {
      amounts[i] = changes[i].low + (changes[i].high - changes[i].low) * random.uniform();
    }
  }
  for (const std::size_t i : order) {
    if (changes[i].low < changes[i].high) {
      changes[i].adjust(image, amounts[i]);
    }
  }
}

}  // namespace darts::detail
