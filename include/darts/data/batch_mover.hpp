#pragma once

#include <darts/data/batch_loader.hpp>

#include <c10/core/Device.h>

#include <memory>

namespace darts {

/// Brings batches to a device. To a GPU they go on a stream of their own, while the last step still
/// runs there; the next step's work waits for its batch by itself, and the host for nothing.
class BatchMover {
 public:
  explicit BatchMover(const c10::Device& device);
  ~BatchMover();
  BatchMover(BatchMover&&) noexcept;
  BatchMover& operator=(BatchMover&&) noexcept;

  /// The batch on the device, usable on its current stream; itself on the CPU.
  Batch move(Batch batch) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;  ///< null: the CPU
};

}  // namespace darts
