#pragma once

#include "kernels/packing.hpp"

#include <darts/ops/norm_block.hpp>

#include <vector>

namespace darts::batch {

/// A unit's weights in the kernels' order, one behind the other in a vector of values: depthwise,
/// if any, and pointwise.
template <class T>
class PackedWeights {
 public:
  /// A matrix for each pointwise convolution: inputs × outputs (kernels/unit.hpp). Or, with
  /// `channels`, one of (convolutions · channels) × channels for all of them, in and out
  /// (kernels/separable.hpp, factorized.hpp): each reads inputs of its own, and its outputs come
  /// after those of the one before.
  explicit PackedWeights(const NormUnit& unit, std::int64_t channels = 0);

  std::int64_t size() const { return size_; }
  /// Where the pointwise weights begin, of `part` where each has a matrix of its own.
  std::int64_t pointwise(std::size_t part = 0) const { return parts_[part].at; }
  std::int64_t pointwise_transposed(std::size_t part = 0) const { return parts_[part].transposed; }

  /// Packed for the forward pass, each output channel times its `scale`, if given; …
  std::vector<T> pack(const std::vector<double>& scale = {}) const;
  /// … and for the backward pass, the pointwise ones transposed.
  std::vector<T> pack_transposed() const;

  /// Gradients packed as pack() does → tensors for the unit's weights: depthwise, if any, and
  /// pointwise.
  std::vector<at::Tensor> gradients(const T* packed) const;

 private:
  struct Part {
    kernels::PackedBlock block;
    std::int64_t at = 0;          ///< where its matrix begins
    std::int64_t transposed = 0;  ///< … of pack_transposed()
  };

  void pack_depthwise(std::vector<T>& to) const;

  NormUnit unit_;
  std::int64_t taps_ = 0;
  std::int64_t channels_ = 0;  ///< of the depthwise weights, whole vectors
  std::vector<Part> parts_;    ///< as NormUnit::pointwise
  std::int64_t size_ = 0;
  std::int64_t transposed_size_ = 0;
};

}  // namespace darts::batch
