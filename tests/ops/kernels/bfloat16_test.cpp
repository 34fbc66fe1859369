// Storing as bfloat16: against LibTorch's conversion, which is a loop over single values.
#include "kernels/pooling.hpp"
#include "ops/forced_target.hpp"
#include "ops/kernels/kernel_tools.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace darts {
namespace {

/// The maximum of a window of one pixel is the pixel: what it stores is its input, rounded.
std::vector<std::uint16_t> stored_as_bfloat16(const std::vector<float>& values) {
  const std::int64_t count = testing::padded<float>(std::ssize(values));
  std::vector<float> x = values;
  x.resize(static_cast<std::size_t>(count));
  std::vector<kernels::BFloat16> y(x.size());
  kernels::pool_forward({kernels::Pool::max, 1, 1, count, 1}, x.data(), y.data());
  std::vector<std::uint16_t> bits;
  for (std::size_t i = 0; i < values.size(); ++i) {
    bits.push_back(y[i].bits);
  }
  return bits;
}

void expect_nearest(const std::vector<float>& values) {
  testing::for_each_target([&] {
    const std::vector<std::uint16_t> found = stored_as_bfloat16(values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) {
        EXPECT_TRUE(
            std::isnan(static_cast<float>(c10::BFloat16(found[i], c10::BFloat16::from_bits()))))
            << std::hex << std::bit_cast<std::uint32_t>(values[i]);
      } else {
        EXPECT_EQ(found[i], c10::BFloat16(values[i]).x) << std::hexfloat << values[i];
      }
    }
  });
}

TEST(StoredAsBFloat16, IsTheNearestOneOfAllKindsOfValues) {
  std::mt19937 bits(1);
  std::vector<float> values(100000);
  for (float& value : values) {
    value = std::bit_cast<float>(static_cast<std::uint32_t>(bits()));
  }
  expect_nearest(values);
}

TEST(StoredAsBFloat16, TiesGoToEven) {
  std::vector<float> values;
  for (std::uint32_t upper = 0; upper < 0x10000; upper += 0x55) {
    for (const std::uint32_t lower : {0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
      values.push_back(std::bit_cast<float>(upper << 16 | lower));
    }
  }
  expect_nearest(values);
}

TEST(StoredAsBFloat16, SpecialValues) {
  using Limits = std::numeric_limits<float>;
  std::vector<float> values{0.0F,
                            1.0F,
                            Limits::infinity(),
                            Limits::max(),  // nearer to infinity than to the largest bfloat16
                            std::bit_cast<float>(0x7F7F7FFFU),
                            Limits::min(),
                            Limits::denorm_min(),
                            std::bit_cast<float>(0x00008001U),
                            Limits::quiet_NaN(),
                            Limits::signaling_NaN(),
                            std::bit_cast<float>(0x7FFFFFFFU),   // a carry would make it −0, …
                            std::bit_cast<float>(0x7F800001U)};  // … and cutting it off infinity
  for (std::size_t i = 0, count = values.size(); i < count; ++i) {
    values.push_back(-values[i]);
  }
  expect_nearest(values);
}

}  // namespace
}  // namespace darts
