#include "fixtures.hpp"

#include <darts/data/batch_loader.hpp>
#include <darts/data/image_set_source.hpp>

#include <ATen/Context.h>

#include <set>

namespace darts {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t image_count = 53;

std::vector<std::int64_t> every_index(std::int64_t count = image_count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

LoaderOptions small_options() {
  LoaderOptions options;
  options.batch_size = 8;
  options.seed = 11;
  options.augmentation.cutout = 4;
  return options;
}

BatchLoader loader_with(const LoaderOptions& options) {
  return {test::made_up_images(image_count, 10, 8, 3), every_index(), options};
}

std::vector<Batch> rest_of(BatchLoader& loader) {
  std::vector<Batch> batches;
  while (auto batch = loader.next()) {
    batches.push_back(std::move(*batch));
  }
  return batches;
}

std::vector<Batch> epoch_of(const LoaderOptions& options, std::int64_t epoch = 0,
                            std::int64_t first_batch = 0) {
  BatchLoader loader = loader_with(options);
  loader.start(epoch, first_batch);
  return rest_of(loader);
}

std::vector<std::int64_t> labels_of(const std::vector<Batch>& batches) {
  std::vector<std::int64_t> labels;
  for (const Batch& batch : batches) {
    const auto* label = batch.labels.const_data_ptr<std::int64_t>();
    labels.insert(labels.end(), label, label + batch.labels.numel());
  }
  return labels;
}

bool same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Batch& x, const Batch& y) {
    return x.images.equal(y.images) && x.labels.equal(y.labels);
  });
}

TEST(BatchLoader, ALastSmallerBatchIsLeftOutOnRequest) {
  LoaderOptions options = small_options();  // 53 images, 8 a batch: 6 whole ones and one of 5
  EXPECT_EQ(epoch_of(options).size(), 7);
  options.drop_last = true;
  BatchLoader loader = loader_with(options);
  EXPECT_EQ(loader.batches_per_epoch(), 6);
  const std::vector<Batch> whole = epoch_of(options);
  ASSERT_EQ(whole.size(), 6);
  options.drop_last = false;
  std::vector<Batch> all = epoch_of(options);
  all.pop_back();
  EXPECT_TRUE(same(whole, all));
  options.drop_last = true;
  options.batch_size = 60;  // the only batch stays
  EXPECT_EQ(epoch_of(options).size(), 1);
  EXPECT_EQ(loader_with(options).batches_per_epoch(), 1);
}

TEST(BatchLoader, GivesTheSameBatchesWithAnyNumberOfWorkers) {
  LoaderOptions options = small_options();
  options.workers = 0;
  const auto alone = epoch_of(options, 2);
  for (const int workers : {1, 2, 3, 7}) {
    for (const int prefetch : {1, 4, 50}) {
      options.workers = workers;
      options.prefetch = prefetch;
      EXPECT_TRUE(same(epoch_of(options, 2), alone)) << workers << " workers, " << prefetch;
    }
  }
}

TEST(BatchLoader, GoesOnFromAnyBatchAsIfItHadNeverStopped) {
  LoaderOptions options = small_options();
  for (const int workers : {0, 2}) {
    options.workers = workers;
    const auto whole = epoch_of(options, 5);
    ASSERT_EQ(whole.size(), 7U);
    for (std::int64_t first = 0; first <= 7; ++first) {
      EXPECT_TRUE(same(epoch_of(options, 5, first), {whole.begin() + first, whole.end()}))
          << workers << " workers, batch " << first;
    }
  }
}

TEST(BatchLoader, StartsAnewInTheMiddleOfAnEpoch) {
  const LoaderOptions options = small_options();
  BatchLoader loader = loader_with(options);
  loader.start(0);
  ASSERT_TRUE(loader.next());
  ASSERT_TRUE(loader.next());
  loader.start(1);
  EXPECT_TRUE(same(rest_of(loader), epoch_of(options, 1)));
  EXPECT_FALSE(loader.next());
}

TEST(BatchLoader, ShowsEveryImageOnceAnEpoch) {
  auto labels = labels_of(epoch_of(small_options()));
  EXPECT_NE(labels, every_index());
  std::sort(labels.begin(), labels.end());
  EXPECT_EQ(labels, every_index());
}

TEST(BatchLoader, KeepsTheLastSmallerBatch) {
  const auto batches = epoch_of(small_options());
  ASSERT_EQ(batches.size(), 7U);
  EXPECT_THAT(batches.front().images.sizes(), ElementsAre(8, 3, 10, 8));
  EXPECT_THAT(batches.back().images.sizes(), ElementsAre(5, 3, 10, 8));
  EXPECT_THAT(batches.back().labels.sizes(), ElementsAre(5));
  const BatchLoader loader = loader_with(small_options());
  EXPECT_EQ(loader.batches_per_epoch(), 7);
  EXPECT_EQ(loader.images_per_epoch(), image_count);
}

TEST(BatchLoader, ChangesWithSeedEpochAndPurpose) {
  LoaderOptions options = small_options();
  const auto base = epoch_of(options);
  EXPECT_NE(labels_of(epoch_of(options, 1)), labels_of(base));
  options.seed = 12;
  EXPECT_NE(labels_of(epoch_of(options)), labels_of(base));
  options.seed = 11;
  options.augment_purpose = RandomPurpose::search_augment;
  const auto other_crops = epoch_of(options);
  EXPECT_EQ(labels_of(other_crops), labels_of(base));
  EXPECT_FALSE(same(other_crops, base));
  options.order_purpose = RandomPurpose::search_order;
  EXPECT_NE(labels_of(epoch_of(options)), labels_of(base));
}

TEST(BatchLoader, AugmentsByTheIndexInTheDataSet) {
  // The same image in the same epoch looks the same in whichever loader and place it comes.
  LoaderOptions options = small_options();
  options.shuffle = false;
  const auto whole = epoch_of(options, 3);
  BatchLoader part(test::made_up_images(image_count, 10, 8, 3), {52, 9}, options);
  part.start(3);
  const auto batch = part.next();
  ASSERT_TRUE(batch);
  EXPECT_THAT(labels_of({*batch}), ElementsAre(52, 9));
  EXPECT_TRUE(batch->images[0].equal(whole[6].images[4]));
  EXPECT_TRUE(batch->images[1].equal(whole[1].images[1]));
}

TEST(BatchLoader, DrawsEachBatchFromAllImagesOnRequest) {
  LoaderOptions options = small_options();
  options.draw = true;
  const std::vector<Batch> batches = epoch_of(options);
  EXPECT_EQ(batches.size(), 7U);
  for (const Batch& batch : batches) {
    EXPECT_EQ(batch.labels.numel(), options.batch_size) << "the last one is as full";
  }
  options.workers = 0;
  EXPECT_TRUE(same(epoch_of(options), batches));
  EXPECT_TRUE(same(epoch_of(options, 0, 3), {batches.begin() + 3, batches.end()}));
  EXPECT_FALSE(same(epoch_of(options, 1), batches));
  EXPECT_FALSE(batches[0].labels.equal(batches[1].labels));
}

TEST(BatchLoader, KeepsTheOrderOfTheIndicesWithoutShuffling) {
  LoaderOptions options = small_options();
  options.shuffle = false;
  options.augmentation = Augmentation::none();
  const auto batches = epoch_of(options);
  EXPECT_EQ(labels_of(batches), every_index());
  const auto set = test::made_up_images(image_count, 10, 8, 3);
  const double expected =
      (set->images[9][4][5][2].item<int>() / 255.0 - set->mean[2]) / set->stddev[2];
  EXPECT_EQ(batches[1].images[1][2][4][5].item<float>(), static_cast<float>(expected));
}

TEST(BatchLoader, GivesChannelsLastOrContiguousTensors) {
  LoaderOptions options = small_options();
  const auto last = epoch_of(options);
  EXPECT_THAT(last[0].images.strides(), ElementsAre(240, 1, 24, 3));
  EXPECT_TRUE(last[0].images.is_contiguous(at::MemoryFormat::ChannelsLast));
  options.channels_last = false;
  const auto first = epoch_of(options);
  EXPECT_THAT(first[0].images.strides(), ElementsAre(240, 80, 8, 1));
  EXPECT_TRUE(same(last, first));
}

TEST(BatchLoader, MayBeDestroyedAndMovedInTheMiddleOfAnEpoch) {
  for (int i = 0; i < 50; ++i) {
    BatchLoader loader = loader_with(small_options());
    loader.start(0);
    if (i % 2 == 1) {
      ASSERT_TRUE(loader.next());
      BatchLoader moved = std::move(loader);
      ASSERT_TRUE(moved.next());
    }
  }
}

TEST(BatchLoader, ANewEpochAfterAnotherEqualsAFreshLoader) {
  LoaderOptions options = small_options();
  BatchLoader loader = loader_with(options);
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    loader.start(epoch);
    EXPECT_TRUE(same(rest_of(loader), epoch_of(options, epoch)));
  }
}

TEST(BatchLoader, GoesOnWithOtherImagesFromTheNextEpochOn) {
  const auto set = test::made_up_images(image_count, 10, 8, 3);
  const auto cut = std::make_shared<const ImageSetSource>(set, Augmentation{.cutout = 4});
  const auto some = cut->with_cutout_share(0.5);
  BatchLoader loader(cut, small_options());
  loader.start(0);
  loader.next();
  loader.use(some);
  EXPECT_FALSE(loader.next().has_value());
  loader.start(1);
  BatchLoader fresh(some, small_options());
  fresh.start(1);
  EXPECT_TRUE(same(rest_of(loader), rest_of(fresh)));
  EXPECT_EQ(some->unaugmented()->with_cutout_share(0.5), nullptr);
  EXPECT_THROW(loader.use(std::make_shared<const ImageSetSource>(
                   test::made_up_images(image_count + 1, 10, 8, 3), Augmentation())),
               c10::Error);
}

TEST(BatchLoader, HasNoBatchBeforeTheStartNorWithoutImages) {
  BatchLoader idle = loader_with(small_options());
  EXPECT_FALSE(idle.next());
  BatchLoader empty(test::made_up_images(3, 4, 4, 1), {}, small_options());
  EXPECT_EQ(empty.batches_per_epoch(), 0);
  empty.start(0);
  EXPECT_FALSE(empty.next());
}

TEST(BatchLoader, PinsMemoryOnlyWhereThereIsCuda) {
  LoaderOptions options = small_options();
  options.pin_memory = true;
  const auto batches = epoch_of(options);
  EXPECT_EQ(batches[0].images.is_pinned(), at::hasCUDA());
  options.pin_memory = false;
  EXPECT_TRUE(same(batches, epoch_of(options)));
}

TEST(BatchLoader, RefusesWhatMakesNoSense) {
  LoaderOptions options = small_options();
  options.batch_size = 0;
  EXPECT_THAT(test::error_of([&] { loader_with(options); }), HasSubstr("at least 1 image, not 0"));
  options = small_options();
  options.workers = -1;
  EXPECT_THAT(test::error_of([&] { loader_with(options); }), HasSubstr("workers"));
  options = small_options();
  options.prefetch = 0;
  EXPECT_THAT(test::error_of([&] { loader_with(options); }), HasSubstr("prefetch"));

  const auto set = test::made_up_images(3, 4, 4, 1);
  EXPECT_THROW(BatchLoader(set, {3}, small_options()), c10::IndexError);
  BatchLoader loader(set, {0}, small_options());
  EXPECT_THROW(loader.start(0, 2), c10::Error);
  EXPECT_THROW(loader.start(-1), c10::Error);
  set->labels = set->labels.narrow(0, 0, 2);
  EXPECT_THROW(BatchLoader(set, {0}, small_options()), c10::Error);
}

}  // namespace
}  // namespace darts
