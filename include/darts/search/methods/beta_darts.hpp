#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// β-DARTS (Ye et al. 2022): DARTS with a regulariser of alpha, λ · mean over the edges of both
/// cells of ln Σ exp alpha, whose weight λ grows with the epoch. The authors' code for this space
/// does not run; in that for NAS-Bench-201 λ = 0.5 · epoch.
class BetaDarts : public SearchMethod {
 public:
  struct Options {
    double weight = 0.5;  ///< λ of epoch 1
  };

  BetaDarts() = default;
  explicit BetaDarts(const Options& options) : options_(options) {}

  void add_fields(FieldTable& table) override;
  at::Tensor penalty(const Theta& theta, const SearchPosition& position) const override;
  std::vector<MethodFigure> figures(const SearchPosition& position) const override;

 private:
  double lambda(const SearchPosition& position) const;

  Options options_;
};

/// Mean over the edges of both cells of ln Σ exp alpha, over what each edge offers.
at::Tensor mean_logsumexp(const Theta& theta);

}  // namespace darts
