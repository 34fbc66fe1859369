#pragma once

#include "kernels/unit.hpp"

#include <darts/ops/norm_block.hpp>

namespace darts::norm_block {

/// The parts of a unit's pointwise convolution: one, or the two halves of a factorized reduce.
struct UnitGeometry {
  UnitGeometry(const NormUnit& unit, std::int64_t height, std::int64_t width);

  std::vector<kernels::UnitShape> parts;
  std::int64_t out_channels = 0;

  const kernels::UnitShape& shape() const { return parts.front(); }
  /// Of all parts, an image.
  std::int64_t multiply_adds() const;
};

/// A unit's weights in the kernels' order, one behind the other in a vector of values.
template <class T>
class PackedWeights {
 public:
  explicit PackedWeights(const UnitGeometry& geometry);

  std::int64_t size() const { return size_; }
  std::int64_t depthwise() const { return 0; }  ///< where they begin
  std::int64_t pointwise(std::size_t part) const { return pointwise_[part]; }

  /// Packed for the forward pass, each output channel times its `scale`, if given; …
  std::vector<T> pack(const NormUnit& unit, const std::vector<double>& scale = {}) const;
  /// … and for the backward pass, the pointwise ones transposed.
  std::vector<T> pack_transposed(const NormUnit& unit) const;
  std::int64_t pointwise_transposed(std::size_t part) const { return transposed_[part]; }

  /// Gradients packed as pack() does → tensors as the unit's: depthwise, if any, and pointwise.
  std::vector<at::Tensor> unpack(const T* packed, const NormUnit& unit) const;

 private:
  void pack_depthwise(const NormUnit& unit, std::vector<T>& to) const;

  const UnitGeometry& geometry_;
  std::vector<std::int64_t> pointwise_;
  std::vector<std::int64_t> transposed_;
  std::int64_t channels_ = 0;  ///< of the input, whole vectors
  std::int64_t size_ = 0;
  std::int64_t transposed_size_ = 0;
};

}  // namespace darts::norm_block
