#include <darts/core/error.hpp>
#include <darts/data/open_images.hpp>
#include <darts/data/split.hpp>
#include <darts/eval/train_data.hpp>

#include <filesystem>

namespace darts {
namespace {

LoaderOptions train_options(const TrainConfig& config, const c10::Device& device) {
  LoaderOptions options;
  options.batch_size = config.train.batch_size;
  options.workers = static_cast<int>(config.data.workers);
  options.prefetch = static_cast<int>(config.data.prefetch);
  options.drop_last = config.data.drop_last;
  options.pin_memory = device.is_cuda();
  options.channels_last = config.runtime.channels_last;
  options.seed = config.seed;
  return options;
}

/// Says which settings do nothing with the data set.
void check_augmentation(const TrainConfig& config, const Log& log) {
  const Augmentation& augmentation = config.data.augmentation;
  if (find_dataset(config.data.set.name).load == nullptr &&
      (augmentation.crop_padding > 0 || augmentation.cutout > 0)) {
    log.warn("data.crop_padding and data.cutout are not for " + config.data.set.name +
             ", whose images are cropped at random and not cut out; set them to 0");
  }
}

LoaderOptions test_options(LoaderOptions options) {
  options.shuffle = false;
  options.drop_last = false;
  return options;
}

OpenOptions open_options(const TrainConfig& config, bool augment, const Log& log) {
  OpenOptions options;
  options.augment = augment;
  options.augmentation = config.data.augmentation;
  options.photos = config.data.photos;
  options.photos.flip = config.data.augmentation.flip;
  options.on_error = config.data.on_error;
  options.index_cache = config.data.index_cache;
  options.note = [log](const std::string& note) { log.warn(note); };
  return options;
}

/// Normalised as the training images are.
std::shared_ptr<const ImageSource> open_test(const TrainConfig& config, const ImageSource& train,
                                             const Log& log) {
  DatasetOptions options = config.data.set;
  options.statistics = train.statistics();
  std::shared_ptr<const ImageSource> test =
      open_images(options, Split::test, open_options(config, false, log));
  if (test->class_names() != train.class_names()) {
    throw Error("data set " + options.name + ": the test images have other classes (" +
                std::to_string(test->classes()) + ") than the training images (" +
                std::to_string(train.classes()) + ")");
  }
  return test;
}

}  // namespace

TrainData::TrainData(const TrainConfig& config, const c10::Device& device, const Log& log)
    : mover_(device),
      train_images_(open_images(config.data.set, Split::train, open_options(config, true, log))),
      test_images_(open_test(config, *train_images_, log)),
      train_(train_images_, part_of(*train_images_, config.data.limit),
             train_options(config, device)),
      test_(test_images_, test_options(train_options(config, device))) {
  check_augmentation(config, log);
}

void TrainData::start_epoch(std::int64_t epoch, std::int64_t first_step) {
  train_.start(epoch, first_step);
}

std::optional<Batch> TrainData::next() {
  std::optional<Batch> batch = train_.next();
  return batch ? std::optional(mover_.move(std::move(*batch))) : std::nullopt;
}

NetworkDescription describe_network(const TrainConfig& config, const Genotype& genotype,
                                    const TrainData& data) {
  const auto& names = data.class_names();
  NetworkDescription network;
  network.options = network_options(config, genotype, data.image_channels(),
                                    static_cast<std::int64_t>(names.size()));
  network.dataset = config.data.set.name;
  network.root = std::filesystem::absolute(config.data.set.root).string();
  network.height = data.height();
  network.width = data.width();
  network.class_names = names;
  network.statistics = data.statistics();
  const bool photos = find_dataset(config.data.set.name).load == nullptr;
  network.resize_size = photos ? config.data.photos.resize_size : data.height();
  return network;
}

}  // namespace darts
