#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// DARTS with a temperature: softmax(alpha / τ), where τ falls along a line from epoch to epoch, so
/// that in the end hardly more than one operation of an edge counts.
class Annealed : public SearchMethod {
 public:
  void add_fields(FieldTable& table) override;
  Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
             Moves moves) const override;
  std::vector<MethodFigure> figures(const SearchPosition& position) const override;

  double tau(const SearchPosition& position) const;

 private:
  double tau_end_ = 0.1;  ///< in the last epoch; 1 in the first
};

}  // namespace darts
