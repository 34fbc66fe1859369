#pragma once

#include <darts/cell/edge_options.hpp>
#include <darts/search/method.hpp>

namespace darts {

/// DARTS- (Chu et al. 2021): an auxiliary skip connection beside the operations of every edge, of
/// weight β that falls to 0, takes over what skip connections do for training, so that alpha of
/// skip_connect tells what they are worth.
class DartsMinus : public SearchMethod {
 public:
  /// How β falls, as the authors' scheduler computes it.
  enum class Decay { none, linear, cosine, slow_cosine };

  struct Options {
    double beta = 1.0;  ///< that it starts from
    Decay decay = Decay::linear;
    std::int64_t decay_from = 0;    ///< epoch
    std::int64_t decay_until = -1;  ///< last epoch in which it falls; −1: the search's
    AuxiliarySkip auxiliary = AuxiliarySkip::skip;
  };

  DartsMinus() = default;
  explicit DartsMinus(const Options& options) : options_(options) {}

  void add_fields(FieldTable& table) override;
  void prepare(SupernetOptions& options, std::int64_t stage) const override;
  Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
             Moves moves) const override;
  std::vector<MethodFigure> figures(const SearchPosition& position) const override;

  double beta(const SearchPosition& position) const;

 private:
  Options options_;
};

}  // namespace darts
