#pragma once

#include <darts/search/search_space.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace darts {

/// The architecture parameters alpha (paper, section 2.2): for each type of cell one row an edge
/// and one column a primitive, before softmax; shared by all cells of the type. 14×8 in the paper's
/// space. Where an edge offers fewer operations than another one, its row ends in zeros, which mean
/// nothing.
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
  explicit Theta(const Alphas& alphas, const ByCellType<at::Tensor>& missing = {});

  void add(std::string name, at::Tensor tensor);

  /// A tensor that belongs to theta and that nothing moves by a gradient: not one of tensors().
  void add_fixed(std::string name, at::Tensor tensor);

  /// Throws if there is no tensor of that name.
  at::Tensor at(std::string_view name) const;
  bool contains(std::string_view name) const;
  at::Tensor of(std::string_view what, CellType type) const { return at(theta_name(what, type)); }
  Alphas alphas() const {
    return {of("alphas", CellType::normal), of("alphas", CellType::reduction)};
  }

  /// The columns that an edge's row has beyond what the edge offers, as of missing_columns().
  const at::Tensor& missing(CellType type) const { return missing_.of(type); }
  void set_missing(ByCellType<at::Tensor> missing) { missing_ = std::move(missing); }

  /// softmax(alpha) over what each edge offers, edges × columns.
  at::Tensor softmax(CellType type) const {
    return offered_softmax(of("alphas", type), missing(type));
  }

  const std::vector<std::string>& fixed_names() const& { return fixed_names_; }
  std::vector<std::string> fixed_names() && { return std::move(fixed_names_); }
  const std::vector<std::string>& names() const& { return names_; }
  const std::vector<at::Tensor>& tensors() const& { return tensors_; }
  std::vector<std::string> names() && { return std::move(names_); }
  std::vector<at::Tensor> tensors() && { return std::move(tensors_); }

  /// Those of both, the moved ones first.
  std::vector<std::string> all_names() const;

  /// The same without autograd's memory, on the CPU.
  Theta detached_to_cpu() const;

  /// Makes `gradients`, in the order of tensors(), their grad().
  void set_gradients(const std::vector<at::Tensor>& gradients) const;

 private:
  std::vector<std::string> names_;
  std::vector<at::Tensor> tensors_;
  std::vector<std::string> fixed_names_;
  std::vector<at::Tensor> fixed_;
  ByCellType<at::Tensor> missing_;
};

/// missing_columns() of alphas in that space.
ByCellType<at::Tensor> missing_columns(const SearchSpace& space, const Alphas& alphas);

/// Mean over the edges of the entropy of how likely their operations are (SearchMethod::shares()),
/// nats: ln(operations) where undecided, 0 where every edge has chosen.
double mean_entropy(const at::Tensor& shares);

}  // namespace darts
