#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// DrNAS (Chen et al. 2021): the mixing weights of an edge are drawn from a Dirichlet distribution,
/// anew in every pass, whose concentration ELU(alpha) + 1 is learned. Over partial channels, in two
/// stages: after the first one every edge keeps its strongest operations, and they see more of the
/// channels, with weights that are copied (section 3.3).
class DrNas : public SearchMethod {
 public:
  /// What holds the concentrations at 1.
  enum class Regulariser {
    l2,  ///< alpha.weight_decay
    kl,  ///< the Kullback-Leibler divergence from the uniform distribution
  };
  struct Options {
    std::int64_t partial = 6;         ///< as of PC-DARTS, in the first stage; 1: whole channels
    std::int64_t partial_later = 4;   ///< in the second stage
    std::int64_t kept = 4;            ///< operations that an edge keeps in the second stage
    std::int64_t frozen_epochs = 10;  ///< of each stage
    Regulariser regulariser = Regulariser::l2;
    double weight = 1e-3;  ///< of the divergence
  };

  DrNas() = default;
  explicit DrNas(const Options& options) : options_(options) {}

  void add_fields(FieldTable& table) override;
  std::int64_t stages() const override { return 2; }
  void prepare(SupernetOptions& options, std::int64_t stage) const override;
  ByCellType<CellPrimitives> next_primitives(const Theta& theta,
                                             const SearchStage& stage) const override;
  void take_over(const StageEnd& before, const SearchStage& stage, NamedTensors& now,
                 std::uint64_t seed) const override;
  Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
             Moves moves) const override;
  at::Tensor penalty(const Theta& theta, const SearchPosition& position) const override;
  bool moves_theta(const SearchPosition& position) const override;

 protected:
  /// A sample of the Dirichlet distributions with these concentrations, a row each.
  virtual at::Tensor draw(const at::Tensor& concentrations, CellType type,
                          const SearchPosition& position, Moves moves) const;

 private:
  std::int64_t partial(std::int64_t stage) const {
    return stage == 0 ? options_.partial : options_.partial_later;
  }
  /// Mixing weights of operations, and a 1 an edge for what passes them by.
  Mixing beside_bypass(const at::Tensor& operations, std::int64_t stage) const;

  Options options_;
};

/// ELU(alpha) + 1.
at::Tensor concentrations_of(const at::Tensor& alphas);

/// A sample of Dirichlet distributions as a function of their concentrations: its value, with
/// PyTorch's gradient of it.
at::Tensor dirichlet_weights(const at::Tensor& concentrations, const at::Tensor& sample);

/// Σ over the rows of KL(Dirichlet(concentrations) ‖ Dirichlet(1)).
at::Tensor dirichlet_divergence(const at::Tensor& concentrations);

}  // namespace darts
