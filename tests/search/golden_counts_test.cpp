#include "search/darts_mixing.hpp"
#include "support/golden.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/ops/count.hpp>
#include <darts/search/supernet.hpp>

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace darts {
namespace {

struct Counts {
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;
};

Counts counts_of(std::int64_t channels, std::int64_t cells) {
  SupernetOptions options;
  options.channels = channels;
  options.cells = cells;
  Supernet supernet(options);
  supernet->eval();
  Counts counts;
  for (const at::Tensor& weight : supernet->weights()) {
    counts.parameters += weight.numel();
  }
  const c10::NoGradGuard no_grad;
  counts.multiply_adds = count_multiply_adds([&] {
    testing::logits_of(*supernet, at::zeros({1, 3, 32, 32}));
  });
  return counts;
}

TEST(golden_counts, FullSizeSupernet) {
  const Counts counts = counts_of(16, 8);
  EXPECT_EQ(counts.parameters, 1'930'618);
  EXPECT_EQ(counts.multiply_adds, 300'255'744);
}

TEST(golden_counts, EverySupernetAsRecorded) {
  int found = 0;
  testing::for_each_golden_file("counts", ".json", [&](const auto& file) {
    const auto entries = nlohmann::ordered_json::parse(read_file(file));
    for (const auto& [key, expected] : entries.items()) {
      long channels = 0;
      long cells = 0;
      if (std::sscanf(key.c_str(), "supernet/C%ldL%ld", &channels, &cells) != 2) {
        continue;
      }
      ++found;
      const Counts counts = counts_of(channels, cells);
      EXPECT_EQ(counts.parameters, expected.at("params").template get<std::int64_t>()) << key;
      EXPECT_EQ(counts.multiply_adds, expected.at("macs").template get<std::int64_t>()) << key;
    }
  });
  testing::expect_found(found, "entry supernet/C…L… of the counts");
}

}  // namespace
}  // namespace darts
