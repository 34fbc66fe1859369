#pragma once

#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

namespace darts {

/// How large a module is, as a function of its channels: a + b · channels + c · channels², which is
/// what convolutions, batch norms and linear layers come to. Sizes of different modules add up.
struct ModuleSize {
  std::array<double, 3> elements{};  ///< a, b, c of the parameters' elements
  std::int64_t tensors = 0;          ///< parameters and buffers
  std::int64_t batch_norms = 0;

  double parameters(std::int64_t channels) const;
  ModuleSize& operator+=(const ModuleSize& other);
  ModuleSize operator*(std::int64_t times) const;
};

/// The size of what `make` makes for a number of channels, found from three small ones: nothing of
/// the size in question is allocated, and an operation needs no formula of its own. `step`: a
/// number that the channels have to be a multiple of.
ModuleSize size_by_channels(
    const std::function<std::shared_ptr<torch::nn::Module>(std::int64_t channels)>& make,
    std::int64_t step = 1);

}  // namespace darts
