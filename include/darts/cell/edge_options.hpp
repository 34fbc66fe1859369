#pragma once

#include <cstdint>

namespace darts {

/// What DARTS- adds to every mixed operation (Chu et al. 2021, section 3.3).
enum class AuxiliarySkip {
  none,
  skip,         ///< the input itself; with stride 2 a factorized reduce of its own
  convolution,  ///< a 1×1 convolution that begins as the identity; with stride 2 as `skip`
};

/// What a mixed operation has beside the operations that its edge offers. Each of these has a
/// mixing weight of its own, in the columns after those of the operations.
struct EdgeOptions {
  AuxiliarySkip auxiliary = AuxiliarySkip::none;
  /// K of PC-DARTS (Xu et al. 2020, section 3.1): the operations see the first 1/K of the channels,
  /// and the others pass them by, with a mixing weight of their own. 1: all of them.
  std::int64_t partial = 1;
  /// Skip connections of stride 1 have dropout (SkipDropout).
  bool skip_dropout = false;
  /// In training what the edge gives is dropped for some images (EdgeDropPath).
  bool drop_path = false;

  bool has_auxiliary() const { return auxiliary != AuxiliarySkip::none; }
  bool has_bypass() const { return partial > 1; }
  std::int64_t extra_columns() const { return (has_auxiliary() ? 1 : 0) + (has_bypass() ? 1 : 0); }

  friend bool operator==(const EdgeOptions&, const EdgeOptions&) = default;
};

}  // namespace darts
