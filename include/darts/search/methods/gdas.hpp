#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// GDAS (Dong, Yang 2019): in every pass each edge runs one operation, drawn by Gumbel noise; alpha
/// has the gradient of the softmax that it was drawn from (straight through), whose temperature τ
/// falls from epoch to epoch. What is not drawn is not computed.
class Gdas : public SearchMethod {
 public:
  /// What the step of w does with operations that were not drawn.
  enum class Undrawn {
    stay,   ///< nothing: as the authors' code on PyTorch 2 and later
    coast,  ///< weight decay and momentum move those that were drawn once: as on the PyTorch of its
            ///< time, where gradients were zeros
  };
  struct Options {
    double tau_start = 10.0;  ///< in the first epoch
    double tau_end = 0.1;     ///< in the last epoch
    Undrawn undrawn = Undrawn::coast;
  };

  Gdas() = default;
  explicit Gdas(const Options& options) : options_(options) {}

  void add_fields(FieldTable& table) override;
  Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
             Moves moves) const override;
  bool draws_operations() const override { return true; }
  bool w_first() const override;
  StepRules step_rules() const override;

  /// Of each node the two strongest (edge, operation) pairs, which may be of one edge.
  bool caps_skips() const override { return false; }
  Genotype derive(const Theta& theta, const SearchSpace& space) const override;

  std::vector<MethodFigure> figures(const SearchPosition& position) const override;

  double tau(const SearchPosition& position) const;

 protected:
  /// Gumbel noise, edges × columns.
  virtual at::Tensor draw(const at::Tensor& like, CellType type, const SearchPosition& position,
                          Moves moves) const;

 private:
  Options options_;
};

/// One operation of each edge: 1 at the largest of ln softmax(alpha) + noise, else 0, with the
/// gradient of softmax((ln softmax(alpha) + noise) / τ).
Mixing hard_gumbel_softmax(const at::Tensor& log_shares, const at::Tensor& noise, double tau);

}  // namespace darts
