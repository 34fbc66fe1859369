#include "decode_image.hpp"

#include "fixtures.hpp"
#include "support/test_paths.hpp"

#include <darts/core/atomic_file.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <array>

namespace darts::detail {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string file_bytes(const std::string& name) {
  return read_file(testing::test_data_folder() / "images" / name);
}

std::string problem_of(const std::string& bytes) {
  try {
    decode_image(bytes);
  } catch (const std::runtime_error& problem) {
    return problem.what();
  }
  return "";
}

/// What Pillow 13.0 makes of an image: convert("RGB").
struct Expected {
  std::string name;
  std::int64_t height, width;
  std::array<double, 3> mean;
  std::array<int, 3> inside;     // pixel [height / 2, width / 3]
  std::array<int, 3> at_border;  // pixel [3, width − 2]
};

class DecodeImage : public ::testing::TestWithParam<Expected> {};

TEST_P(DecodeImage, AgreesWithPillow) {
  const Expected& p = GetParam();
  const at::Tensor image = decode_image(file_bytes(p.name));
  ASSERT_THAT(image.sizes(), ElementsAre(p.height, p.width, 3));
  ASSERT_TRUE(image.is_contiguous());
  const at::Tensor mean = image.to(at::kDouble).mean(at::IntArrayRef{0, 1});
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    EXPECT_NEAR(mean[c].item<double>(), p.mean[channel], 0.5);
    EXPECT_NEAR(image[p.height / 2][p.width / 3][c].item<int>(), p.inside[channel], 2);
    EXPECT_NEAR(image[3][p.width - 2][c].item<int>(), p.at_border[channel], 2);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Images, DecodeImage,
    ::testing::Values(
        Expected{
            "landscape_rgb.jpg", 48, 64, {106.63, 111.28, 94.54}, {178, 147, 93}, {106, 119, 112}},
        Expected{"grey.jpg", 48, 108, {184.8, 184.8, 184.8}, {182, 182, 182}, {173, 173, 173}},
        Expected{"cmyk.jpg", 54, 40, {128.59, 100.9, 75.57}, {11, 23, 38}, {169, 151, 103}},
        Expected{"png_named.jpg", 24, 32, {107.15, 107.46, 91.31}, {104, 109, 84}, {136, 139, 145}},
        Expected{"alpha.png", 20, 27, {145.08, 132.44, 125.8}, {141, 72, 32}, {150, 144, 136}},
        Expected{"palette.png", 32, 43, {108.22, 108.58, 100.89}, {84, 83, 77}, {97, 97, 85}}));

TEST(DecodePng, GivesTheStoredValuesWhateverTheGamma) {
  const at::Tensor image = decode_image(file_bytes("gamma_1.0.png")).to(at::kLong);
  const at::Tensor x = at::arange(16, at::kLong).unsqueeze(0).expand({16, 16});
  const at::Tensor y = x.t();
  EXPECT_TRUE(image.equal(at::stack({16 * x, 16 * y, 8 * (x + y)}, -1)));
}

TEST(FitImage, CropsTheMiddleAsTorchvisionDoes) {
  // 35 columns to 32: Python's round(1.5) is 2.
  const at::Tensor stripes = decode_image(file_bytes("stripes_35x32.png"));
  ASSERT_THAT(stripes.sizes(), ElementsAre(32, 35, 3));
  EXPECT_TRUE(fit_image(stripes, 32).equal(stripes.narrow(1, 2, 32)));
  // And round(0.5) is 0.
  const at::Tensor one_more = stripes.narrow(1, 0, 33);
  EXPECT_TRUE(fit_image(one_more, 32).equal(one_more.narrow(1, 0, 32)));
}

TEST(DecodeImageErrors, SaysWhatIsWrong) {
  EXPECT_EQ(problem_of(""), "the file is empty");
  EXPECT_EQ(problem_of("GIF89a"), "it is neither JPEG nor PNG");
  const std::string jpeg = file_bytes("landscape_rgb.jpg");
  EXPECT_THAT(problem_of(jpeg.substr(0, jpeg.size() / 2)),
              ::testing::ContainsRegex("damaged JPEG .*remature end of"));
  EXPECT_THAT(problem_of(jpeg.substr(0, 20)), HasSubstr("damaged JPEG ("));
  std::string png = file_bytes("alpha.png");
  EXPECT_THAT(problem_of(png.substr(0, png.size() / 2)), HasSubstr("damaged PNG ("));
  png[png.size() / 2] = static_cast<char>(png[png.size() / 2] ^ 1);
  EXPECT_THAT(problem_of(png), HasSubstr("damaged PNG ("));
}

TEST(DecodeImageErrors, ToleratesBytesBetweenMarkers) {
  // As in some photographs of ImageNet: "Corrupt JPEG data: 2 extraneous bytes before marker".
  std::string jpeg = file_bytes("landscape_rgb.jpg");
  jpeg.insert(jpeg.size() - 2, "ab");
  EXPECT_EQ(problem_of(jpeg), "");
}

TEST(DecodeImageErrors, RefusesASizeThatCannotBeMeant) {
  std::string png = file_bytes("alpha.png");
  const std::string big_header =
      // Width and height 100,000; the checksum of this header.
      std::string("\x00\x01\x86\xA0\x00\x01\x86\xA0", 8);
  png.replace(16, 8, big_header);
  EXPECT_NE(problem_of(png), "");
  EXPECT_THROW(check_size(100'000, 100'000), std::runtime_error);
  EXPECT_THROW(check_size(0, 3), std::runtime_error);
}

/// What Pillow makes of it: resize(…, BILINEAR), then the middle.
TEST(FitImage, AgreesWithPillow) {
  const auto pixel = [](const at::Tensor& image, std::int64_t y, std::int64_t x) {
    const at::Tensor values = image[y][x];
    return std::vector<int>{values[0].item<int>(), values[1].item<int>(), values[2].item<int>()};
  };
  const auto near = [](int r, int g, int b) {
    using ::testing::AllOf;
    using ::testing::Ge;
    using ::testing::Le;
    return ElementsAre(AllOf(Ge(r - 2), Le(r + 2)), AllOf(Ge(g - 2), Le(g + 2)),
                       AllOf(Ge(b - 2), Le(b + 2)));
  };
  const at::Tensor landscape = decode_image(file_bytes("landscape_rgb.jpg"));
  const at::Tensor small = fit_image(landscape, 16);
  EXPECT_THAT(small.sizes(), ElementsAre(16, 16, 3));
  EXPECT_THAT(pixel(small, 0, 0), near(68, 84, 81));
  EXPECT_THAT(pixel(small, 5, 11), near(98, 105, 102));
  EXPECT_THAT(pixel(small, 15, 15), near(63, 74, 66));
  const at::Tensor large = fit_image(landscape, 64);
  EXPECT_THAT(pixel(large, 0, 0), near(77, 93, 90));
  EXPECT_THAT(pixel(large, 5, 11), near(88, 101, 94));
  EXPECT_THAT(pixel(large, 63, 63), near(75, 86, 80));
  const at::Tensor portrait = fit_image(decode_image(file_bytes("cmyk.jpg")), 16);
  EXPECT_THAT(pixel(portrait, 0, 0), near(169, 145, 105));
  EXPECT_THAT(pixel(portrait, 5, 11), near(39, 109, 4));
  EXPECT_THAT(pixel(portrait, 15, 15), near(130, 91, 69));
}

TEST(FitImage, OnlyCropsWhereTheShorterSideFits) {
  const at::Tensor row = at::arange(0, 10, at::kByte).view({1, 10, 1});
  const at::Tensor image = row.expand({4, 10, 3}).contiguous();
  const at::Tensor fitted = fit_image(image, 4);
  EXPECT_TRUE(fitted.equal(image.narrow(1, 3, 4)));
  EXPECT_TRUE(fitted.is_contiguous());
}

TEST(FitImage, TakesAnyShape) {
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 500}, {333, 2}, {7, 32}, {64, 64}}) {
    const at::Tensor image = at::full({height, width, 3}, 200, at::kByte);
    EXPECT_TRUE(fit_image(image, 32).equal(at::full({32, 32, 3}, 200, at::kByte)))
        << height << " by " << width;
  }
}

}  // namespace
}  // namespace darts::detail
