#pragma once

#include <darts/cell/mixing.hpp>
#include <darts/search/deriver.hpp>
#include <darts/search/theta.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

/// Where a search is.
struct SearchPosition {
  std::int64_t epoch = 0;   ///< counted from 0
  std::int64_t epochs = 1;  ///< of the whole search
  std::int64_t step = 0;    ///< of the epoch
};

/// What a pass through the supernet is for: for which of the two the operations are mixed.
enum class Moves { theta, w };

/// A differentiable search: what theta is, how it mixes the operations of an edge, what else pulls
/// at it, when it moves, and which genotype it means. Each of the defaults is DARTS'.
///
/// All methods share one supernet, one step and one loop. A pass through the supernet ends at the
/// mixing weights; their gradient is carried back to theta through mix() by autograd, so that what
/// a method draws or computes there is outside the supernet, and outside a CUDA graph. To add a
/// method, write it in a file of its own and add a row to search_methods() in method.cpp.
class SearchMethod {
 public:
  virtual ~SearchMethod() = default;

  /// The tensors of theta: alphas_normal and alphas_reduce, and what else the method moves.
  virtual std::vector<ThetaShape> theta_shapes(const SearchSpace& space) const;

  /// Sets theta to what a search starts from, a function of the seed: alpha to 1e-3 · N(0, 1).
  virtual void initialize(const Theta& theta, std::uint64_t seed) const;

  /// What the cells of a type are run with; differentiable by theta.
  virtual Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
                     Moves moves) const;

  /// What theta's loss has beside the cross entropy, of no dimension; undefined: nothing.
  virtual at::Tensor penalty(const Theta& theta, const SearchPosition& position) const;

  /// Whether theta moves in this step; w always does.
  virtual bool moves_theta(const SearchPosition& position) const;

  /// Whether w moves before theta in a step (not used where both move together).
  virtual bool w_first() const;

  /// How strong each operation of each edge is, edges × columns, on the CPU: by what the deriver
  /// ranks.
  virtual at::Tensor strengths(const Theta& theta, CellType type) const;

  /// The genotype that theta means, without a name.
  virtual Genotype derive(const Theta& theta, const SearchSpace& space) const;

  /// mix() for both types of cell.
  Mixings mix_all(const Theta& theta, const SearchPosition& position, Moves moves) const;
};

/// The genotype that alpha means to DARTS: an operation is as strong as its softmax over all of the
/// edge's operations. Throws Error as derive_strongest() and check_finite() do.
Genotype derive(const Alphas& alphas, const SearchSpace& space);

/// One row of the table of search methods.
struct SearchMethodRow {
  std::string_view name;
  std::string_view help;
  std::shared_ptr<const SearchMethod> (*make)();
};

std::span<const SearchMethodRow> search_methods();

/// The method of that name; throws Error, naming those there are.
std::shared_ptr<const SearchMethod> make_method(std::string_view name = "darts");

}  // namespace darts
