#pragma once

#include <darts/cell/cell_type.hpp>
#include <darts/cell/stem.hpp>
#include <darts/ops/module_size.hpp>

#include <cstdint>

namespace darts {

/// What the cells of a type have on their edges, for network_memory(). Tensors are counted in the
/// size of a node: channels × height × width.
struct CellContents {
  ModuleSize operations;     ///< of all edges together, by the channels of a node
  double normalized = 0.0;   ///< tensors that go into the operations' batch norms
  double states = 0.0;       ///< nodes that an operation reads
  std::int64_t outputs = 0;  ///< nodes that the cell's output consists of
};

/// The sizes of a network of cells.
struct NetworkSizes {
  StemOptions stem;
  std::int64_t cells = 0;
  std::int64_t channels = 0;  ///< of the first cells; doubled by a reduction
  std::int64_t height = 0;    ///< of the images
  std::int64_t width = 0;
  std::int64_t classes = 0;
  bool affine = false;  ///< the batch norms of what comes before the edges learn scale and shift
  ByCellType<CellContents> contents;
};

/// What a network has in memory, in elements, by its sizes alone: nothing of them is allocated.
struct NetworkMemory {
  double parameters = 0.0;  ///< exactly, but for an auxiliary head's and theta's
  double tensors = 0.0;     ///< parameters and buffers, each of which is an object
  /// What a pass keeps of an image for the backward pass: the states, and what goes into each batch
  /// norm. A lower bound: LibTorch's own operations keep more.
  double kept = 0.0;
  /// The same where only the cells' inputs are kept, and what is between them is made again.
  double kept_to_recompute = 0.0;
  double passing = 0.0;  ///< without a backward pass: the inputs and the output of a cell
};
NetworkMemory network_memory(const NetworkSizes& sizes);

}  // namespace darts
