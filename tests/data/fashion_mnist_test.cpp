#include "fixtures.hpp"

#include <darts/data/dataset.hpp>

#include <zlib.h>

namespace darts {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
namespace fs = std::filesystem;

const fs::path installed = "/usr/share/datasets/fashion-mnist";

std::string compressed(const std::string& bytes) {
  const test::TempFolder folder;
  const fs::path file = folder.path() / "bytes.gz";
  gzFile_s* out = gzopen(file.c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// `count` images whose pixel k is (image + k) % 256.
std::string images_file(std::uint32_t count) {
  std::string values;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t k = 0; k < 784; ++k) {
      values += static_cast<char>((i + k) % 256);
    }
  }
  return test::idx({count, 28, 28}, values);
}

class FashionMnist : public testing::Test {
 protected:
  void write_images(const std::string& bytes) { test::write_file(images, bytes); }
  void write_labels(const std::string& bytes) { test::write_file(labels, bytes); }

  std::string load_error() const {
    return test::error_of(
        [&] { load_dataset({.root = root.path(), .or_system = false}, Split::test); });
  }

  test::TempFolder root;
  fs::path images = root.path() / "fashion-mnist" / "t10k-images-idx3-ubyte";
  fs::path labels = root.path() / "fashion-mnist" / "t10k-labels-idx1-ubyte";
};

TEST_F(FashionMnist, ReadsImagesIntoTheMiddleOfZeros) {
  write_images(images_file(3));
  write_labels(test::idx({3}, "\x09\x01\x02"));
  const ImageSet set = load_dataset({.root = root.path()}, Split::test);
  EXPECT_THAT(set.images.sizes(), ElementsAre(3, 32, 32, 1));
  EXPECT_EQ(set.labels[0].item<int>(), 9);
  EXPECT_EQ(set.class_names[9], "Ankle boot");
  EXPECT_EQ(set.images[2][2][2][0].item<int>(), 2);
  EXPECT_EQ(set.images[2][29][29][0].item<int>(), (2 + 783) % 256);
  EXPECT_EQ(set.images[1][10][20][0].item<int>(), (1 + 8 * 28 + 18) % 256);
  at::Tensor border = set.images.clone();
  border.narrow(1, 2, 28).narrow(2, 2, 28).zero_();
  EXPECT_EQ(border.sum().item<int>(), 0);
}

TEST_F(FashionMnist, FindsTheFilesWhereverTheyLie) {
  for (const char* folder : {"fashion-mnist", "FashionMNIST/raw", "."}) {
    for (const bool gz : {false, true}) {
      const test::TempFolder place;
      const auto put = [&](const std::string& name, const std::string& bytes) {
        test::write_file(place.path() / folder / (gz ? name + ".gz" : name),
                         gz ? compressed(bytes) : bytes);
      };
      put("train-images-idx3-ubyte", images_file(2));
      put("train-labels-idx1-ubyte", test::idx({2}, "\x05\x06"));
      const ImageSet set = load_dataset({.root = place.path()}, Split::train);
      EXPECT_EQ(set.size(), 2) << folder << ' ' << gz;
      EXPECT_EQ(set.labels[1].item<int>(), 6);
    }
  }
}

TEST_F(FashionMnist, NamesACompressedFileThatIsCutOff) {
  const std::string whole = compressed(images_file(200));
  write_labels(test::idx({200}, std::string(200, '\0')));
  images += ".gz";
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{15}}) {
    write_images(whole.substr(0, size));
    EXPECT_THAT(load_error(), AllOf(StartsWith(images.string() + ": is cut off"),
                                    HasSubstr("scripts/get_data.py fashion_mnist --root")))
        << size;
  }
}

TEST_F(FashionMnist, NamesACompressedFileThatIsDamaged) {
  std::string bytes = compressed(images_file(200));
  bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);  // the checksum
  images += ".gz";
  write_images(bytes);
  write_labels(test::idx({200}, std::string(200, '\0')));
  EXPECT_THAT(load_error(), StartsWith(images.string() + ": cannot be uncompressed"));
}

TEST_F(FashionMnist, ChecksTheHeaderAgainstTheContent) {
  write_labels(test::idx({2}, std::string(2, '\0')));
  write_images(images_file(2).substr(0, 1000));
  EXPECT_THAT(load_error(), HasSubstr("is cut off: its header promises 1568 values, it has 984"));
  write_images(images_file(2) + "x");
  EXPECT_THAT(load_error(), HasSubstr("is too long: its header promises 1568 values, it has 1569"));
  write_images("short");
  EXPECT_THAT(load_error(), HasSubstr("is cut off: it has 5 bytes, its header 16"));
  write_images("");
  EXPECT_THAT(load_error(), HasSubstr("is cut off: it has 0 bytes"));
  write_images(test::idx({2}, std::string(20, '\0')));
  EXPECT_THAT(load_error(), HasSubstr("its magic number is 2049, not 2051"));
  write_images(test::idx({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "abc"));
  EXPECT_THAT(load_error(), HasSubstr("its header promises 792281624589241"));  // 7.9e28
  write_images(test::idx({2, 2, 4}, std::string(16, '\0')));
  EXPECT_THAT(load_error(), HasSubstr("has images of 2×4 pixels, not 28×28"));
  write_images(images_file(0));
  EXPECT_THAT(load_error(), HasSubstr("has no images"));
}

TEST_F(FashionMnist, ChecksTheLabels) {
  write_images(images_file(3));
  write_labels(test::idx({3}, std::string("\x00\x09\x0A", 3)));
  EXPECT_THAT(
      load_error(),
      HasSubstr(labels.string() + ": record 2 (counted from 0) has label 10, not one of 0 to 9"));
  write_labels(test::idx({2}, std::string(2, '\0')));
  EXPECT_THAT(load_error(), HasSubstr("has 2 labels for the 3 images of " + images.string()));
  fs::remove(labels);
  EXPECT_THAT(load_error(), StartsWith(labels.string() + "[.gz] is missing; fetch it: "));
}

TEST_F(FashionMnist, SaysHowToGetAMissingSet) {
  if (fs::exists(installed)) {
    GTEST_SKIP() << "the set is installed in " << installed;
  }
  EXPECT_THAT(test::error_of([&] { load_dataset({.root = root.path()}, Split::test); }),
              HasSubstr("install Debian's package dataset-fashion-mnist or fetch it: "
                        "scripts/get_data.py fashion_mnist --root " +
                        root.path().string()));
}

TEST(FashionMnistInstalled, IsThePublishedSet) {
  if (!fs::exists(installed)) {
    GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
  }
  std::vector<std::string> notes;
  DatasetOptions options;
  options.tell = [&](const std::string& note) { notes.push_back(note); };
  const ImageSet train = load_dataset(options, Split::train);
  if (!fs::exists(options.root / "fashion-mnist")) {
    EXPECT_THAT(notes, ::testing::ElementsAre(HasSubstr("is read from " + installed.string())));
  }
  EXPECT_EQ(train.size(), 60'000);
  PixelAccumulator unpadded(1);
  unpadded.add(train.images.narrow(1, 2, 28).narrow(2, 2, 28).contiguous());
  EXPECT_NEAR(unpadded.statistics().mean[0], train.mean[0], 1e-3);
  EXPECT_NEAR(unpadded.statistics().stddev[0], train.stddev[0], 1e-3);
  for (int label = 0; label < 10; ++label) {
    EXPECT_EQ(train.labels.eq(label).sum().item<int>(), 6'000);
  }
  EXPECT_EQ(load_dataset({}, Split::test).size(), 10'000);
}

TEST_F(FashionMnist, AFolderThatWasGivenHoldsItOrFails) {
  EXPECT_THAT(load_error(), HasSubstr("no Fashion-MNIST in " + root.path().string()));
}

}  // namespace
}  // namespace darts
