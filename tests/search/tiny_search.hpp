#pragma once

#include "data/fixtures.hpp"

#include <darts/search/search_config.hpp>

#include <filesystem>

namespace darts::testing {

/// A search of two epochs of six steps, which takes a moment; its images and runs are in `folder`.
inline SearchConfig tiny_search(const std::filesystem::path& folder) {
  test::write_fashion_mnist(folder / "data", 48);
  SearchConfig config;
  config.data.set.root = folder / "data";
  config.data.workers = 0;
  config.space.primitives = {"none", "skip_connect", "max_pool_3x3"};
  config.space.nodes = 1;
  config.space.cells = 1;
  config.space.channels = 2;
  config.space.stem_multiplier = 1;
  config.search.order = SearchOrder::first;
  config.search.epochs = 2;
  config.search.batch_size = 4;
  config.runtime.device = "cpu";
  config.runtime.threads = 1;
  config.run.root = folder / "runs";
  config.run.log_every_steps = 1;
  return config;
}

}  // namespace darts::testing
