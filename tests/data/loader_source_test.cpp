// What BatchLoader makes of a source that decodes as it reads, some of whose images are broken.
#include "fixtures.hpp"
#include "support/thread_ranks.hpp"

#include <darts/data/batch_loader.hpp>
#include <darts/data/image_set_source.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

#include <set>

namespace darts {
namespace {

using ::testing::ElementsAre;

/// Images of 1×2×3 whose first value is the index and whose second is drawn; some are broken.
class BrokenImages : public ImageSource {
 public:
  BrokenImages(std::int64_t size, std::set<std::int64_t> broken, bool skip)
      : size_(size), broken_(std::move(broken)), skip_(skip) {}

  std::int64_t size() const override { return size_; }
  std::int64_t height() const override { return 1; }
  std::int64_t width() const override { return 2; }
  std::int64_t channels() const override { return 3; }
  const std::vector<std::string>& class_names() const override { return names_; }
  const PixelStatistics& statistics() const override { return statistics_; }
  bool by_class() const override { return false; }
  std::string checksum() const override { return {}; }
  std::int64_t label(std::int64_t index) const override { return index; }
  bool read(std::int64_t index, RandomStream& random, std::span<float> image) const override {
    if (broken_.contains(index)) {
      if (!skip_) {
        throw Error("cannot read the image " + std::to_string(index) + ".JPEG");
      }
      return false;
    }
    std::fill(image.begin(), image.end(), static_cast<float>(random.uniform()));
    image[0] = static_cast<float>(index);
    return true;
  }

  std::shared_ptr<const ImageSource> unaugmented() const override {
    return std::make_shared<const BrokenImages>(size_, broken_, skip_);
  }

 private:
  std::int64_t size_;
  std::set<std::int64_t> broken_;
  bool skip_;
  std::vector<std::string> names_;
  PixelStatistics statistics_;
};

BatchLoader loader(std::set<std::int64_t> broken, int workers, bool skip = true) {
  LoaderOptions options;
  options.batch_size = 4;
  options.workers = workers;
  options.shuffle = false;
  return {std::make_shared<const BrokenImages>(18, std::move(broken), skip), options};
}

struct Seen {
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> sizes;
  std::vector<float> drawn;
};

Seen rest_of(BatchLoader& batches) {
  Seen seen;
  while (const auto batch = batches.next()) {
    EXPECT_EQ(batch->images.size(0), batch->labels.size(0));
    EXPECT_TRUE(batch->images.is_contiguous(at::MemoryFormat::ChannelsLast));
    seen.sizes.push_back(batch->labels.size(0));
    for (std::int64_t i = 0; i < batch->labels.size(0); ++i) {
      seen.labels.push_back(batch->labels[i].item<std::int64_t>());
      EXPECT_EQ(batch->images[i][0][0][0].item<float>(), static_cast<float>(seen.labels.back()));
      seen.drawn.push_back(batch->images[i][1][0][0].item<float>());
    }
  }
  return seen;
}

TEST(BatchLoaderWithASource, ReadsAllImages) {
  BatchLoader all = loader({}, 2);
  EXPECT_EQ(all.images_per_epoch(), 18);
  all.start(0);
  EXPECT_THAT(rest_of(all).sizes, ElementsAre(4, 4, 4, 4, 2));
  EXPECT_EQ(all.skipped(), 0);
}

TEST(BatchLoaderWithASource, LeavesOutBrokenImagesInTheirBatchAlone) {
  for (const int workers : {0, 1, 3}) {
    BatchLoader whole = loader({}, workers);
    BatchLoader some = loader({1, 4, 5, 6, 7, 16, 17}, workers);
    whole.start(3);
    some.start(3);
    const Seen all = rest_of(whole);
    const Seen seen = rest_of(some);
    EXPECT_THAT(seen.labels, ElementsAre(0, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15));
    EXPECT_THAT(seen.sizes, ElementsAre(3, 4, 4)) << "batches without any image are passed over";
    EXPECT_EQ(some.skipped(), 7);
    for (std::size_t i = 0; i < seen.labels.size(); ++i) {
      EXPECT_EQ(seen.drawn[i], all.drawn[static_cast<std::size_t>(seen.labels[i])]);
    }
    some.start(3, 3);
    EXPECT_THAT(rest_of(some).labels, ElementsAre(12, 13, 14, 15)) << "the same place in the epoch";
    EXPECT_EQ(some.skipped(), 2);
  }
}

TEST(BatchLoaderWithASource, CountsOnlyWhatWasHandedOut) {
  BatchLoader some = loader({0, 9}, 3);
  some.start(0);
  EXPECT_EQ(some.next()->skipped, 1);
  EXPECT_EQ(some.skipped(), 1);
  some.start(1);
  EXPECT_EQ(some.skipped(), 0);
}

TEST(BatchLoaderWithASource, HandsOnTheErrorOfAWorker) {
  for (const int workers : {0, 2}) {
    BatchLoader failing = loader({6}, workers, /*skip=*/false);
    failing.start(0);
    ASSERT_TRUE(failing.next());
    EXPECT_EQ(test::error_of([&] { failing.next(); }), "cannot read the image 6.JPEG");
    EXPECT_FALSE(failing.next());
  }
}

/// What all ranks have is a batch, whichever of them could not read an image.
TEST(LoaderOfAFolder, CountsWhatIsLeftOnAllRanks) {
  auto images = std::make_shared<ImageSet>();
  images->images = at::zeros({18, 2, 2, 3}, at::kByte);
  images->labels = at::arange(18);
  images->class_names.resize(18);
  images->mean = images->stddev = {0.5, 0.5, 0.5};
  images->broken.assign(18, 0);
  images->broken[1] = images->broken[9] = images->broken[10] = 1;
  images->leaves_out = true;
  testing::run_ranks(2, [&](const std::shared_ptr<testing::ThreadRank>& ranks) {
    LoaderOptions options;
    options.batch_size = 8;
    options.workers = 0;
    options.shuffle = false;
    options.share.ranks = ranks;
    BatchLoader loader(std::make_shared<const ImageSetSource>(images, Augmentation()), options);
    loader.start(0);
    std::vector<std::int64_t> whole;
    while (const auto batch = loader.next()) {
      whole.push_back(batch->all());
      EXPECT_EQ(batch->images.size(0), batch->shares.front().rows);
    }
    EXPECT_EQ(whole, (std::vector<std::int64_t>{7, 6, 2}));
    EXPECT_EQ(loader.skipped(), 3);
  });
}

}  // namespace
}  // namespace darts
