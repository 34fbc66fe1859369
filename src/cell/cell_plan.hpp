#pragma once

#include <darts/cell/search_cell.hpp>
#include <darts/ops/dropout.hpp>

#include <ATen/core/Tensor.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/any.h>

#include <cstdint>
#include <vector>

namespace darts::plan {

enum class UnitKind { separable, factorized };

/// ReLU → convolution → batch norm: what the convolutional operations are made of.
struct Unit {
  UnitKind kind = UnitKind::separable;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  /// Where its two weights begin in CellPlan::weights: depthwise and pointwise, or conv_1, conv_2.
  std::size_t weight = 0;
  torch::nn::BatchNorm2d norm{nullptr};
};

enum class OperationKind {
  none,
  identity,
  dropout,  ///< the identity with dropout: a SkipDropout
  max_pool,
  average_pool,
  convolution,
  other,  ///< nothing is known of it: it runs as its module
};

/// A candidate operation on an edge.
struct Operation {
  OperationKind kind = OperationKind::none;
  std::int64_t column = 0;         ///< of the mixing weights
  std::vector<std::size_t> units;  ///< of a convolution: one, or two in a row; in CellPlan::units
  torch::nn::BatchNorm2d norm{nullptr};  ///< of a pool
  torch::nn::AnyModule module = {};      ///< of a dropout, and of another

  std::size_t last_unit() const { return units.back(); }
};

struct Edge {
  std::int64_t row = 0;   ///< of the mixing weights
  std::int64_t from = 0;  ///< state that it leaves
  std::int64_t to = 0;    ///< state that it enters
  std::int64_t stride = 1;
  std::vector<Operation> operations;                 ///< that it offers; edges may differ in them
  std::shared_ptr<EdgeDropPathImpl> drop_path = {};  ///< of what they give; null: none
};

/// What a search cell computes, state by state, and the tensors that it computes with: those of the
/// cell's modules, not copies.
struct CellPlan {
  std::int64_t nodes = 0;
  std::int64_t channels = 0;  ///< that operations see
  std::int64_t partial = 1;   ///< of so many times the channels of a state; the others pass by
  /// Of the mixing weights: as many as the longest edge has operations, and what EdgeOptions add.
  std::int64_t columns = 0;
  bool reduction = false;
  bool has_kernels = true;   ///< no operation is one of which nothing is known
  std::int64_t padding = 1;  ///< that the inputs of all units need
  std::vector<Edge> edges;
  std::vector<Unit> units;
  std::vector<at::Tensor> weights;

  std::int64_t states() const;
  std::int64_t multiply_adds(const Unit& unit) const;  ///< a pixel of its output
  bool has_bypass() const { return partial > 1; }
  /// Of the mixing weight of what passes an edge by.
  std::int64_t bypass_column() const { return columns - 1; }
  std::vector<const Edge*> leaving(std::int64_t state) const;
  std::vector<const Edge*> entering(std::int64_t state) const;
};

/// What a pass through a cell works on.
struct CellInputs {
  at::Tensor s0;      ///< the two input states, preprocessed: (N, partial · C, H, W)
  at::Tensor s1;      ///< …
  at::Tensor mixing;  ///< mixing weights, edges × columns
};

/// The plan of a cell whose edges are the mixed operations `edges`, from what their modules say
/// that they are made of.
CellPlan plan_cell(const SearchCellOptions& options, const torch::nn::Sequential& edges);

}  // namespace darts::plan
