#include "core/expect_error.hpp"

#include <darts/core/finite.hpp>

#include <ATen/ops/ones.h>

#include <limits>

namespace darts {
namespace {

TEST(Finite, TensorsThatAreNotAreNamed) {
  NamedTensors tensors{
      {"a", at::ones({2, 3})}, {"b", at::ones({4})}, {"c", at::ones({}, at::kLong)}};
  EXPECT_EQ(non_finite(tensors), "");
  tensors["b"][2] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(non_finite(tensors), "b");
  tensors["a"][1][1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(non_finite(tensors), "a and 1 more");
  const Checkpoint checkpoint{.tensors = tensors, .file = "x.safetensors"};
  EXPECT_EQ(testing::error_of([&] { check_finite(checkpoint); }),
            "x.safetensors holds numbers that are not finite (a and 1 more): its run had diverged "
            "before it was saved; take an older checkpoint");
}

}  // namespace
}  // namespace darts
