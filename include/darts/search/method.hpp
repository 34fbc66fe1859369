#pragma once

#include <darts/cell/mixing.hpp>
#include <darts/core/flat_sgd.hpp>
#include <darts/search/deriver.hpp>
#include <darts/search/search_order.hpp>
#include <darts/search/theta.hpp>
#include <darts/search/theta_optimizer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}

namespace darts {

class FieldTable;
struct SupernetOptions;

/// Where a search is.
struct SearchPosition {
  std::int64_t epoch = 0;   ///< counted from 0
  std::int64_t epochs = 1;  ///< of the whole search, or of the stage
  std::int64_t step = 0;    ///< of the epoch
  std::uint64_t seed = 0;   ///< of what a method draws, beside the position
  std::int64_t stage = 0;   ///< of several; epochs count within it

  /// The epoch of all stages, each as long: what is drawn in two stages is not the same.
  std::int64_t epoch_of_all() const { return stage * epochs + epoch; }
};

/// What a pass through the supernet is for: for which of the two the operations are mixed, or for
/// neither, where the held-out images are classified.
enum class Moves { theta, w, nothing };

/// The loss of a batch with given mixing weights, and its gradient by them.
struct MixingLoss {
  at::Tensor loss;  ///< of no dimension
  ByCellType<at::Tensor> gradient;
};
using MixingLossOf = std::function<MixingLoss(const Mixings&)>;

/// How a method's steps differ from DARTS'.
struct StepRules {
  /// What becomes of weights of operations that were not run.
  Unreached unreached = Unreached::as_zero;
  /// The norm at which the gradient of w is clipped counts that of theta, too: of this pass and
  /// what is left of theta's last step.
  bool theta_in_norm = false;
  double theta_clip_norm = 0.0;  ///< theta's gradient is scaled down to this 2-norm; 0: it is not
};

/// A stage of a search, with a supernet of its own.
struct SearchStage {
  std::int64_t number = 0;
  SearchSpace space;  ///< what its edges offer
};

/// What a stage has left, as its checkpoint would hold it: `model.NAME`,
/// `w_optimizer.NAME.momentum_buffer`, `alpha_optimizer.NAME.…`.
struct StageEnd {
  SearchStage stage;
  NamedTensors tensors;
};

/// A figure of a method that changes with the position, such as a temperature.
struct MethodFigure {
  std::string name;
  double value = 0.0;
  int digits = 3;  ///< decimals that a person is shown; 0: a whole number
};

/// A differentiable search: what theta is, how it mixes the operations of an edge, what else pulls
/// at it, when it moves, and which genotype it means. Each of the defaults is DARTS'.
///
/// All methods share one supernet, one step and one loop. A pass through the supernet ends at the
/// mixing weights; their gradient is carried back to theta through mix() by autograd, so that what
/// a method draws or computes there is outside the supernet, and outside a CUDA graph. What it
/// draws is a function of the position alone. To add a method, write it in a file of its own under
/// methods/ and add a row to search_methods() in search_methods.cpp.
class SearchMethod {
 public:
  virtual ~SearchMethod() = default;

  /// Binds the method's own keys, under a section of its name (with _ for -), to this object.
  virtual void add_fields(FieldTable& table);

  /// Why theta cannot move in that order; empty: it can.
  virtual std::string refusal(SearchOrder order) const;

  /// Whether there is anything to train; if not, the start of theta is the result.
  virtual bool trains() const;

  /// Supernets that a search goes through, one after the other, each for an equal share of the
  /// epochs.
  virtual std::int64_t stages() const;

  /// Whether the learning rate of w falls anew in every stage, or once over all of them.
  virtual bool anneals_by_stage() const;

  /// Changes what a stage's supernet is made of.
  virtual void prepare(SupernetOptions& options, std::int64_t stage) const;

  /// What the edges offer in the stage after this one, which has ended with theta.
  virtual ByCellType<CellPrimitives> next_primitives(const Theta& theta,
                                                     const SearchStage& stage) const;

  /// Changes the tensors that a new stage begins with, `now`, as its checkpoint holds them, by what
  /// the stage before has left. By default nothing is taken over: w, theta and the optimizers begin
  /// anew.
  virtual void take_over(const StageEnd& before, const SearchStage& stage, NamedTensors& now,
                         std::uint64_t seed) const;

  /// Before the steps of an epoch.
  virtual void start_epoch(torch::nn::Module& supernet, const SearchPosition& position) const;

  /// The tensors of theta: alphas_normal and alphas_reduce, and what else the method moves.
  virtual std::vector<ThetaShape> theta_shapes(const SearchSpace& space) const;

  /// Sets theta to what a search starts from, a function of the seed: alpha to scale · N(0, 1).
  virtual void initialize(const Theta& theta, std::uint64_t seed, double scale) const;

  /// What moves theta: Adam.
  virtual std::unique_ptr<ThetaOptimizer> make_optimizer(const Theta& theta,
                                                         const AlphaOptions& options) const;

  /// How likely each operation of each edge is, edges × columns: softmax(alpha).
  virtual at::Tensor shares(const Theta& theta, CellType type) const;

  /// What the cells of a type are run with: shares(). Differentiable by theta.
  virtual Mixing mix(const Theta& theta, CellType type, const SearchPosition& position,
                     Moves moves) const;

  /// What w moves with, of both types: mix(). `loss_of`: of w's batch, in evaluation mode.
  virtual Mixings mix_for_w(const Theta& theta, const SearchPosition& position,
                            const MixingLossOf& loss_of) const;

  /// Whether that takes gradients of `loss_of`, for which there are no kernels of our own.
  virtual bool attacks() const;

  /// What theta's loss has beside the cross entropy, of no dimension; undefined: nothing.
  virtual at::Tensor penalty(const Theta& theta, const SearchPosition& position) const;

  /// Whether theta moves in this step; w always does.
  virtual bool moves_theta(const SearchPosition& position) const;

  /// Whether a pass runs but one or some operations of an edge, which it draws.
  virtual bool draws_operations() const;

  /// Whether alphas are mixing weights themselves, not what a softmax or a sigmoid makes them of.
  virtual bool alphas_are_weights() const;

  /// Whether w moves before theta in a step (not used where both move together).
  virtual bool w_first() const;

  virtual StepRules step_rules() const;

  /// How strong each operation of each edge is, edges × columns: by what the deriver ranks.
  virtual at::Tensor strengths(const Theta& theta, CellType type) const;

  /// Whether derive() keeps to SearchSpace::most_skips.
  virtual bool caps_skips() const;

  /// The genotype that theta means, without a name.
  virtual Genotype derive(const Theta& theta, const SearchSpace& space) const;

  /// What the method's records say of a position.
  virtual std::vector<MethodFigure> figures(const SearchPosition& position) const;

  /// mix() for both types of cell.
  Mixings mix_all(const Theta& theta, const SearchPosition& position, Moves moves) const;
};

/// The genotype that alpha means to DARTS: an operation is as strong as its softmax over all of the
/// edge's operations. Throws Error as derive_strongest() and check_finite() do.
Genotype derive(const Alphas& alphas, const SearchSpace& space);

}  // namespace darts
