#include <darts/search/lanczos.hpp>

#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace darts {
namespace {

constexpr double vanishing = 1e-13;  // of the matrix's size: what is left is rounding

/// The largest eigenvalue of a tridiagonal matrix, and the last component of its eigenvector.
std::pair<double, double> largest_of(const std::vector<double>& diagonal,
                                     const std::vector<double>& beside) {
  const auto size = std::ssize(diagonal);
  const at::Tensor matrix = at::zeros({size, size}, at::kDouble);
  auto* values = matrix.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < size; ++i) {
    values[i * size + i] = diagonal[static_cast<std::size_t>(i)];
    if (i > 0) {
      const double off = beside[static_cast<std::size_t>(i - 1)];
      values[i * size + i - 1] = off;
      values[(i - 1) * size + i] = off;
    }
  }
  const auto [eigenvalues, vectors] = at::linalg_eigh(matrix);
  return {eigenvalues[-1].item<double>(), vectors[-1][-1].item<double>()};
}

/// x without its parts along the vectors of the basis; twice, as once leaves rounding.
at::Tensor orthogonal_to(const std::vector<at::Tensor>& basis, at::Tensor x) {
  const at::Tensor rows = at::stack(basis);
  for (int time = 0; time < 2; ++time) {
    x = x - at::matmul(rows.t(), at::matmul(rows, x));
  }
  return x;
}

}  // namespace

std::optional<LargestEigenvalue> largest_eigenvalue(const SymmetricProduct& product,
                                                    const at::Tensor& start,
                                                    const LanczosOptions& options,
                                                    const std::function<bool()>& should_stop) {
  const c10::NoGradGuard no_grad;
  TORCH_CHECK(start.dim() == 1 && start.scalar_type() == at::kDouble && start.is_cpu(),
              "largest_eigenvalue: a vector of float64 on the CPU expected, got ", start.sizes());
  const std::int64_t most = std::min(options.most_products, start.numel());
  std::vector<at::Tensor> basis{start / start.norm()};
  std::vector<double> diagonal;
  std::vector<double> beside;
  for (;;) {
    if (should_stop && should_stop()) {
      return std::nullopt;
    }
    const at::Tensor image = product(basis.back());
    const auto taken = std::ssize(basis);
    diagonal.push_back(image.dot(basis.back()).item<double>());
    const at::Tensor rest = orthogonal_to(basis, image);
    const double length = rest.norm().item<double>();
    if (!std::isfinite(diagonal.back()) || !std::isfinite(length)) {
      return LargestEigenvalue{std::numeric_limits<double>::quiet_NaN(),
                               std::numeric_limits<double>::quiet_NaN(), taken};
    }
    const auto [value, last] = largest_of(diagonal, beside);
    const double residual = length * std::abs(last);
    const bool whole = length <= vanishing * image.norm().item<double>();
    if (whole || residual <= options.tolerance * std::abs(value) || taken >= most) {
      return LargestEigenvalue{value, residual, taken};
    }
    beside.push_back(length);
    basis.push_back(rest / length);
  }
}

}  // namespace darts
