#pragma once

#include "batch/weights.hpp"
#include "geometry.hpp"

namespace darts::norm_block {

/// A unit whose batch norm, with its running statistics, is part of its weights.
template <class T>
struct FoldedUnit {
  FoldedUnit(const NormUnit& unit, const UnitGeometry& of);

  /// The task's image through the unit; its shape and weights are filled in.
  void run(kernels::UnitForward<T> task) const;

  const UnitGeometry& geometry;
  batch::PackedWeights<T> packing;
  std::vector<T> weights;
  std::vector<T> bias;
};

/// A block in evaluation mode for images of one size, ready to be run on any number of them.
template <class T>
class FoldedBlock {
 public:
  FoldedBlock(const std::vector<NormUnit>& units, std::int64_t height, std::int64_t width);
  FoldedBlock(const FoldedBlock&) = delete;  // its parts refer to each other
  FoldedBlock& operator=(const FoldedBlock&) = delete;
  FoldedBlock(FoldedBlock&&) noexcept = default;
  FoldedBlock& operator=(FoldedBlock&&) = delete;
  ~FoldedBlock() = default;

  /// Elements of memory that run() needs: zeros, or what any block left there.
  std::int64_t memory() const { return workspace_ + 2 * between_; }
  const UnitGeometry& output() const { return geometries_.back(); }
  /// Of an image.
  std::int64_t multiply_adds() const;

  /// y = addend + block(x), an image. No data in `addend`: 0; it may be y.
  void run(const kernels::Pixels<const T>& x, const kernels::Pixels<const T>& addend,
           const kernels::Pixels<T>& y, T* memory) const;

 private:
  std::vector<UnitGeometry> geometries_;
  std::vector<FoldedUnit<T>> units_;
  std::int64_t workspace_ = 0;
  std::int64_t between_ = 0;  ///< elements of the largest image between two units
};

}  // namespace darts::norm_block
