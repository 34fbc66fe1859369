#pragma once

namespace darts {

class FieldTable;

/// How the networks are run; what they compute is the same but for rounding.
enum class Execution {
  /// By our own kernels, several operations at once (docs/performance.md): on the CPU in float32
  /// and float64, where there are such kernels. On other devices the supernet is run merged;
  /// elsewhere the plain way is taken.
  fused,
  /// The supernet's cells by LibTorch's operations, those of many edges as one. The rest is plain.
  merged,
  /// One module after the other: what the fused way is checked against.
  plain,
};

/// Adds the key `runtime.execution` with its help.
void add_execution_field(FieldTable& table, Execution& execution);

}  // namespace darts
