#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>

namespace darts {

/// A symmetric matrix as what it makes of a vector: n numbers → n numbers, float64 on the CPU.
using SymmetricProduct = std::function<at::Tensor(const at::Tensor&)>;

struct LanczosOptions {
  std::int64_t most_products = 60;
  /// It ends once the residual ‖H x − λ x‖, which the eigenvalue is not further off than, is at
  /// most so many times |λ|. The error of λ itself goes with the residual's square.
  double tolerance = 1e-3;
};

/// An eigenvalue, and how far its vector is from an eigenvector.
struct LargestEigenvalue {
  double value = 0.0;
  double residual = 0.0;      ///< ‖H x − λ x‖ for ‖x‖ = 1
  std::int64_t products = 0;  ///< that were taken
};

/// The largest eigenvalue of a symmetric matrix (not the largest in magnitude) by Lanczos'
/// algorithm, each vector made orthogonal to all before it. `start`: n numbers, not all 0; only
/// what products of the matrix with it lead to is seen. NaN where a product is not finite. Nothing
/// if `should_stop`, which is asked before each product, says so.
std::optional<LargestEigenvalue> largest_eigenvalue(const SymmetricProduct& product,
                                                    const at::Tensor& start,
                                                    const LanczosOptions& options = {},
                                                    const std::function<bool()>& should_stop = {});

}  // namespace darts
