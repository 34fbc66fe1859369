#include "core/child_process.hpp"
#include "fixtures.hpp"
#include "support/test_paths.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/data/open_images.hpp>

#include <unistd.h>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Imagenet : public ::testing::Test {
 protected:
  Imagenet() {
    options.photos.crop_size = 16;
    options.photos.resize_size = 20;
    options.index_cache = cache.path();
  }

  void put(const std::string& image, const fs::path& place) const {
    fs::create_directories((root.path() / place).parent_path());
    fs::copy_file(testing::test_data_folder() / "images" / image, root.path() / place);
  }

  void put_train() const {
    put("landscape_rgb.jpg", "train/n02/a.JPEG");
    put("grey.jpg", "train/n02/b.JPEG");
    put("cmyk.jpg", "train/n02/c.JPEG");
    put("png_named.jpg", "train/n01/d.JPEG");
    put("landscape_rgb.jpg", "train/n01/e.JPEG");
  }

  void put_flat_val() const {
    put("landscape_rgb.jpg", "val/ILSVRC2012_val_00000002.JPEG");
    put("grey.jpg", "val/ILSVRC2012_val_00000001.JPEG");
  }

  void put_labels(const std::string& name, const std::string& text) const {
    fs::remove(root.path() / "val_labels.txt");
    test::write_file(root.path() / name, text);
  }

  /// The upper half of an image and no more.
  fs::path cut_off(const fs::path& place) const {
    const fs::path file = root.path() / place;
    std::string bytes = read_file(file);
    bytes.resize(bytes.size() / 3);
    fs::remove(file);
    test::write_file(file, bytes);
    return file;
  }

  std::shared_ptr<const ImageSource> open(Split split) const {
    return open_images({.name = "imagenet", .root = root.path()}, split, options);
  }

  std::string open_error(Split split) const {
    return test::error_of([&] { open(split); });
  }

  std::vector<std::int64_t> labels(Split split) const {
    const auto source = open(split);
    std::vector<std::int64_t> result;
    for (std::int64_t i = 0; i < source->size(); ++i) {
      result.push_back(source->label(i));
    }
    return result;
  }

  std::vector<Batch> epoch(int workers, std::int64_t first_batch = 0, bool augment = true) {
    options.augment = augment;
    LoaderOptions loading;
    loading.batch_size = 2;
    loading.workers = workers;
    BatchLoader loader(open(Split::train), loading);
    loader.start(1, first_batch);
    std::vector<Batch> batches;
    while (auto batch = loader.next()) {
      batches.push_back(std::move(*batch));
    }
    skipped = loader.skipped();
    return batches;
  }

  test::TempFolder root;
  test::TempFolder cache;
  OpenOptions options;
  std::int64_t skipped = 0;
};

bool same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Batch& x, const Batch& y) {
    return x.images.equal(y.images) && x.labels.equal(y.labels);
  });
}

TEST_F(Imagenet, ReadsClassesAndFilesSortedByName) {
  put_train();
  test::write_file(root.path() / "train/n01/notes.txt", "not an image");
  const auto source = open(Split::train);
  EXPECT_EQ(source->size(), 5);
  EXPECT_THAT(source->class_names(), ElementsAre("n01", "n02"));
  EXPECT_THAT(labels(Split::train), ElementsAre(0, 0, 1, 1, 1));
  EXPECT_EQ(source->height(), 16);
  EXPECT_EQ(source->width(), 16);
  EXPECT_EQ(source->channels(), 3);
  EXPECT_EQ(source->statistics().mean, imagenet_statistics().mean);
}

TEST_F(Imagenet, MayLieInASubfolder) {
  put("grey.jpg", "imagenet/train/n01/a.JPEG");
  EXPECT_EQ(open(Split::train)->size(), 1);
}

TEST_F(Imagenet, TakesOtherStatistics) {
  put_train();
  const auto source = open_images({.name = "imagenet",
                                   .root = root.path(),
                                   .statistics = PixelStatistics{{0, 0, 0}, {1, 1, 1}}},
                                  Split::train, options);
  RandomStream random(0, RandomPurpose::train_augment);
  std::vector<float> image(16 * 16 * 3, -1.0F);
  ASSERT_TRUE(source->read(0, random, image));
  EXPECT_THAT(image, ::testing::Each(AllOf(::testing::Ge(0.0F), ::testing::Le(1.0F))));
}

TEST_F(Imagenet, GivesTheTestSplitTheClassesOfTheTrainSplit) {
  put_train();
  put("grey.jpg", "val/n02/x.JPEG");
  EXPECT_THAT(labels(Split::test), ElementsAre(1));
  EXPECT_THAT(open(Split::test)->class_names(), ElementsAre("n01", "n02"));
  put("grey.jpg", "val/n03/x.JPEG");
  EXPECT_EQ(open_error(Split::test), "the class " + (root.path() / "val/n03").string() +
                                         " has no train images: there is no " +
                                         (root.path() / "train/n03").string());
}

TEST_F(Imagenet, NeedsNoTrainImagesForTesting) {
  put("grey.jpg", "val/n07/x.JPEG");
  put("grey.jpg", "val/n05/x.JPEG");
  EXPECT_THAT(open(Split::test)->class_names(), ElementsAre("n05", "n07"));
  EXPECT_THAT(open_error(Split::train), HasSubstr("no folder " + (root.path() / "train").string()));
}

TEST_F(Imagenet, ReadsTheLabelsOfAFlatTestSplit) {
  put_train();
  put_flat_val();
  put_labels("val_labels.txt",
             "ILSVRC2012_val_00000002.JPEG n01\nILSVRC2012_val_00000001.JPEG n02\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(1, 0));
  put_labels("val_labels.txt", "n01\nn02\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(0, 1));
  put_labels("val_labels.txt", "1\r\n0\r\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(1, 0));
  put_labels("val.txt", "ILSVRC2012_val_00000001.JPEG 1\nILSVRC2012_val_00000002.JPEG 1\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(1, 1));
  fs::remove(root.path() / "val.txt");
  put_labels("LOC_val_solution.csv",
             "ImageId,PredictionString\nILSVRC2012_val_00000002,n02 85 1 499 272 n02 1 2 3 4\n"
             "ILSVRC2012_val_00000001,n01 1 2 3 4 \n");
  EXPECT_THAT(labels(Split::test), ElementsAre(0, 1));
}

TEST_F(Imagenet, NamesTheClassesAfterTheLabelsWithoutTrainImages) {
  put_flat_val();
  put_labels("val_labels.txt", "n09\nn03\n");
  EXPECT_THAT(open(Split::test)->class_names(), ElementsAre("n03", "n09"));
  put_labels("val_labels.txt", "0\n1\n");
  EXPECT_THAT(open_error(Split::test), HasSubstr("line 1: there is no"));
}

TEST_F(Imagenet, ATextThatIsAClassNameIsThatClass) {
  for (int number = 0; number < 12; ++number) {
    put("grey.jpg", "train/" + std::to_string(number) + "/x.JPEG");
  }
  std::string lines;
  for (int i = 0; i < 3; ++i) {
    put("grey.jpg", "val/v" + std::to_string(i) + ".jpg");
    lines += "v" + std::to_string(i) + ".jpg 2\n";
  }
  put_labels("val_labels.txt", lines);
  EXPECT_EQ(open(Split::test)->class_names().at(4), "2");  // 0, 1, 10, 11, 2
  EXPECT_THAT(labels(Split::test), ElementsAre(4, 4, 4));
  put_labels("val_labels.txt", "v0.jpg 2\nv1.jpg 2\nv2.jpg 02\n");  // place 2, or a typing error?
  EXPECT_THAT(open_error(Split::test),
              AllOf(HasSubstr("line 3"), HasSubstr("the class 02 has no")));
}

TEST_F(Imagenet, NamesMayHaveBlanksAndCommas) {
  for (const char* name : {"golden", "golden retriever", "cat, black"}) {
    put("grey.jpg", "train/" + std::string(name) + "/x.JPEG");
  }
  for (const char* name : {"a0.jpg", "my photo 0.jpg", "my.photo.jpg"}) {
    put("grey.jpg", "val/" + std::string(name));
  }
  ASSERT_THAT(open(Split::train)->class_names(),
              ElementsAre("cat, black", "golden", "golden retriever"));
  put_labels("val_labels.txt",
             "a0.jpg,golden retriever\nmy photo 0.jpg,\"cat, black\"\nmy.photo,golden\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(2, 0, 1));
  put_labels("val_labels.txt",
             "a0.jpg golden retriever\nmy photo 0.jpg golden\nmy.photo  golden\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(2, 1, 1));
  put_labels("val_labels.txt", "golden\ngolden retriever\ngolden\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(1, 2, 1));
  put_labels("val_labels.txt", "a0.jpg golden labrador\nmy photo 0.jpg golden\nmy.photo golden\n");
  EXPECT_THAT(open_error(Split::test),
              AllOf(HasSubstr("line 1"), HasSubstr("the class golden labrador has no train")));
}

TEST_F(Imagenet, ReadsKagglesLabelsBehindAByteOrderMark) {
  put("grey.jpg", "train/cat/x.JPEG");
  put("grey.jpg", "train/dog/x.JPEG");
  put_flat_val();
  put_labels("LOC_val_solution.csv",
             "\xEF\xBB\xBFImageId,PredictionString\r\nILSVRC2012_val_00000001,cat 1 2 3 4\r\n"
             "ILSVRC2012_val_00000002,dog 1 2 3 4 cat 1 2 3 4\r\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(0, 1));
}

TEST_F(Imagenet, RefusesLabelsThatMayMeanAnotherImageOrContradictEachOther) {
  put_train();
  put("grey.jpg", "val/a.jpg");
  put("alpha.png", "val/a.png");
  put_labels("val_labels.txt", "a n01\na.png n02\n");
  EXPECT_THAT(open_error(Split::test),
              AllOf(HasSubstr("line 1"), HasSubstr("a may be a.jpg or a.png")));
  put_labels("val_labels.txt", "a.jpg n01\na.png n02\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(0, 1));
  put_labels("val_labels.txt", "a.jpg n01\na.png n02\na.jpg n01\n");
  EXPECT_THAT(labels(Split::test), ElementsAre(0, 1));
  put_labels("val_labels.txt", "a.jpg n01\na.png n02\na.jpg n02\n");
  EXPECT_THAT(
      open_error(Split::test),
      AllOf(HasSubstr("line 3"), HasSubstr("a.jpg is of the class n02, but line 1 says n01")));
}

TEST_F(Imagenet, ALabelHasAClass) {
  put_flat_val();
  put_labels("val_labels.txt", "ILSVRC2012_val_00000001.JPEG,n01\nILSVRC2012_val_00000002.JPEG,\n");
  EXPECT_THAT(open_error(Split::test),
              AllOf(HasSubstr("val_labels.txt, line 2"), HasSubstr("no class")));
}

TEST_F(Imagenet, SaysWhatIsWrongWithTheLabels) {
  put_train();
  put_flat_val();
  EXPECT_THAT(open_error(Split::test), AllOf(HasSubstr("have no labels"), HasSubstr("val.txt")));
  put_labels("val_labels.txt", "n01\n");
  EXPECT_THAT(open_error(Split::test), HasSubstr("has 1 labels for the 2 images"));
  put_labels("val_labels.txt", "n01\nn04\n");
  EXPECT_THAT(open_error(Split::test), AllOf(HasSubstr("line 2"), HasSubstr("n04")));
  put_labels("val_labels.txt", "1\n2\n");
  EXPECT_THAT(open_error(Split::test), AllOf(HasSubstr("line 2"), HasSubstr("2 is not in [0, 2)"),
                                             HasSubstr("ILSVRC2012_validation_ground_truth.txt")));
  put_labels("val_labels.txt", "ILSVRC2012_val_00000001.JPEG n01\n");
  EXPECT_THAT(open_error(Split::test), HasSubstr("no label for"));
  put_labels("val_labels.txt", "ILSVRC2012_val_00000001.JPEG n01\nn02\n");
  EXPECT_THAT(open_error(Split::test), HasSubstr("line 2: lines have to have"));
}

TEST_F(Imagenet, SaysWhereItHasToLie) {
  EXPECT_THAT(open_error(Split::train),
              AllOf(HasSubstr("no ImageNet in " + root.path().string()),
                    HasSubstr("imagenet/train/CLASS/*.JPEG"), HasSubstr("https://image-net.org"),
                    HasSubstr("cannot fetch")));
  fs::create_directories(root.path() / "train");
  EXPECT_THAT(open_error(Split::train), HasSubstr("no class folders"));
  fs::create_directories(root.path() / "train/n01");
  EXPECT_THAT(open_error(Split::train), HasSubstr("has no JPEG or PNG images"));
}

TEST_F(Imagenet, GivesTheSameBatchesWithAnyNumberOfWorkers) {
  put_train();
  const auto alone = epoch(0);
  ASSERT_EQ(alone.size(), 3U);
  EXPECT_THAT(alone[0].images.sizes(), ElementsAre(2, 3, 16, 16));
  EXPECT_TRUE(same(epoch(1), alone));
  EXPECT_TRUE(same(epoch(3), alone));
  EXPECT_TRUE(same(epoch(3, 2), {alone[2]}));
}

TEST_F(Imagenet, NamesABrokenImage) {
  put_train();
  const fs::path broken = cut_off("train/n02/a.JPEG");
  for (const int workers : {0, 2}) {
    EXPECT_THAT(test::error_of([&] { epoch(workers, 0, /*augment=*/false); }),
                AllOf(HasSubstr("cannot read the image " + broken.string() + ": damaged JPEG"),
                      HasSubstr("; replace or remove it")));
  }
}

TEST_F(Imagenet, LeavesOutBrokenImages) {
  put_train();
  cut_off("train/n02/a.JPEG");
  fs::remove(root.path() / "train/n01/d.JPEG");
  test::write_file(root.path() / "train/n01/d.JPEG", "GIF89a");
  options.on_error = OnError::skip;
  const auto batches = epoch(0, 0, false);
  EXPECT_EQ(skipped, 2);
  std::vector<std::int64_t> shown;
  for (const Batch& batch : batches) {
    for (std::int64_t i = 0; i < batch.labels.size(0); ++i) {
      shown.push_back(batch.labels[i].item<std::int64_t>());
    }
  }
  EXPECT_THAT(shown, ::testing::UnorderedElementsAre(0, 1, 1));
  EXPECT_TRUE(same(epoch(3, 0, false), batches));
}

/// Files of class folders that lead nowhere, or that are another user's.
TEST_F(Imagenet, LeavesOutImagesThatCannotBeOpened) {
  put_train();
  const auto link = root.path() / "train/n01/d.JPEG";
  fs::remove(link);
  fs::create_symlink("nowhere", link);
  EXPECT_THAT(open_error(Split::train),
              HasSubstr("d.JPEG is a link to nowhere, which is not there"));
  options.on_error = OnError::skip;
  EXPECT_EQ(open(Split::train)->size(), 5);
  epoch(0, 0, false);
  EXPECT_EQ(skipped, 1);

  const auto closed = root.path() / "train/n02/a.JPEG";
  fs::permissions(closed, fs::perms::none);
  fs::permissions(root.path(), fs::perms{0755});
  EXPECT_EQ(darts::testing::run_child([this] {
              if (::getuid() == 0 && ::setuid(65534) != 0) {
                return 2;
              }
              epoch(0, 0, false);
              return skipped == 2 ? 0 : 1;
            }),
            0);
}

TEST_F(Imagenet, DoesNotTakeAMissingFileForADamagedOne) {
  // It would be another epoch if the file came back.
  put_train();
  options.on_error = OnError::skip;
  const auto source = open(Split::train);
  fs::remove(root.path() / "train/n01/d.JPEG");
  RandomStream random(0, RandomPurpose::train_augment);
  std::vector<float> image(16 * 16 * 3);
  EXPECT_THAT(test::error_of([&] { source->read(0, random, image); }), HasSubstr("d.JPEG"));
}

}  // namespace
}  // namespace darts
