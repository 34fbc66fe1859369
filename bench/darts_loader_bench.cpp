// darts_loader_bench: how many photographs a second the loader decodes and augments.
// bench/loader_side_by_side.py compares it with torchvision's.

#include <darts/data/batch_loader.hpp>
#include <darts/data/open_images.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace darts;

constexpr const char* usage =
    "usage: darts_loader_bench IMAGENET_DIR train|test [WORKERS [IMAGES [EPOCHS]]]\n"
    "prints the images a second of each epoch, of IMAGES images (those there are, over and over)\n";

struct Arguments {
  std::string root;
  bool train = false;
  int workers = 2;
  std::int64_t images = 1000;
  std::int64_t epochs = 3;
};

BatchLoader make_loader(const Arguments& arguments) {
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

int run(const std::vector<std::string>& words) {
  if (words.size() < 2 || (words[1] != "train" && words[1] != "test")) {
    std::cerr << usage;
    return 2;
  }
  const auto number = [&words](std::size_t place, std::int64_t otherwise) {
    return words.size() > place ? std::stoll(words[place]) : otherwise;
  };
  Arguments arguments{.root = words[0], .train = words[1] == "train"};
  arguments.workers = static_cast<int>(number(2, arguments.workers));
  arguments.images = number(3, arguments.images);
  arguments.epochs = number(4, arguments.epochs);
  BatchLoader loader = make_loader(arguments);
  for (std::int64_t epoch = 0; epoch < arguments.epochs; ++epoch) {
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
