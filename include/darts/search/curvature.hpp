#pragma once

#include <darts/search/lanczos.hpp>
#include <darts/search/theta_pass.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace darts {

/// How products of the Hessian with a vector are taken.
enum class CurvatureProducts {
  exact,       ///< by differentiating twice, one module after the other
  difference,  ///< by central differences of gradients, which any execution has, in float64
};

/// How the curvature of the validation loss is measured.
struct CurvatureOptions {
  std::int64_t every = 0;  ///< epochs from one measurement to the next; 0: never
  CurvatureProducts products = CurvatureProducts::difference;
};

/// Whether it is measured after `epoch`, counted from 0: after the first epoch, every so many from
/// there, and after the last one (RobustDARTS' train_search.py).
bool measures_curvature(const CurvatureOptions& options, std::int64_t epoch, std::int64_t epochs);

/// What a Hessian is of, beside the supernet.
struct HessianOptions {
  CurvatureProducts products = CurvatureProducts::difference;
  double weight_decay = 0.0;  ///< of theta: adds weight_decay · I
  SearchPosition position;    ///< of the mixing, and of all that it draws
  /// In which it is computed; differences of gradients tell nothing in float32.
  at::ScalarType type = at::kDouble;
};

/// ∇²θ (L_valid(w, θ) + weight_decay/2 ‖θ‖²) on one batch, in training mode and of first order
/// (Zela et al. 2020, section 4, and their code, whose Hessian holds the weight decay). θ is all
/// that the method moves: alpha in DARTS, and where there are weights of edges these too, one
/// tensor behind the other in theta's order and row by row; what a method adds to theta's loss
/// beside the cross entropy is not in it. Noise and what a method draws are those of the position,
/// the same in every product.
///
/// It is computed on a copy of the supernet, so that nothing of the supernet, its running
/// statistics, gradients and streams included, is touched. Exact products keep the graphs of a
/// forward and a backward pass, a multiple of a step's memory; differences take what a step's pass
/// takes in the type given. A search cell's ReLUs and max pools make of the loss a surface with
/// kinks, of which neither kind of product sees anything.
class ThetaHessian {
 public:
  ThetaHessian(const Supernet& supernet, std::shared_ptr<const SearchMethod> method,
               const Batch& batch, const HessianOptions& options);

  std::int64_t size() const { return size_; }

  /// Of size() numbers in float64 on the CPU, as the products.
  at::Tensor gradient();
  at::Tensor product(const at::Tensor& direction);

  /// The whole matrix, a product for each row.
  at::Tensor matrix();

  /// A vector to begin with, drawn from a seed: N(0, 1), and 0 where rows of alpha have no meaning.
  at::Tensor start(std::uint64_t seed) const;

 private:
  at::Tensor exact_product(const at::Tensor& direction);
  at::Tensor difference_along(const at::Tensor& direction);
  at::Tensor gradient_here();
  void differentiate();
  void move_to(const at::Tensor& theta);
  void rewind_noise();
  at::Tensor flat_theta() const;

  Supernet supernet_;  ///< a copy
  std::shared_ptr<const SearchMethod> method_;
  Batch batch_;
  HessianOptions options_;
  Theta theta_;
  ThetaPass pass_;
  std::int64_t size_ = 0;
  /// Of the loss, here; exact: with the graph that the products are taken through.
  at::Tensor gradient_;
};

/// What a search records of its curvature.
struct Curvature {
  double eigenvalue = 0.0;    ///< the largest of the Hessian
  double seconds = 0.0;       ///< that it took
  std::int64_t products = 0;  ///< of the Hessian with a vector
};

/// Measures it. Nothing if `should_stop` says so. `seed`: of the start.
std::optional<Curvature> measure_curvature(const Supernet& supernet,
                                           const std::shared_ptr<const SearchMethod>& method,
                                           const Batch& batch, const HessianOptions& options,
                                           std::uint64_t seed,
                                           const std::function<bool()>& should_stop = {});

}  // namespace darts
