#include "new_method/annealed.hpp"

#include <darts/core/field_table.hpp>

#include <algorithm>

namespace darts {

void Annealed::add_fields(FieldTable& table) {
  table.section("annealed", "The method annealed.");
  table.add("annealed.tau_end", tau_end_, "temperature in the last epoch; it is 1 in the first",
            greater_than(0.0));
}

double Annealed::tau(const SearchPosition& position) const {
  const std::int64_t last = std::max<std::int64_t>(position.epochs - 1, 1);
  return 1.0 + (tau_end_ - 1.0) * static_cast<double>(position.epoch) / static_cast<double>(last);
}

Mixing Annealed::mix(const Theta& theta, CellType type, const SearchPosition& position,
                     Moves /*moves*/) const {
  return offered_softmax(theta.of("alphas", type) / tau(position), theta.missing(type));
}

std::vector<MethodFigure> Annealed::figures(const SearchPosition& position) const {
  return {{"tau", tau(position)}};
}

}  // namespace darts
