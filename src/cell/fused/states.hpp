#pragma once

#include "pass_options.hpp"

#include <darts/ops/dropout.hpp>

#include <memory>
#include <optional>

namespace darts::fused {

/// Where an operation leads.
struct Link {
  std::int64_t to = 0;      ///< the node that it enters
  std::int64_t weight = 0;  ///< place of its weight in the matrix of mixing weights, row after row
};

/// A unit in a pass. The tensors are the whole batch's: N×H×W×channels, as the processor lays them
/// out and in the type that it stores them in; undefined before they are made and once released.
struct UnitPass {
  std::size_t unit = 0;  ///< in CellPlan::units, and the number of its batch norm in the pass
  at::Tensor z;          ///< its output, before the batch norm
  at::Tensor gradient;   ///< of the normalised output, if another unit reads it
};

struct ConvolutionPass {
  Link link;
  UnitPass first;
  std::optional<UnitPass> second;  ///< reads the first one's normalised output

  const UnitPass& last() const { return second ? *second : first; }
};

/// A skip connection, which may have dropout.
struct IdentityPass {
  Link link;
  std::shared_ptr<SkipDropoutImpl> dropout;  ///< null: it has none
  at::Tensor kept;    ///< whether each value of the state is (bool); undefined: all are
  at::Tensor images;  ///< what is left of the state; undefined: all of it
};

/// A pool of a state, which the edges that leave it share (in evaluation mode, those of them with
/// the same running statistics).
struct PoolPass {
  OperationKind kind = OperationKind::max_pool;
  std::size_t norm = 0;  ///< number of its batch norm in the pass, after those of the units
  std::vector<std::shared_ptr<torch::nn::BatchNorm2dImpl>> norms;  ///< the edges' modules
  std::vector<Link> links;                                         ///< … and where they lead
  at::Tensor z;                                                    ///< as UnitPass::z
};

/// An input state or a node in a pass, with all operations that leave it in the order of edges and,
/// on an edge, of its operations. (`none` is not among them, nor need be any that is not run.)
struct StatePass {
  std::int64_t index = 0;
  std::int64_t stride = 1;  ///< of what leaves it
  at::Tensor value;         ///< N×H×W×channels
  std::vector<ConvolutionPass> convolutions;
  std::vector<PoolPass> pools;
  std::vector<IdentityPass> identities;

  /// Lets go of all that was computed from it and, first of all, of itself; …
  void release();
  /// … or of what can be made again in no time, a tenth of all: pools, and what dropout leaves.
  void release_spare();
};

/// A summand of a node: weight · x̂, or weight · images where there is no batch norm.
struct Summand {
  Link link;
  at::Tensor images;
  std::optional<std::size_t> norm;  ///< whose input `images` are
};

/// What leaves a state for nodes, in no particular order.
std::vector<Summand> summands_of(const StatePass& from);
/// Those of them that enter a node, of all states, in the order of their places.
std::vector<Summand> entering(const std::vector<StatePass>& states, std::int64_t node);

/// Of a pass with these options.
std::vector<StatePass> states_of(const CellPlan& plan, const PassOptions& options = {});
/// Batch norms of a pass, as they are numbered.
std::size_t norm_count(const CellPlan& plan);

}  // namespace darts::fused
