#include "ops/kernels/kernel_tools.hpp"

#include "support/module_helpers.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include <algorithm>

namespace darts::testing {
namespace {

/// The part of `tensor` that begins at 0 everywhere and has this shape.
at::Tensor corner(at::Tensor tensor, at::IntArrayRef shape) {
  for (std::int64_t d = 0; d < tensor.dim(); ++d) {
    tensor = tensor.narrow(d, 0, shape[static_cast<std::size_t>(d)]);
  }
  return tensor;
}

}  // namespace

at::Tensor random_values(at::ScalarType type, at::IntArrayRef shape, std::uint64_t seed) {
  return random_normal(shape, seed).to(type).to(at::kDouble);
}

at::Tensor in_corner(const at::Tensor& values, at::IntArrayRef shape, at::ScalarType type) {
  at::Tensor all = at::zeros(shape, type);
  if (values.defined()) {
    corner(all, values.sizes()).copy_(values);
  }
  return all;
}

at::Tensor corner_of(const at::Tensor& actual, const at::Tensor& like) {
  return corner(actual, like.sizes()).to(at::kDouble);
}

void expect_padded(const Golden& actual, const Golden& expected, const Tolerances& tolerances) {
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name) && tolerances.contains(name)) << name;
    const at::Tensor found = corner_of(actual.at(name), tensor);
    const double size = std::max(tensor.abs().max().item<double>(), 1.0);
    EXPECT_TRUE(found.isfinite().all().item<bool>()) << name;
    EXPECT_LE((found - tensor).abs().max().item<double>() / size, tolerances.at(name)) << name;
    at::Tensor rest = actual.at(name).clone();
    corner(rest, tensor.sizes()).zero_();
    EXPECT_EQ(rest.ne(0.0).sum().item<std::int64_t>(), 0) << name << " in channels that pad";
  }
}

void expect_padded(const Golden& actual, const Golden& expected, double tolerance) {
  Tolerances tolerances;
  for (const auto& [name, tensor] : expected) {
    tolerances[name] = tolerance;
  }
  expect_padded(actual, expected, tolerances);
}

}  // namespace darts::testing
