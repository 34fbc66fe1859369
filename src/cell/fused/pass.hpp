#pragma once

#include "kernels/blend.hpp"
#include "kernels/pooling.hpp"
#include "kernels/separable.hpp"
#include "run.hpp"
#include "statistics.hpp"

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace darts::fused {

/// A unit in a pass: weights in the kernels' order, its convolution's output, statistics.
struct UnitPass {
  kernels::SeparableShape shape;
  at::Tensor depthwise;    ///< kernel² × channels; undefined for a factorized reduce
  at::Tensor pointwise;    ///< packed: inputs × channels
  at::Tensor pointwise_t;  ///< packed: channels × inputs
  at::Tensor output;       ///< N×H'×W'×channels, before the batch norm; of S
  Statistics statistics;
  // In the backward pass:
  at::Tensor gradient;      ///< of the normalised output; undefined: alpha times the node's
  at::Tensor coefficients;  ///< a, b, c of kernels::NormalizedGradient: 3 × channels
};

/// A pool of a state, which all edges that leave it share.
struct PoolPass {
  bool exists = false;  ///< whether an edge has it
  at::Tensor output;    ///< of S
  Statistics statistics;
  at::Tensor coefficients;  ///< in the backward pass: as a unit's, for a gradient of alpha 1
};

inline constexpr std::array pool_kinds{OperationKind::max_pool, OperationKind::average_pool};

/// An input state or a node in a pass.
struct StatePass {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t stride = 1;        ///< of the operations that leave it
  at::Tensor value;               ///< N×H×W×channels
  std::array<PoolPass, 2> pools;  ///< as pool_kinds
  at::Tensor gradient;

  const PoolPass& pool(OperationKind kind) const {
    return pools[kind == OperationKind::max_pool ? 0 : 1];
  }
};

/// A weighted sum of images with a common bias.
struct Blend {
  struct Summand {
    at::Tensor images;
    at::Tensor scale;  ///< a value a channel; undefined: 1
  };
  std::int64_t pixels = 0;  ///< of an image
  std::vector<Summand> summands;
  at::Tensor bias;  ///< a value a channel; undefined: 0
};

/// A thread's working memory.
template <class T>
struct Workspace {
  T* input;    ///< a padded image, ReLU applied
  T* room;     ///< a padded image of gradients
  T* image;    ///< gradient of a state's ReLU
  T* pooled;   ///< gradient of a pool's output
  T* scratch;  ///< of the kernels
};

/// Images are worked on in groups; each keeps sums of its own, which are then added up in order, so
/// that results do not depend on the number of threads.
struct Group {
  std::int64_t index = 0;
  std::int64_t first = 0;  ///< image
  std::int64_t last = 0;   ///< image, beyond
};

/// What is worked on after item `item` of `items` of image `image`.
struct Next {
  Next(std::size_t item_now, std::size_t items, std::int64_t image_now)
      : item(item_now + 1 < items ? item_now + 1 : 0),
        image(item == 0 ? image_now + 1 : image_now) {}

  std::size_t item;
  std::int64_t image;
};

/// What a pass through a cell knows, and the memory that its parts share. T: type of the
/// arithmetic, of states and of gradients; S: the one in which units' and pools' outputs wait for
/// the batch norm and the backward pass, T or kernels::BFloat16.
template <class T, class S>
class CellPass {
 public:
  CellPass(std::shared_ptr<const CellPlan> cell_plan, CellInputs cell_inputs, PassOptions how);

  /// Calls `work` for all groups of images, each with the working memory of its thread.
  void for_groups(const std::function<void(const Group&, const Workspace<T>&)>& work) const;
  /// A padded image in `data`, all zeros.
  kernels::PaddedImage<T> cleared(T* data, std::int64_t height, std::int64_t width) const;
  /// Uninitialised N×height×width×channels, …
  at::Tensor new_images(std::int64_t height, std::int64_t width) const;
  /// … and of a node's size and of S.
  at::Tensor new_output() const;
  /// Image n of such a tensor.
  T* image_of(const at::Tensor& of, std::int64_t n) const;
  S* output_of(const at::Tensor& of, std::int64_t n) const;
  /// Image n of a tensor of either type, in the member of a kernel's operand for it; undefined: in
  /// neither.
  kernels::Factor<T, S> factor_of(const at::Tensor& of, std::int64_t n) const;
  /// The plan's channels of an N×…×H×W tensor from `first_channel` on as N×H×W×channels.
  at::Tensor to_dense(const at::Tensor& nchw, std::int64_t first_channel) const;
  /// The channels of several dense tensors one after the other: N×(tensors · C)×H×W.
  at::Tensor from_dense(std::span<const at::Tensor> parts) const;

  double mixing_weight(const Edge& edge, const Operation& operation) const;
  kernels::PoolShape pool_shape(const StatePass& from, std::size_t pool) const;
  /// Memory for the outputs of a state's pools; false: they are there already.
  bool make_pools(StatePass& from) const;
  /// Their image n.
  void run_pools(const StatePass& from, std::int64_t n) const;
  /// Image n of a tensor as what a kernel reads next; nothing beyond the last.
  kernels::Ahead ahead(const at::Tensor& of, std::int64_t n) const;
  /// The input of a separable convolution's second half: relu(batch norm(first half)).
  void fill_normalised(const UnitPass& first, std::int64_t n,
                       const kernels::PaddedImage<T>& to) const;

  /// A value a channel: all the same; given ones; …
  at::Tensor constant(double value) const;
  at::Tensor of_doubles(const std::vector<double>& values) const;
  /// … factor · rstd.
  at::Tensor scaled(const Statistics& statistics, double factor) const;
  /// out = the blend of the images n, plus `masked` where `mask` is above 0.
  void blend(const Blend& blend, std::int64_t n, const T* masked, const T* mask, T* out) const;
  /// Lets go of all that was computed from a state.
  void release(std::int64_t from);
  /// Lets go of what the backward pass does not need, the last node, or makes again in no time, the
  /// pools: a tenth of all.
  void release_spare();

  /// Of a state's tensor, of a node's, and of a unit's output; …
  std::int64_t bytes(const StatePass& of) const;
  std::int64_t node_bytes() const { return bytes(node()); }
  std::int64_t output_bytes() const { return node_bytes() / sizeof(T) * sizeof(S); }
  /// … of a unit in the forward pass.
  std::int64_t multiply_adds(std::size_t unit) const;

  StatePass& state(std::int64_t index) { return states[static_cast<std::size_t>(index)]; }
  const StatePass& node() const { return states.back(); }  ///< all nodes have one size
  std::int64_t node_pixels() const { return node().height * node().width; }

  std::shared_ptr<const CellPlan> plan;
  CellInputs inputs;
  PassOptions options;
  std::int64_t images = 0;
  std::int64_t channels = 0;  ///< rounded up to whole vectors
  std::int64_t groups = 0;
  at::TensorOptions type;
  std::vector<UnitPass> units;  ///< as CellPlan::units
  std::vector<StatePass> states;

 private:
  void set_sizes();
  Workspace<T> workspace_at(T* base) const;
  kernels::PaddedImage<T> largest_padded() const;
  std::int64_t workspace_size() const;

  std::vector<double> mixing_;
};

}  // namespace darts::fused
