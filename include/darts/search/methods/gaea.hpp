#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// GAEA (Li et al. 2021): theta are the mixing weights themselves, which move on the simplex by
/// exponentiated gradient descent. Over PC-DARTS (`edges`), weights of the edges of a node, too.
class Gaea : public SearchMethod {
 public:
  struct Options {
    std::int64_t partial = 4;  ///< as of PC-DARTS; 1: whole channels, no weights of edges
    double edge_learning_rate = 0.1;
    double entropy_weight = 0.0;  ///< of Σ a · ln(a · operations), in theta's loss
  };

  Gaea() = default;
  explicit Gaea(const Options& options) : options_(options) {}

  void add_fields(FieldTable& table) override;
  void prepare(SupernetOptions& options, std::int64_t stage) const override;
  std::vector<ThetaShape> theta_shapes(const SearchSpace& space) const override;
  void initialize(const Theta& theta, std::uint64_t seed, double scale) const override;
  std::unique_ptr<ThetaOptimizer> make_optimizer(const Theta& theta,
                                                 const AlphaOptions& options) const override;
  at::Tensor shares(const Theta& theta, CellType type) const override;
  Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
             Moves moves) const override;
  bool alphas_are_weights() const override { return true; }
  at::Tensor penalty(const Theta& theta, const SearchPosition& position) const override;
  at::Tensor strengths(const Theta& theta, CellType type) const override;

 private:
  bool has_edges() const { return options_.partial > 1; }

  Options options_;
};

/// A step of exponentiated gradient descent: rows · exp(−rate · gradient), not below 1e-5, divided
/// by the sum of each row; `missing`: as of missing_columns().
at::Tensor move_on_simplex(const at::Tensor& rows, const at::Tensor& gradient, double learning_rate,
                           const at::Tensor& missing = {});

}  // namespace darts
