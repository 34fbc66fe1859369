#pragma once

#include <cstdint>

namespace darts {

/// What every operation on an edge of a cell is made from. Operations keep the number of channels;
/// with stride 2 they halve height and width (rounding up).
struct OperationOptions {
  std::int64_t channels = 16;  ///< channels in and out
  std::int64_t stride = 1;     ///< 1, or 2 on the edges from the inputs of a reduction cell
  /// Batch norms learn a scale and shift. Off during the search, where the scale would compete with
  /// alpha (paper, A.1.1); on in evaluation networks.
  bool affine = false;
};

}  // namespace darts
