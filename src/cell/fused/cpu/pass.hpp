#pragma once

#include "batch/batch_norm.hpp"
#include "batch/weights.hpp"
#include "edge_factors.hpp"
#include "fused/states.hpp"
#include "kernels/separable.hpp"

#include <darts/parallel/batch_share.hpp>

// T: type of the arithmetic, of states and of gradients; S: the one in which units' and pools'
// outputs wait for the batch norm and the backward pass, T or kernels::BFloat16.

namespace darts::fused::cpu {

template <class T>
struct UnitWeights {
  batch::PackedWeights<T> packing;
  std::vector<T> forward;
  std::vector<T> backward;  ///< the pointwise ones transposed; empty: there is no way back
};

template <class T>
struct NormPass {
  batch::BatchStatistics statistics;      ///< of no channels until they are known
  batch::PaddedAffine<T> affine;          ///< x̂ = scale · z + shift
  batch::PaddedNormGradient<T> gradient;  ///< of z, in the backward pass
};

/// What the calls of a pass share.
template <class T, class S = T>
struct CpuPass {
  CpuPass(std::shared_ptr<const CellPlan> cell_plan, const CellInputs& inputs,
          const PassOptions& options);

  double mixing_weight(const Link& link) const {
    return mixing[static_cast<std::size_t>(link.weight)];
  }
  /// What drop path makes of the outputs of a link's edge.
  DroppedEdge<T> dropped_edge(const Link& link) const {
    return {&dropped, link.weight / plan->columns};
  }
  std::int64_t node_pixels() const { return node_height * node_width; }
  kernels::SeparableShape shape(const Unit& unit) const {
    return {node_height, node_width, channels, channels, unit.kernel, unit.stride, unit.dilation};
  }
  std::int64_t multiply_adds(const UnitPass& unit) const {
    return images * node_pixels() * plan->multiply_adds(plan->units[unit.unit]);
  }

  /// Adds up all ranks' sums where the batch norms normalise over a batch that is shared out.
  /// `sums`: of any number of batch norms, two values a channel each; the channels' lanes are tied
  /// together on the way.
  void add_up(std::vector<double>& sums) const;
  /// Whether they are known already.
  bool has_statistics(std::size_t norm) const { return norms[norm].statistics.channels() > 0; }
  /// The statistics of a batch norm from Σ z and Σ z² (2 × channels), or the running ones; `norms`:
  /// all modules that see this z, which in training move their own. Does nothing if they are known.
  void take_statistics(std::size_t norm, const double* sums,
                       const std::vector<std::shared_ptr<torch::nn::BatchNorm2dImpl>>& modules);
  /// Gradients of a unit's weights from those of its weights side by side.
  std::vector<at::Tensor> weight_gradients(std::size_t unit, const T* packed) const;

  /// How the gradient of z follows from weight · x̂'s, of which Σ g and Σ g·z are given.
  void take_gradient(std::size_t norm, const batch::Moments& of_g, double weight);

  std::shared_ptr<const CellPlan> plan;
  bool training = true;
  const SharedBatch* shared = nullptr;  ///< that the batch norms normalise over; null: these images
  /// Images that lie side by side in one, where a channel's values fill too little of a vector:
  /// those of channel c are the lanes from c · side_by_side on.
  std::int64_t side_by_side = 1;
  std::int64_t images = 0;    ///< of so many images each
  std::int64_t rows = 0;      ///< that the batch norms normalise over
  std::int64_t lanes = 0;     ///< the plan's channels, side by side
  std::int64_t channels = 0;  ///< of all tensors: the lanes, rounded up to whole vectors
  std::int64_t node_height = 0;
  std::int64_t node_width = 0;
  std::vector<double> mixing;  ///< by Link::weight
  EdgeFactors<T> dropped;
  std::vector<UnitWeights<T>> units;  ///< as CellPlan::units
  std::vector<NormPass<T>> norms;     ///< by their numbers in the pass
};

}  // namespace darts::fused::cpu
