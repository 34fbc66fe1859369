#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace darts::fused::cpu {

/// What drop path multiplies an edge's outputs with, 0 or 1 / (1 − p) for an image: a value a lane
/// of the pass's images.
template <class T>
class EdgeFactors {
 public:
  /// Drops nothing.
  EdgeFactors() = default;
  /// factors: edges × images, float64; undefined: nothing is dropped. So many images lie side by
  /// side in one of `channels` values a pixel.
  EdgeFactors(const at::Tensor& factors, std::int64_t side_by_side, std::int64_t channels);

  /// Of image n of the pass, `channels` values; null: all of it passes.
  const T* of(std::int64_t edge, std::int64_t n) const {
    return values_.empty() ? nullptr : values_.data() + (edge * images_ + n) * channels_;
  }

 private:
  std::vector<T> values_;  ///< edges × images × channels
  std::int64_t images_ = 0;
  std::int64_t channels_ = 0;
};

/// Those of one edge.
template <class T>
struct DroppedEdge {
  const EdgeFactors<T>* factors = nullptr;  ///< null: drops nothing
  std::int64_t edge = 0;

  bool drops() const { return of(0) != nullptr; }
  const T* of(std::int64_t n) const { return factors == nullptr ? nullptr : factors->of(edge, n); }
};

}  // namespace darts::fused::cpu
