#include <darts/core/absolute_path.hpp>
#include <darts/core/error.hpp>
#include <darts/data/split.hpp>
#include <darts/eval/train_data.hpp>

#include <algorithm>

namespace darts {
namespace {

LoaderOptions train_options(const TrainConfig& config, const c10::Device& device,
                            const std::shared_ptr<Ranks>& ranks) {
  LoaderOptions options =
      train_loader_options(config.data, config.train.batch_size, device.is_cuda());
  options.channels_last = config.runtime.channels_last;
  options.seed = config.seed;
  options.share = {ranks, config.train.parts};
  return options;
}

LoaderOptions test_options(LoaderOptions options) {
  options.share.parts = 1;
  options.share.small = SmallBatch::share;
  return in_order(options);
}

/// The training images that are used.
std::vector<std::int64_t> used_images(const TrainConfig& config, const ImageSource& images) {
  std::vector<std::int64_t> used = part_of(images, config.data.limit, config.data.hold_out);
  if (used.size() < 2) {
    throw Error((config.data.limit == 1 ? "data.limit: 1 image" : "there is 1 image") +
                std::string(" to train on, and batch norm needs at least 2"));
  }
  return used;
}

/// Those that the training is tested on: see TrainData.
std::shared_ptr<const ImageSource> open_tested(const TrainConfig& config,
                                               const std::shared_ptr<const ImageSource>& train,
                                               const Log& log) {
  return config.data.hold_out > 0 ? train->unaugmented()
                                  : open_test_images(config.data, *train, log);
}

std::vector<std::int64_t> tested_images(const TrainConfig& config, const ImageSource& images) {
  return config.data.hold_out > 0 ? held_out_part(images, config.data.hold_out)
                                  : part_of(images, 0);
}

}  // namespace

TrainData::TrainData(const TrainConfig& config, const c10::Device& device, const Log& log,
                     std::shared_ptr<Ranks> ranks)
    : mover_(device),
      train_images_(open_train_images(config.data, log)),
      test_images_(open_tested(config, train_images_, log)),
      holds_out_(config.data.hold_out > 0),
      train_(train_images_, used_images(config, *train_images_),
             train_options(config, device, ranks)),
      test_(test_images_, tested_images(config, *test_images_),
            test_options(train_options(config, device, ranks))) {
  const std::int64_t images = std::min(config.train.batch_size, train_images());
  images_at_once_ = share_of(images, ranks->size() - 1, ranks->size()).rows;
}

RunImages TrainData::images() const {
  RunImages images{class_names(), {{"training", list_of(*train_images_)}}};
  if (!holds_out_) {
    images.splits.emplace("test", list_of(*test_images_));
  }
  return images;
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
  network.root = absolute_path(config.data.set.root).string();
  network.height = data.height();
  network.width = data.width();
  network.class_names = names;
  network.statistics = data.statistics();
  const bool photos = find_dataset(config.data.set.name).load == nullptr;
  network.resize_size = photos ? config.data.photos.resize_size : data.height();
  return network;
}

}  // namespace darts
