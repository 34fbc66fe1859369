#pragma once

#include "fixtures.hpp"
#include "resample.hpp"
#include "support/test_paths.hpp"

#include <darts/core/atomic_file.hpp>

#include <string>
#include <vector>

namespace darts::test {

inline const fs::path data_folder = testing::test_data_folder();

/// The photographs that tests/fixtures/photos/record.py fits, in its order.
inline std::vector<std::string> photos() {
  std::vector<std::string> files;
  for (const char* name :
       {"photos/pattern_444.jpg", "photos/pattern_422.jpg", "photos/pattern_420.jpg",
        "photos/pattern_progressive.jpg", "images/landscape_rgb.jpg", "images/grey.jpg",
        "images/cmyk.jpg", "images/png_named.jpg", "images/palette.png"}) {
    files.push_back((data_folder / name).string());
  }
  return files;
}

/// Recorded images of one size, one after the other.
class RecordedImages {
 public:
  RecordedImages(const std::string& name, std::int64_t height, std::int64_t width)
      : bytes_(read_file(data_folder / "photos" / name)), height_(height), width_(width) {}

  std::size_t count() const { return bytes_.size() / image_bytes(); }

  int at(std::size_t image, std::int64_t pixel, std::int64_t channel) const {
    const std::size_t place = image * image_bytes() + static_cast<std::size_t>(pixel * 3 + channel);
    return static_cast<std::uint8_t>(bytes_.at(place));
  }

  detail::Planes planes(std::size_t image) const {
    detail::Planes planes{.height = height_, .width = width_, .values = {}};
    for (std::int64_t channel = 0; channel < 3; ++channel) {
      for (std::int64_t pixel = 0; pixel < height_ * width_; ++pixel) {
        planes.values.push_back(static_cast<std::uint8_t>(at(image, pixel, channel)));
      }
    }
    return planes;
  }

 private:
  std::size_t image_bytes() const { return static_cast<std::size_t>(height_ * width_ * 3); }

  std::string bytes_;
  std::int64_t height_;
  std::int64_t width_;
};

/// The largest difference of two images of one size.
inline int largest_difference(const detail::Planes& a, const detail::Planes& b) {
  EXPECT_EQ(a.values.size(), b.values.size());
  int largest = 0;
  for (std::size_t i = 0; i < std::min(a.values.size(), b.values.size()); ++i) {
    largest = std::max(largest, std::abs(a.values[i] - b.values[i]));
  }
  return largest;
}

}  // namespace darts::test
