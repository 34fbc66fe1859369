// No contraction of a · b + c to a single rounding here (see CMakeLists.txt): Pillow has none.
#include "adjust_color.hpp"

#include "vector_clones.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace darts::detail {
namespace {

/// Where both ends of a blend are known: end · (1 − factor) + value · factor.
inline std::uint8_t blended(int end, int value, float factor) {
  const float exact = static_cast<float>(end) + factor * static_cast<float>(value - end);
  return static_cast<std::uint8_t>(static_cast<int>(std::min(std::max(exact, 0.0F), 255.0F)));
}

/// ITU-R 601-2 luma, as Pillow's convert("L").
inline int grey_value(int red, int green, int blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

struct Channels {
  std::uint8_t* __restrict red;  // the planes do not overlap: loops over them can be vectorized
  std::uint8_t* __restrict green;
  std::uint8_t* __restrict blue;
  std::int64_t pixels;

  explicit Channels(Planes& image)
      : red(image.plane(0)), green(image.plane(1)), blue(image.plane(2)), pixels(image.pixels()) {}
};

DARTS_VECTOR_CLONES void blend_with(std::uint8_t* values, std::int64_t count, int end,
                                    float factor) {
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = blended(end, values[i], factor);
  }
}

DARTS_VECTOR_CLONES std::int64_t sum_of_grey(Channels image) {
  constexpr std::int64_t block = 4096;  // whose sum fits into 32 bits
  std::int64_t total = 0;
  for (std::int64_t begin = 0; begin < image.pixels; begin += block) {
    const std::int64_t end = std::min(begin + block, image.pixels);
    int sum = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      sum += grey_value(image.red[i], image.green[i], image.blue[i]);
    }
    total += sum;
  }
  return total;
}

DARTS_VECTOR_CLONES void blend_with_grey(Channels image, float factor) {
  for (std::int64_t i = 0; i < image.pixels; ++i) {
    const int grey = grey_value(image.red[i], image.green[i], image.blue[i]);
    image.red[i] = blended(grey, image.red[i], factor);
    image.green[i] = blended(grey, image.green[i], factor);
    image.blue[i] = blended(grey, image.blue[i], factor);
  }
}

// Turning the hue goes block by block through three short loops, which the compiler vectorizes as
// it does not one with all in it.
constexpr std::int64_t hue_block = 512;

struct HueBlock {
  // Pillow's HSV.
  std::array<std::uint8_t, hue_block> hue;
  std::array<std::uint8_t, hue_block> saturation;
  std::array<std::uint8_t, hue_block> value;
  // What the channels other than the largest become: the smallest, and the one in between, which
  // falls or rises with the hue.
  std::array<std::uint8_t, hue_block> least;
  std::array<std::uint8_t, hue_block> falling;
  std::array<std::uint8_t, hue_block> rising;
};

inline void rgb_to_hsv(Channels image, std::int64_t count, int shift, HueBlock& block) {
  for (std::int64_t i = 0; i < count; ++i) {
    const int red = image.red[i];
    const int green = image.green[i];
    const int blue = image.blue[i];
    const int most = std::max(red, std::max(green, blue));
    const int range = most - std::min(red, std::min(green, blue));
    const int up = red == most ? blue : green == most ? red : green;
    const int down = red == most ? green : green == most ? blue : red;
    const int sector = red == most ? 0 : green == most ? 2 : 4;
    const auto divisor = static_cast<float>(std::max(range, 1));
    // In single and double precision where Pillow is.
    const float from_up = static_cast<float>(most - up) / divisor;
    const float from_down = static_cast<float>(most - down) / divisor;
    const auto sixths = static_cast<float>(static_cast<double>(sector) + from_up - from_down);
    const double turn = sixths / 6.0 + 1.0;
    const auto hue = static_cast<float>(turn - (turn >= 1.0 ? 1.0 : 0.0));
    const float saturation = static_cast<float>(range) / static_cast<float>(std::max(most, 1));
    block.hue[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(static_cast<int>(hue * 255.0) + shift);
    block.saturation[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(static_cast<int>(saturation * 255.0));
    block.value[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(most);
  }
}

/// Of a number that is not negative. std::lround would be a call, which cannot be vectorized.
inline int rounded(double x) {
  constexpr double half = 0.5;
  return static_cast<int>(x + half);
}

inline int sector_of(int hue) { return hue * 6 / 255; }  // 0 … 6, of which 6 is like 0

inline void mix_hsv(std::int64_t count, HueBlock& block) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const int hue = block.hue[i];
    const auto within = static_cast<float>(hue * 6 / 255.0 - sector_of(hue));
    const auto saturation = static_cast<float>(block.saturation[i] / 255.0);
    const double value = block.value[i];
    block.least[i] = static_cast<std::uint8_t>(rounded(value * (1.0 - saturation)));
    block.falling[i] = static_cast<std::uint8_t>(rounded(value * (1.0 - saturation * within)));
    block.rising[i] =
        static_cast<std::uint8_t>(rounded(value * (1.0 - saturation * (1.0 - within))));
  }
}

inline void hsv_to_rgb(const HueBlock& block, std::int64_t count, Channels image) {
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const int sector = sector_of(block.hue[at]);
    const std::uint8_t most = block.value[at];
    const std::uint8_t least = block.least[at];
    const std::uint8_t falling = block.falling[at];
    const std::uint8_t rising = block.rising[at];
    image.red[i] = sector == 1                  ? falling
                   : sector == 2 || sector == 3 ? least
                   : sector == 4                ? rising
                                                : most;
    image.green[i] = sector == 0 || sector == 6   ? rising
                     : sector == 1 || sector == 2 ? most
                     : sector == 3                ? falling
                                                  : least;
    image.blue[i] = sector == 2                  ? rising
                    : sector == 3 || sector == 4 ? most
                    : sector == 5                ? falling
                                                 : least;
  }
}

DARTS_VECTOR_CLONES void turn_hue(Channels image, int shift) {
  HueBlock block;
  while (image.pixels > 0) {
    const std::int64_t count = std::min(hue_block, image.pixels);
    rgb_to_hsv(image, count, shift, block);
    mix_hsv(count, block);
    hsv_to_rgb(block, count, image);
    image.red += count;
    image.green += count;
    image.blue += count;
    image.pixels -= count;
  }
}

}  // namespace

void adjust_brightness(Planes& image, double factor) {
  blend_with(image.plane(0), 3 * image.pixels(), 0, static_cast<float>(factor));
}

void adjust_contrast(Planes& image, double factor) {
  const double mean =
      static_cast<double>(sum_of_grey(Channels(image))) / static_cast<double>(image.pixels());
  blend_with(image.plane(0), 3 * image.pixels(), rounded(mean), static_cast<float>(factor));
}

void adjust_saturation(Planes& image, double factor) {
  blend_with_grey(Channels(image), static_cast<float>(factor));
}

void adjust_hue(Planes& image, double turn) {
  // Towards 0, then modulo 256: what NumPy makes of it.
  turn_hue(Channels(image), static_cast<int>(turn * 255.0) & 255);
}

}  // namespace darts::detail
