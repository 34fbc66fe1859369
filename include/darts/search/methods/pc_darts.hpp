#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// PC-DARTS (Xu et al. 2020): operations see a part of the channels, the others pass them by; edges
/// have weights of their own, softmax(beta) within a node, which multiply those of the operations.
/// alpha and beta stand still in the first epochs.
class PcDarts : public SearchMethod {
 public:
  struct Options {
    std::int64_t partial = 4;  ///< the operations see 1/partial of the channels
    std::int64_t frozen_epochs = 15;
  };

  PcDarts() = default;
  explicit PcDarts(const Options& options) : options_(options) {}

  void add_fields(FieldTable& table) override;
  void prepare(SupernetOptions& options, std::int64_t stage) const override;
  std::vector<ThetaShape> theta_shapes(const SearchSpace& space) const override;
  void initialize(const Theta& theta, std::uint64_t seed, double scale) const override;
  Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
             Moves moves) const override;
  bool moves_theta(const SearchPosition& position) const override;
  at::Tensor strengths(const Theta& theta, CellType type) const override;

 private:
  Options options_;
};

}  // namespace darts
