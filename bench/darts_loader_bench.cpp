// darts_loader_bench: how many photographs a second the loader decodes and augments, or how many
// images of CIFAR-10's size in memory. bench/loader_side_by_side.py compares the photographs' with
// torchvision's.

#include <darts/data/batch_loader.hpp>
#include <darts/data/open_images.hpp>

#include <ATen/ops/randint.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace darts;

constexpr const char* usage =
    "usage: darts_loader_bench IMAGENET_DIR train|test [WORKERS [IMAGES [EPOCHS]]]\n"
    "       darts_loader_bench cifar [WORKERS [IMAGES [EPOCHS]]]\n"
    "prints the images a second of each epoch, of IMAGES images: IMAGENET_DIR's over and over, or\n"
    "made-up ones of CIFAR-10's size, cropped and flipped\n";

struct Arguments {
  std::string root;    ///< empty: made-up images
  bool train = false;  ///< of root
  int workers = 2;
  std::int64_t images = 1000;
  std::int64_t epochs = 3;
};

/// 32×32×3 as CIFAR-10's, with the search's batches and augmentation.
BatchLoader make_cifar_loader(const Arguments& arguments) {
  auto set = std::make_shared<ImageSet>();
  set->images = at::randint(256, {arguments.images, 32, 32, 3}, at::kByte);
  set->labels = at::randint(10, {arguments.images}, at::kLong);
  set->class_names.assign(10, "class");
  set->mean.assign(3, 0.5);
  set->stddev.assign(3, 0.25);
  LoaderOptions options;
  options.workers = arguments.workers;
  std::vector<std::int64_t> indices(static_cast<std::size_t>(arguments.images));
  std::iota(indices.begin(), indices.end(), 0);
  return {std::shared_ptr<const ImageSet>(std::move(set)), indices, options};
}

BatchLoader make_photo_loader(const Arguments& arguments) {
  OpenOptions open;
  open.augment = arguments.train;
  const auto images = open_images({.name = "imagenet", .root = arguments.root},
                                  arguments.train ? Split::train : Split::test, open);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(arguments.images));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    indices[i] = static_cast<std::int64_t>(i) % images->size();
  }
  LoaderOptions options;
  options.batch_size = 32;
  options.workers = arguments.workers;
  options.shuffle = arguments.train;
  return {images, indices, options};
}

double images_per_second(BatchLoader& loader, std::int64_t epoch) {
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t images = 0;
  loader.start(epoch);
  while (const auto batch = loader.next()) {
    images += batch->labels.size(0);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(images) / seconds.count();
}

/// Nothing where the words make no sense.
std::optional<Arguments> parse(const std::vector<std::string>& words) {
  const bool cifar = !words.empty() && words[0] == "cifar";
  const bool photos = words.size() > 1 && (words[1] == "train" || words[1] == "test");
  if (!cifar && !photos) {
    return std::nullopt;
  }
  const std::size_t numbers = cifar ? 1 : 2;
  const auto number = [&](std::size_t place, std::int64_t otherwise) {
    return words.size() > numbers + place ? std::stoll(words[numbers + place]) : otherwise;
  };
  Arguments arguments;
  if (cifar) {
    arguments.images = 50000;
  } else {
    arguments.root = words[0];
    arguments.train = words[1] == "train";
  }
  arguments.workers = static_cast<int>(number(0, arguments.workers));
  arguments.images = number(1, arguments.images);
  arguments.epochs = number(2, arguments.epochs);
  return arguments;
}

int run(const std::vector<std::string>& words) {
  const std::optional<Arguments> arguments = parse(words);
  if (!arguments) {
    std::cerr << usage;
    return 2;
  }
  BatchLoader loader =
      arguments->root.empty() ? make_cifar_loader(*arguments) : make_photo_loader(*arguments);
  for (std::int64_t epoch = 0; epoch < arguments->epochs; ++epoch) {
    std::cout << images_per_second(loader, epoch) << std::endl;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
