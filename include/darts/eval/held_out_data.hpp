#pragma once

#include <darts/core/log.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/data/open_images.hpp>
#include <darts/eval/stored_network.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace darts {

/// Which images a trained network is tested on.
struct TestDataOptions {
  std::string dataset;         ///< empty: the one of the training
  std::filesystem::path root;  ///< folder of the data sets; empty: as in the training
  Split split = Split::test;
  std::int64_t limit = 0;  ///< only so many, of all classes in their shares; 0: all
  std::int64_t batch_size = 128;
  int workers = 2;
  bool pin_memory = false;
  bool channels_last = true;
  OnError on_error = OnError::fail;
  std::shared_ptr<Ranks> ranks = single_rank();  ///< that share the images out
  Log log = Log::silent();  ///< told where the images were found, and what is left out
};

/// Images as the network was trained on them, without augmentation, with the network's labels,
/// found by the names of classes; train images in random order. Throws Error if the data set is
/// missing, has another number of channels than the network takes, or shows a class that the
/// network does not know.
BatchLoader open_test_data(const NetworkDescription& network, const TestDataOptions& options);

}  // namespace darts
