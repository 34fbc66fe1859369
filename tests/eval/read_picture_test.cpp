// A picture that is shown to a network by itself becomes what a test makes of it.
#include "data/fixtures.hpp"
#include "support/test_paths.hpp"
#include "support/write_png.hpp"

#include <darts/eval/held_out_data.hpp>
#include <darts/eval/inference.hpp>
#include <darts/eval/read_picture.hpp>

#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>

#include <algorithm>

namespace darts {
namespace {

namespace fs = std::filesystem;

NetworkDescription description(const std::string& dataset, const fs::path& root,
                               std::int64_t channels) {
  NetworkDescription d;
  d.options.genotype = load_genotype(testing::configs_folder() / "genotypes/DARTS_V2.json");
  d.options.cells = 3;
  d.options.channels = 2;
  d.options.image_channels = channels;
  d.dataset = dataset;
  d.root = root;
  d.height = d.width = 32;
  d.resize_size = 40;
  const auto size = static_cast<std::size_t>(channels);
  d.statistics = {std::vector<double>(size, 0.4), std::vector<double>(size, 0.3)};
  return d;
}

/// The images of the test, in their order.
at::Tensor tested(const NetworkDescription& network) {
  TestDataOptions options;
  options.root = network.root;
  options.workers = 0;
  BatchLoader loader = open_test_data(network, options);
  loader.start(0);
  return loader.next().value().images;
}

void expect_as_tested(NetworkDescription network, const std::vector<fs::path>& files) {
  network.options.classes = static_cast<std::int64_t>(network.class_names.size());
  const at::Tensor images = tested(network);
  ASSERT_EQ(images.size(0), std::ssize(files));
  EvaluationNetwork trained(network.options);
  trained->eval();
  const at::Tensor logits = test_logits(trained, images, Precision::fp32);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const at::Tensor image = read_picture(files[i], network);
    EXPECT_TRUE(image[0].equal(images[index])) << files[i];
    const at::Tensor own = test_logits(trained, image, Precision::fp32)[0];
    EXPECT_TRUE(own.allclose(logits[index], 1e-5, 1e-6)) << files[i];
  }
}

class PicturesInFolders : public ::testing::TestWithParam<const char*> {};

TEST_P(PicturesInFolders, AreWhatATestMakesOfThem) {
  const test::TempFolder root;
  std::vector<fs::path> files;
  const fs::path folder = root.path() / "val/thing";
  fs::create_directories(folder);
  for (const char* name : {"alpha.png", "cmyk.jpg", "grey.jpg", "landscape_rgb.jpg", "palette.png",
                           "png_named.jpg", "stripes_35x32.png"}) {
    fs::copy_file(testing::test_data_folder() / "images" / name, folder / name);
    files.push_back(folder / name);
  }
  files.push_back(
      testing::write_png(folder / "small.png", at::randint(256, {9, 14, 3}, at::kByte)));
  files.push_back(
      testing::write_png(folder / "tall.png", at::randint(256, {77, 32, 3}, at::kByte)));
  std::ranges::sort(files);  // as a test has them
  NetworkDescription network = description(GetParam(), root.path(), 3);
  network.class_names = {"thing"};
  expect_as_tested(network, files);
}

INSTANTIATE_TEST_SUITE_P(, PicturesInFolders, ::testing::Values("image_folder", "imagenet"),
                         [](const auto& name) { return std::string(name.param); });

TEST(PicturesOfFashionMnist, AreWhatATestMakesOfThem) {
  const test::TempFolder root;
  test::write_fashion_mnist(root.path(), 12);
  const DatasetOptions options{.name = "fashion_mnist", .root = root.path()};
  const ImageSet set = load_dataset(options, Split::test);
  NetworkDescription network = description("fashion_mnist", root.path(), 1);
  network.class_names = set.class_names;
  std::vector<fs::path> stored;
  std::vector<fs::path> padded;
  std::vector<fs::path> coloured;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::string name = std::to_string(i) + ".png";
    const at::Tensor image = set.images[i];
    const at::Tensor middle = image.narrow(0, 2, 28).narrow(1, 2, 28);
    stored.push_back(testing::write_png(root.path() / "stored" / name, middle));
    padded.push_back(testing::write_png(root.path() / "padded" / name, image));
    coloured.push_back(
        testing::write_png(root.path() / "coloured" / name, middle.expand({28, 28, 3})));
  }
  expect_as_tested(network, stored);
  expect_as_tested(network, padded);
  expect_as_tested(network, coloured);

  // A picture of another size lies within the same border.
  const fs::path large = testing::write_png(
      root.path() / "large.png", at::full({56, 80, 1}, 200, at::TensorOptions().dtype(at::kByte)));
  const at::Tensor image = read_picture(large, network)[0][0];
  EXPECT_TRUE(image.narrow(0, 0, 2).equal(at::full({2, 32}, image[0][0].item<float>())));
  EXPECT_NEAR(image[2][2].item<float>(), (200.0 / 255.0 - 0.4) / 0.3, 1e-6);
}

}  // namespace
}  // namespace darts
