#include "fixtures.hpp"

#include <darts/data/dataset.hpp>

namespace darts {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::size_t records = 10'000;
constexpr std::size_t plane = 1024;

std::size_t record_bytes(std::size_t label_bytes) { return label_bytes + 3 * plane; }

/// A test split: record i has label i % classes and the pixel bytes (i + 7 · position) % 256.
std::string made_up_records(std::size_t label_bytes, std::size_t classes) {
  std::string bytes;
  bytes.reserve(records * record_bytes(label_bytes));
  for (std::size_t i = 0; i < records; ++i) {
    bytes.append(label_bytes - 1, '\x13');  // a coarse label, of no interest
    bytes += static_cast<char>(i % classes);
    for (std::size_t position = 0; position < 3 * plane; ++position) {
      bytes += static_cast<char>((i + 7 * position) % 256);
    }
  }
  return bytes;
}

int made_up_pixel(std::size_t record, std::size_t y, std::size_t x, std::size_t channel) {
  return static_cast<int>((record + 7 * (channel * plane + y * 32 + x)) % 256);
}

/// A file of zeros that takes no room on the disk.
void write_zeros(const fs::path& file, std::size_t size) {
  test::write_file(file, "");
  fs::resize_file(file, size);
}

void overwrite(const fs::path& file, std::size_t place, const std::string& bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(place));
  stream << bytes;
}

std::string load_error(const std::string& name, const fs::path& root, Split split) {
  return test::error_of([&] { load_dataset({.name = name, .root = root}, split); });
}

TEST(Cifar10, ReadsLabelsAndPixels) {
  const test::TempFolder root;
  const fs::path folder = root.path() / "cifar-10-batches-bin";
  test::write_file(folder / "test_batch.bin", made_up_records(1, 10));
  test::write_file(folder / "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nlast one\r\n\n");
  const ImageSet set = load_dataset({.name = "cifar10", .root = root.path()}, Split::test);
  EXPECT_THAT(set.images.sizes(), ElementsAre(10'000, 32, 32, 3));
  EXPECT_EQ(set.size(), 10'000);
  EXPECT_EQ(set.classes(), 10);
  EXPECT_EQ(set.class_names[9], "last one");
  EXPECT_DOUBLE_EQ(set.mean[1], 0.48215827);
  EXPECT_DOUBLE_EQ(set.stddev[2], 0.26158768);
  EXPECT_EQ(set.labels[9'997].item<int>(), 7);
  EXPECT_EQ(set.images[9'999][31][30][2].item<int>(), made_up_pixel(9'999, 31, 30, 2));
  EXPECT_EQ(set.images[1][0][5][1].item<int>(), made_up_pixel(1, 0, 5, 1));
}

TEST(Cifar10, ReadsFiveTrainFilesFromTheRootItself) {
  const test::TempFolder root;
  for (int i = 1; i <= 5; ++i) {
    write_zeros(root.path() / ("data_batch_" + std::to_string(i) + ".bin"),
                records * record_bytes(1));
  }
  overwrite(root.path() / "data_batch_3.bin", 0, "\x04");
  const ImageSet set = load_dataset({.name = "cifar10", .root = root.path()}, Split::train);
  EXPECT_EQ(set.size(), 50'000);
  EXPECT_EQ(set.labels[20'000].item<int>(), 4);
  EXPECT_EQ(set.labels.sum().item<int>(), 4);
  EXPECT_EQ(set.class_names[3], "class 3") << "there is no batches.meta.txt";

  fs::remove(root.path() / "data_batch_4.bin");
  EXPECT_EQ(load_error("cifar10", root.path(), Split::train),
            (root.path() / "data_batch_4.bin").string() +
                " is missing; fetch it: scripts/get_data.py cifar10 --root " +
                root.path().string());
}

TEST(Cifar10, NamesTheFileAndRecordOfAWrongLabel) {
  const test::TempFolder root;
  const fs::path file = root.path() / "cifar-10-batches-bin" / "test_batch.bin";
  write_zeros(file, records * record_bytes(1));
  overwrite(file, 1'234 * record_bytes(1), "\x0A");
  EXPECT_EQ(load_error("cifar10", root.path(), Split::test),
            file.string() +
                ": record 1234 (counted from 0) has label 10, not one of 0 to 9; delete it, then "
                "fetch it: scripts/get_data.py cifar10 --root " +
                root.path().string());
}

TEST(Cifar10, NamesAFileOfTheWrongSize) {
  const test::TempFolder root;
  const fs::path file = root.path() / "cifar-10-batches-bin" / "data_batch_1.bin";
  write_zeros(file, records * record_bytes(1) - 1);
  EXPECT_THAT(load_error("cifar10", root.path(), Split::train),
              HasSubstr(file.string() + ": expected 30730000 bytes (10000 records of 3073), found "
                                        "30729999; delete it, then fetch it: "));
}

TEST(Cifar10, SaysHowToFetchAMissingSet) {
  EXPECT_EQ(load_error("cifar10", "no/such/folder", Split::train),
            "no CIFAR-10 in no/such/folder: "
            "no/such/folder/cifar-10-batches-bin/data_batch_1.bin is missing; fetch it: "
            "scripts/get_data.py cifar10 --root no/such/folder");
}

TEST(Cifar10, RefusesAWrongNumberOfClassNames) {
  const test::TempFolder root;
  write_zeros(root.path() / "test_batch.bin", records * record_bytes(1));
  test::write_file(root.path() / "batches.meta.txt", "airplane\nautomobile\n");
  EXPECT_THAT(load_error("cifar10", root.path(), Split::test),
              HasSubstr("batches.meta.txt: expected 10 class names, found 2"));
}

TEST(Cifar100, ReadsTheFineLabel) {
  const test::TempFolder root;
  const fs::path folder = root.path() / "cifar-100-binary";
  test::write_file(folder / "test.bin", made_up_records(2, 100));
  std::string names;
  for (int i = 0; i < 100; ++i) {
    names += "name " + std::to_string(i) + "\n";
  }
  test::write_file(folder / "fine_label_names.txt", names);
  const ImageSet set = load_dataset({.name = "cifar100", .root = root.path()}, Split::test);
  EXPECT_EQ(set.size(), 10'000);
  EXPECT_EQ(set.classes(), 100);
  EXPECT_EQ(set.class_names[42], "name 42");
  EXPECT_DOUBLE_EQ(set.mean[0], 0.5071);
  EXPECT_EQ(set.labels[123].item<int>(), 23);
  EXPECT_EQ(set.images[123][3][2][1].item<int>(), made_up_pixel(123, 3, 2, 1));
}

TEST(Cifar100, ChecksLabelsSizesAndPresence) {
  const test::TempFolder root;
  const fs::path file = root.path() / "cifar-100-binary" / "test.bin";
  EXPECT_THAT(load_error("cifar100", root.path(), Split::test),
              HasSubstr("fetch it: scripts/get_data.py cifar100 --root " + root.path().string()));
  write_zeros(file, records * record_bytes(2));
  overwrite(file, 0, "\x64\x64");
  EXPECT_THAT(load_error("cifar100", root.path(), Split::test),
              HasSubstr("test.bin: record 0 (counted from 0) has label 100, not one of 0 to 99"));
  write_zeros(root.path() / "cifar-100-binary" / "train.bin", 3074);
  EXPECT_THAT(load_error("cifar100", root.path(), Split::train),
              HasSubstr("expected 153700000 bytes (50000 records of 3074), found 3074"));
}

}  // namespace
}  // namespace darts
