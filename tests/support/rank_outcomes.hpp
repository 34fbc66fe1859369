#pragma once

#include "support/thread_ranks.hpp"

#include <ATen/core/Tensor.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace darts::testing {

/// What steps have come to, by name: of every step its figures, and in the end all tensors.
using Outcome = std::map<std::string, at::Tensor>;

/// Of each of so many ranks.
inline std::vector<Outcome> outcomes_of(
    int size, const std::function<Outcome(const std::shared_ptr<Ranks>&)>& work) {
  std::vector<Outcome> outcomes(static_cast<std::size_t>(size));
  run_ranks(size, [&](const std::shared_ptr<ThreadRank>& ranks) {
    outcomes[static_cast<std::size_t>(ranks->rank())] = work(ranks);
  });
  return outcomes;
}

/// The largest difference over the largest value, or 1.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor expected = b.to(at::kDouble);
  const double size = std::max(1.0, expected.abs().max().item<double>());
  return (a.to(at::kDouble) - expected).abs().max().item<double>() / size;
}

inline void expect_near(const Outcome& actual, const Outcome& expected, double tolerance) {
  EXPECT_FALSE(expected.empty());
  for (const auto& [name, tensor] : expected) {
    if (tensor.numel() > 0) {
      EXPECT_LE(difference(actual.at(name), tensor), tolerance) << name;
    }
  }
}

inline void expect_same_bytes(const Outcome& actual, const Outcome& expected) {
  EXPECT_FALSE(expected.empty());
  for (const auto& [name, tensor] : expected) {
    EXPECT_TRUE(actual.at(name).equal(tensor)) << name;
  }
}

inline void expect_all_the_same(const std::vector<Outcome>& ranks) {
  for (const Outcome& rank : ranks) {
    expect_same_bytes(rank, ranks.front());
  }
}

}  // namespace darts::testing
