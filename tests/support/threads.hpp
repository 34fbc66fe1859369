#pragma once

#include "support/golden.hpp"

#include <ATen/Parallel.h>

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace darts::testing {

/// While it lives, work is shared out to this many threads.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

/// Expects run() to give the same bytes with 1, 2 and 3 threads.
inline void expect_independent_of_threads(const std::function<Golden()>& run) {
  Golden one;
  for (const int threads : {1, 2, 3}) {
    const Threads guard(threads);
    const Golden found = run();
    one = threads == 1 ? found : one;
    ASSERT_EQ(found.size(), one.size());
    for (const auto& [name, tensor] : found) {
      EXPECT_TRUE(tensor.equal(one.at(name))) << name << " with " << threads << " threads";
    }
  }
}

/// Tensors by their places.
inline Golden by_place(const std::vector<at::Tensor>& tensors) {
  Golden named;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    named.emplace(std::to_string(i), tensors[i]);
  }
  return named;
}

}  // namespace darts::testing
