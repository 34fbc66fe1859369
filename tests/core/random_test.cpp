#include <darts/core/random.hpp>
#include <darts/core/split_mix.hpp>

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <set>
#include <vector>

namespace darts {
namespace {

struct Recorded {
  std::uint64_t seed;
  RandomPurpose purpose;
  std::uint64_t epoch;
  std::uint64_t index;
  std::array<std::uint64_t, 3> values;
};

// Computed apart from this code, from SplitMix64's constants and the folding of the key. They are a
// promise: another value is another search for everyone's seeds.
constexpr Recorded recorded[] = {
    {0, RandomPurpose::weights, 0, 0, {0xce5a0ba6c65e3deb, 0x2d3372a11233f524, 0xf3f1c8d2a0169051}},
    {1, RandomPurpose::alphas, 0, 0, {0xafe17f343608f179, 0x26e869ded11c31a2, 0xc7d6d113100abaf4}},
    {1,
     RandomPurpose::train_order,
     1,
     0,
     {0xa19478703651f809, 0x613e195281d30665, 0x7e69245170fb9bd8}},
    {1,
     RandomPurpose::train_order,
     0,
     1,
     {0xe6ad5c92bdf4fe95, 0x4ee1ba5d9b2ef3e7, 0x7f5c89fd27e99749}},
    {std::numeric_limits<std::uint64_t>::max(),
     RandomPurpose::mixup,
     600,
     50000,
     {0x19df37c180190d5c, 0xbbed359d8c676cb1, 0xc6c147c889a98223}},
};

// The values that its authors' reference (splitmix64.c) gives for the seed 1234567.
TEST(SplitMix, GivesTheReferencesWordsWhereverItIsEntered) {
  constexpr std::array<std::uint64_t, 5> words{6457827717110365317U, 3203168211198807973U,
                                               9817491932198370423U, 4593380528125082431U,
                                               16408922859458223821U};
  for (std::size_t i = words.size(); i-- > 0;) {
    EXPECT_EQ(split_mix_word(1234567, i), words.at(i));
  }
}

TEST(RandomStream, GivesTheValuesItAlwaysGave) {
  for (const Recorded& r : recorded) {
    RandomStream stream(r.seed, r.purpose, r.epoch, r.index);
    for (const std::uint64_t value : r.values) {
      EXPECT_EQ(stream(), value) << r.seed << " " << r.epoch << " " << r.index;
    }
  }
}

TEST(RandomStream, WholeNumbersAndFractionsComeFromTheSameBits) {
  RandomStream stream(7, RandomPurpose::train_order);
  std::vector<std::uint64_t> digits;
  for (int i = 0; i < 12; ++i) {
    digits.push_back(stream.below(10));
  }
  EXPECT_EQ(digits, (std::vector<std::uint64_t>{4, 4, 4, 1, 9, 5, 0, 6, 3, 6, 1, 9}));
  EXPECT_EQ(RandomStream(0, RandomPurpose::weights).uniform(), 0.8060614854970191);
}

TEST(RandomStream, BelowReachesAllAndNothingElse) {
  RandomStream stream(3, RandomPurpose::split);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 200; ++i) {
    seen.insert(stream.below(5));
    EXPECT_EQ(stream.below(1), 0U);
  }
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4}));
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_LT(stream.below(most), most);
}

TEST(RandomStream, UniformIsHalfOnAverage) {
  RandomStream stream(5, RandomPurpose::drop_path);
  constexpr int count = 10000;
  double sum = 0.0;
  for (int i = 0; i < count; ++i) {
    const double value = stream.uniform();
    EXPECT_GE(value, 0.0);
    EXPECT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / count, 0.5, 0.0145);  // five standard deviations, √(1 / 12 / count) each
}

}  // namespace
}  // namespace darts
