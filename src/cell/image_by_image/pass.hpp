#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/modules/container/any.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace darts {

/// An edge of an evaluation network's cell: the state that it reads, and what it does.
struct ImageEdge {
  enum class Kind {
    block,  ///< a NormBlock
    identity,
    pool,  ///< another module, without parameters or multiply-adds
  };
  Kind kind = Kind::block;
  std::size_t from = 0;
  torch::nn::AnyModule* operation = nullptr;
  std::int64_t stride = 1;
};

/// The parts of such a cell.
struct ImageCell {
  std::array<torch::nn::AnyModule*, 2> preprocess{};
  std::vector<std::vector<ImageEdge>> nodes;
  std::vector<std::size_t> concat;  ///< states, each once
};

/// The cell's output in evaluation mode, without gradients: image by image through all of the cell,
/// so that its states stay in the cache and the nodes are made where the output needs them.
/// std::nullopt where there are no kernels for it (see run_fused()).
std::optional<at::Tensor> run_image_by_image(const ImageCell& cell, const at::Tensor& s0,
                                             const at::Tensor& s1);

}  // namespace darts
