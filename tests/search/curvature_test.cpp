// The curvature of the validation loss by theta, as RobustDARTS measures it.

#include "search/recorded_hessian.hpp"
#include "search/small_search.hpp"

#include <darts/core/flat_weights.hpp>
#include <darts/search/curvature.hpp>
#include <darts/search/search_methods.hpp>

#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace darts {
namespace {

using testing::Golden;

constexpr LanczosOptions to_the_end{.most_products = 1000, .tolerance = 1e-5};

/// Of products of each kind, and what of the recorded numbers they come to.
struct Kind {
  CurvatureProducts products;
  Execution execution;
  double matrix_tolerance;  ///< 0: what it would take too long to compare
  double eigenvalue_tolerance;
};

constexpr std::array<Kind, 4> kinds{{
    {CurvatureProducts::exact, Execution::fused, 1e-9, 1e-9},
    {CurvatureProducts::difference, Execution::plain, 0.0, 1e-5},
    {CurvatureProducts::difference, Execution::merged, 0.0, 1e-5},
    {CurvatureProducts::difference, Execution::fused, 1e-4, 1e-5},
}};

Batch batch_of(const Golden& golden) {
  return {golden.at("x_valid"), golden.at("y_valid").to(at::kLong)};
}

HessianOptions hessian_options(CurvatureProducts products, double weight_decay = 0.0) {
  HessianOptions options;
  options.products = products;
  options.weight_decay = weight_decay;
  return options;
}

std::shared_ptr<const SearchMethod> darts_method() {
  return std::make_shared<const SearchMethod>();
}

TEST(golden_curvature, HessianAndItsLargestEigenvalueAsTheAuthorsComputeThem) {
  testing::for_each_golden_file("methods/robustdarts_hessian", ".pt", [](const auto& file) {
    const Golden golden = testing::read_golden(file);
    const double decay = testing::meta_of(golden).at("arch_weight_decay");
    for (const Kind& kind : kinds) {
      testing::Comparison comparison(
          file.filename().string() +
          (kind.products == CurvatureProducts::exact ? ", exact" : ", difference"));
      ThetaHessian hessian(testing::supernet_of(golden, kind.execution), darts_method(),
                           batch_of(golden), hessian_options(kind.products, decay));
      comparison.expect_close(hessian.gradient(), golden.at("gradient"), 1e-9, "gradient");
      if (kind.matrix_tolerance > 0.0) {
        comparison.expect_close(hessian.matrix(), golden.at("hessian"), kind.matrix_tolerance,
                                "hessian");
      }
      testing::Comparison of_eigenvalue(file.filename().string() + ", dominant");
      const auto largest = largest_eigenvalue(
          [&](const at::Tensor& v) { return hessian.product(v); }, hessian.start(1), to_the_end);
      of_eigenvalue.expect_close(largest->value, golden.at("dominant"), kind.eigenvalue_tolerance,
                                 "dominant");
    }
  });
}

at::Tensor symmetric(const std::vector<double>& eigenvalues, std::uint64_t seed) {
  const std::int64_t size = std::ssize(eigenvalues);
  const at::Tensor basis = std::get<0>(at::linalg_qr(testing::random_normal({size, size}, seed)));
  return at::matmul(basis * at::tensor(eigenvalues, at::kDouble), basis.t());
}

LargestEigenvalue largest_of(const at::Tensor& matrix, const LanczosOptions& options) {
  return *largest_eigenvalue([&](const at::Tensor& v) { return at::matmul(matrix, v); },
                             testing::random_normal({matrix.size(0)}, 5), options);
}

TEST(Lanczos, FindsTheLargestEigenvalueNotTheLargestInMagnitude) {
  EXPECT_NEAR(largest_of(symmetric({-5.0, 1.0, 2.0, 0.5, 3.0}, 1), to_the_end).value, 3.0, 1e-12);
  EXPECT_NEAR(largest_of(symmetric({-5.0, -1.0, -2.0}, 2), to_the_end).value, -1.0, 1e-12);
  EXPECT_NEAR(largest_of(symmetric({2.0, 2.0, 1.0, 1.0}, 3), to_the_end).value, 2.0, 1e-12);
  EXPECT_NEAR(largest_of(symmetric({-0.25}, 4), to_the_end).value, -0.25, 1e-15);
  const LargestEigenvalue same = largest_of(at::eye(9, at::kDouble), to_the_end);
  EXPECT_NEAR(same.value, 1.0, 1e-15);
  EXPECT_EQ(same.products, 1);
}

TEST(Lanczos, NeedsFewProductsAndEndsWhereItIsTold) {
  std::vector<double> eigenvalues(200);
  for (std::size_t i = 0; i < eigenvalues.size(); ++i) {
    eigenvalues[i] = 0.3 * std::cos(static_cast<double>(i));
  }
  eigenvalues[7] = 0.5;
  const at::Tensor matrix = symmetric(eigenvalues, 6);
  const LargestEigenvalue found = largest_of(matrix, {});
  EXPECT_NEAR(found.value, 0.5, 1e-5);
  EXPECT_LT(found.products, 40);
  EXPECT_LE(found.residual, 1e-3 * found.value);
  EXPECT_EQ(largest_of(matrix, {.most_products = 3}).products, 3);
  const auto stopped = largest_eigenvalue([](const at::Tensor& v) { return v; },
                                          at::ones({3}, at::kDouble), {}, [] { return true; });
  EXPECT_FALSE(stopped.has_value());
  EXPECT_TRUE(std::isnan(largest_of(matrix * std::nan(""), {}).value));
}

/// Of a tiny supernet of a method.
Supernet supernet_of(const SearchMethod& method, SupernetOptions options) {
  options.channels = 4;  // a multiple of pc_darts.partial
  options.theta = method.theta_shapes({options.primitives, options.nodes});
  method.prepare(options, 0);
  Supernet supernet(options);
  testing::make_double(*supernet);
  initialize_supernet(supernet, 1, method);
  return supernet;
}

SupernetOptions options_for(Execution execution) {
  SupernetOptions options = testing::small_options();
  options.nodes = 1;
  options.execution.execution = execution;
  return options;
}

TEST(Curvature, LanczosFindsTheLargestEigenvalueOfTheWholeHessian) {
  for (const Kind& kind : kinds) {
    const Supernet supernet = testing::small_supernet(options_for(kind.execution));
    const HessianOptions options = hessian_options(kind.products, 0.01);
    ThetaHessian hessian(supernet, darts_method(), testing::small_batch(3), options);
    const at::Tensor matrix = hessian.matrix();
    EXPECT_LT(testing::relative_error(matrix, matrix.t()), 1e-4);
    const double expected = at::linalg_eigvalsh(matrix)[-1].item<double>();
    const auto found = largest_eigenvalue([&](const at::Tensor& v) { return hessian.product(v); },
                                          hessian.start(2), to_the_end);
    EXPECT_NEAR(found->value, expected, 1e-5 * std::abs(expected));
    const auto measured =
        measure_curvature(supernet, darts_method(), testing::small_batch(3), options, 2);
    EXPECT_NEAR(measured->eigenvalue, expected, 1e-4 * std::abs(expected));
    EXPECT_LE(measured->products, hessian.size());
    EXPECT_GT(measured->seconds, 0.0);
  }
}

/// Of all that a method moves.
TEST(Curvature, DifferencesAreTheExactHessianWithOtherMethodsToo) {
  for (const char* name : {"darts", "pc-darts", "fair-darts", "gaea", "beta-darts", "darts-",
                           "sdarts-rs", "sdarts-adv", "p-darts"}) {
    const auto method = make_method(name);
    const Supernet supernet = supernet_of(*method, options_for(Execution::fused));
    const Batch batch = testing::small_batch(3);
    ThetaHessian exact(supernet, method, batch, hessian_options(CurvatureProducts::exact));
    ThetaHessian difference(supernet, method, batch,
                            hessian_options(CurvatureProducts::difference));
    std::int64_t size = 0;
    for (const at::Tensor& tensor : supernet->theta().tensors()) {
      size += tensor.numel();
    }
    EXPECT_EQ(exact.size(), size) << name;
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const at::Tensor direction = exact.start(seed);
      EXPECT_LT(testing::relative_error(difference.product(direction), exact.product(direction)),
                1e-4)
          << name;
    }
  }
}

TEST(Curvature, NothingOfTheSupernetIsTouched) {
  SupernetOptions options = options_for(Execution::fused);
  options.primitives = everywhere(parse_primitives({"none", "noise", "sep_conv_3x3"}));
  for (const CurvatureProducts products :
       {CurvatureProducts::exact, CurvatureProducts::difference}) {
    Supernet supernet = testing::small_supernet(options);
    supernet->eval();
    const Golden before = testing::copy_of_state(*supernet);
    const Batch batch = testing::small_batch(3);
    const auto once =
        measure_curvature(supernet, darts_method(), batch, hessian_options(products), 2);
    const auto again =
        measure_curvature(supernet, darts_method(), batch, hessian_options(products), 2);
    EXPECT_EQ(once->eigenvalue, again->eigenvalue) << "noise is the same every time";
    for (const auto& [name, tensor] : testing::state_of(*supernet)) {
      EXPECT_TRUE(tensor.equal(before.at(name))) << name;
    }
    for (const auto& item : supernet->named_parameters()) {
      EXPECT_FALSE(item.value().grad().defined()) << item.key();
      EXPECT_TRUE(item.value().requires_grad()) << item.key();
    }
    EXPECT_FALSE(supernet->is_training());
  }
}

TEST(Curvature, WhatRowsHoldBeyondTheirEdgesIsLeftOut) {
  SupernetOptions options = options_for(Execution::plain);
  options.primitives.normal =
      parse_cell_primitives({{"sep_conv_3x3"}, {"none", "skip_connect", "max_pool_3x3"}});
  ThetaHessian hessian(testing::small_supernet(options), darts_method(), testing::small_batch(3),
                       {});
  const at::Tensor start = hessian.start(1).narrow(0, 0, 6).view({2, 3});
  EXPECT_EQ(start.eq(0.0).sum().item<std::int64_t>(), 2);
  EXPECT_TRUE(start[0].narrow(0, 1, 2).eq(0.0).all().item<bool>());
}

TEST(Curvature, IsMeasuredFromTheFirstEpochOnAndAfterTheLast) {
  const auto measured = [](std::int64_t every, std::int64_t epochs) {
    std::vector<std::int64_t> at;
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
      if (measures_curvature({.every = every}, epoch, epochs)) {
        at.push_back(epoch);
      }
    }
    return at;
  };
  EXPECT_EQ(measured(2, 6), (std::vector<std::int64_t>{0, 2, 4, 5}));
  EXPECT_EQ(measured(1, 3), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_TRUE(measured(0, 3).empty());
}

}  // namespace
}  // namespace darts
