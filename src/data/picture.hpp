#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace darts::detail {

/// A part of an image: rows [top, top + height), columns [left, left + width).
struct PixelBox {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;

  std::int64_t bottom() const { return top + height; }
  std::int64_t right() const { return left + width; }
};

/// Pixels of (a part of) an image, four bytes each: red, green, blue, and one without a meaning,
/// with which a pixel fills a vector register's lane.
class Picture {
 public:
  static constexpr std::int64_t pixel_bytes = 4;

  Picture() = default;

  /// Undefined pixels. Throws std::runtime_error if it would not be sensible to hold so many in
  /// memory: the size stands in a header that may be damaged.
  explicit Picture(const PixelBox& box);

  /// Which pixels of the image these are.
  const PixelBox& box() const { return box_; }

  /// The pixels of row `y`, which the box contains, from the box's left border on.
  std::uint8_t* row(std::int64_t y) { return bytes_.get() + offset(y); }
  const std::uint8_t* row(std::int64_t y) const { return bytes_.get() + offset(y); }

  std::int64_t row_bytes() const { return box_.width * pixel_bytes; }

 private:
  std::size_t offset(std::int64_t y) const {
    return static_cast<std::size_t>((y - box_.top) * row_bytes());
  }

  PixelBox box_;
  std::unique_ptr<std::uint8_t[]> bytes_;
};

/// Throws std::runtime_error where an image of this size is not to be believed.
void check_size(std::int64_t height, std::int64_t width);

}  // namespace darts::detail
