#include <darts/core/error.hpp>
#include <darts/search/derive_stored.hpp>
#include <darts/search/selection.hpp>

#include <c10/util/StringUtil.h>

#include <vector>

namespace darts {
namespace {

void check_shapes(const Theta& theta, const std::vector<ThetaShape>& shapes) {
  for (const ThetaShape& shape : shapes) {
    if (!theta.contains(shape.name)) {
      throw Error("its theta has no " + shape.name + ", which the method derives from");
    }
    const at::Tensor tensor = theta.at(shape.name);
    if (!at::isFloatingType(tensor.scalar_type()) ||
        tensor.sizes() != at::IntArrayRef(shape.sizes)) {
      throw Error(c10::str("its ", shape.name, " must be floating-point numbers of shape ",
                           at::IntArrayRef(shape.sizes), ", got ", tensor.scalar_type(), " ",
                           tensor.sizes()));
    }
  }
}

}  // namespace

Genotype derive_stored(const SearchMethod& method, const Theta& theta, const SearchSpace& space) {
  check_space(space);
  check_shapes(theta, method.theta_shapes(space));
  if (has_selection(theta)) {
    check_shapes(theta, selection_shapes(space));
  }
  const auto selected = selected_genotype(theta, space);
  Genotype genotype = selected ? *selected : method.derive(theta, space);
  check_cell(genotype.normal, "the derived genotype: normal");
  check_cell(genotype.reduce, "the derived genotype: reduce");
  return genotype;
}

}  // namespace darts
