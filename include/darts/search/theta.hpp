#pragma once

#include <darts/cell/cell_type.hpp>
#include <darts/ops/primitive.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace darts {

/// Which operations a search chooses from, and what of them a genotype keeps.
struct SearchSpace {
  std::vector<Primitive> primitives = default_primitives();  ///< on every edge: columns of alpha
  std::int64_t nodes = 4;                                    ///< intermediate nodes of a cell
  std::int64_t edges_per_node = 2;  ///< that a node keeps (paper, section 2.4)
};

/// The architecture parameters alpha (paper, section 2.2): for each type of cell one row an edge
/// and one column a primitive, before softmax; shared by all cells of the type. 14×8 in the paper's
/// space.
using Alphas = ByCellType<at::Tensor>;

/// Name and sizes of a tensor of theta.
struct ThetaShape {
  std::string name;
  std::vector<std::int64_t> sizes;
};

/// "alphas" → "alphas_normal" and "alphas_reduce", as the original names them.
std::string theta_name(std::string_view what, CellType type);

/// alpha of both types of cell: all that DARTS moves.
std::vector<ThetaShape> alpha_shapes(const SearchSpace& space);

/// Everything that the upper level of the bilevel optimisation moves: alpha, and what else a search
/// method has, such as weights of edges. Handles of the supernet's parameters, by name and in a
/// fixed order.
class Theta {
 public:
  Theta() = default;
  /// DARTS': alpha alone.
  explicit Theta(const Alphas& alphas);

  void add(std::string name, at::Tensor tensor);

  /// Throws if there is no tensor of that name.
  at::Tensor at(std::string_view name) const;
  at::Tensor of(std::string_view what, CellType type) const { return at(theta_name(what, type)); }
  Alphas alphas() const {
    return {of("alphas", CellType::normal), of("alphas", CellType::reduction)};
  }

  const std::vector<std::string>& names() const& { return names_; }
  const std::vector<at::Tensor>& tensors() const& { return tensors_; }
  std::vector<std::string> names() && { return std::move(names_); }
  std::vector<at::Tensor> tensors() && { return std::move(tensors_); }

  /// Makes `gradients`, in the order of tensors(), their grad().
  void set_gradients(const std::vector<at::Tensor>& gradients) const;

 private:
  std::vector<std::string> names_;
  std::vector<at::Tensor> tensors_;
};

/// Mean over the edges of the entropy of softmax(alpha), in nats: ln(primitives) when undecided, 0
/// when every edge has chosen. `alpha`: edges × primitives.
double mean_entropy(const at::Tensor& alpha);

}  // namespace darts
