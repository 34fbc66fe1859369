#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// Fair DARTS (Chu et al. 2020): every operation has a sigmoid of its own, so that they do not
/// compete, and a loss drives the sigmoids to 0 or 1 (section 4.2). Meant for sets of operations
/// without `none`.
class FairDarts : public SearchMethod {
 public:
  /// Which operations a genotype keeps; `threshold` is of the sigmoid.
  enum class Derivation {
    sparse,  ///< those that DARTS would keep, if they reach the threshold
    edge,    ///< of every edge the two strongest, if they reach it
    darts,   ///< as DARTS, whatever the threshold
  };
  enum class ZeroOne {
    l2,  ///< −mean (σ − ½)², the paper's
    l1,  ///< −mean |σ − ½|
  };
  struct Options {
    double weight = 10.0;  ///< of the zero-one loss
    ZeroOne zero_one = ZeroOne::l2;
    double threshold = 0.85;
    Derivation derivation = Derivation::sparse;
  };

  FairDarts() = default;
  explicit FairDarts(const Options& options) : options_(options) {}

  void add_fields(FieldTable& table) override;
  Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
             Moves moves) const override;
  at::Tensor penalty(const Theta& theta, const SearchPosition& position) const override;
  at::Tensor strengths(const Theta& theta, CellType type) const override;

  /// Throws NoGenotypeError where no operation of a cell reaches the threshold. What only a node
  /// without edges would read is left out.
  bool caps_skips() const override { return options_.derivation != Derivation::edge; }
  Genotype derive(const Theta& theta, const SearchSpace& space) const override;

  /// The same without the last two: nodes may have no edges, and others may read them.
  Genotype derive_raw(const Theta& theta, const SearchSpace& space) const;

 private:
  Options options_;
};

/// The zero-one loss without its weight: over all entries of both cells together.
at::Tensor zero_one_loss(const Theta& theta, FairDarts::ZeroOne kind);

}  // namespace darts
