#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// Smooth DARTS (Chen, Hsieh 2020): w moves under perturbed mixing weights, so that alpha's
/// landscape is smooth around it; alpha moves under its own softmax. The size of the perturbation,
/// ε, grows linearly from epoch to epoch.
class SmoothDarts : public SearchMethod {
 public:
  struct Options {
    double epsilon = 0.3;  ///< that it grows to, over all epochs
    double epsilon_start = 0.03;
  };

  std::string refusal(SearchOrder order) const override;
  std::vector<MethodFigure> figures(const SearchPosition& position) const override;

  double epsilon(const SearchPosition& position) const;

 protected:
  SmoothDarts() = default;
  explicit SmoothDarts(const Options& options) : options_(options) {}

  /// Its keys, under `section`.
  void add_epsilon_fields(FieldTable& table, const std::string& section);

  /// Noise of U(−ε, ε) for the mixing weights of w's pass.
  virtual at::Tensor draw(const at::Tensor& like, CellType type,
                          const SearchPosition& position) const;

  Options options_;
};

/// SDARTS-RS: the perturbation is random.
class SmoothDartsRandom : public SmoothDarts {
 public:
  SmoothDartsRandom() = default;
  explicit SmoothDartsRandom(const Options& options) : SmoothDarts(options) {}

  void add_fields(FieldTable& table) override;
  Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
             Moves moves) const override;
};

/// SDARTS-ADV: the perturbation is the worst that a few steps of projected gradient ascent find, in
/// evaluation mode, from a random start.
class SmoothDartsAdversarial : public SmoothDarts {
 public:
  static constexpr int steps = 7;

  SmoothDartsAdversarial() = default;
  explicit SmoothDartsAdversarial(const Options& options) : SmoothDarts(options) {}

  void add_fields(FieldTable& table) override;
  bool attacks() const override { return true; }
  Mixings mix_for_w(const Theta& theta, const SearchPosition& position,
                    const MixingLossOf& loss_of) const override;
};

/// Rows of mixing weights as a perturbation leaves them → of numbers in [0, 1] whose sum is 1: cut
/// to [0, 1] and divided by their sum; a row that would be all zeros is 1 at its largest number.
at::Tensor project_rows(const at::Tensor& rows);

}  // namespace darts
