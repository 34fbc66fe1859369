#pragma once

#include <cstdint>

// Weights in the kernels' order. Those of a pointwise product are a matrix of inputs × outputs,
// packed in panels of a few columns, row after row, which a register tile reads as it goes; how
// wide they are depends on the instruction set. Plain pointers, as in the kernels.

namespace darts::kernels {

/// Channels of a pixel in the kernels' own images are a multiple of this: elements of a vector on
/// this machine.
template <class T>
std::int64_t channel_multiple();

/// Depthwise weights (channels × taps) → taps × `padded` channels, and back. What pads is left
/// alone.
template <class T>
void pack_depthwise(const T* weight, std::int64_t channels, std::int64_t taps, std::int64_t padded,
                    T* packed);
template <class T>
void unpack_depthwise(const T* packed, std::int64_t channels, std::int64_t taps,
                      std::int64_t padded, T* weight);

/// Elements of a packed matrix.
template <class T>
std::int64_t packed_size(std::int64_t rows, std::int64_t columns);

/// Where pointwise weights (outputs × inputs) belong in a packed matrix of rows × columns. The rest
/// of it is left alone.
struct PackedBlock {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t first_row = 0;
  std::int64_t first_column = 0;
};

/// Inputs become rows, outputs columns: as forward passes take them, …
template <class T>
void pack_pointwise(const T* weight, std::int64_t outputs, std::int64_t inputs,
                    const PackedBlock& block, T* packed);
template <class T>
void unpack_pointwise(const T* packed, const PackedBlock& block, std::int64_t outputs,
                      std::int64_t inputs, T* weight);
/// … or the other way round, as backward passes do.
template <class T>
void pack_transposed(const T* weight, std::int64_t outputs, std::int64_t inputs,
                     const PackedBlock& block, T* packed);

}  // namespace darts::kernels
