#pragma once

#include <darts/core/file_descriptor.hpp>
#include <darts/parallel/ranks.hpp>

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace darts::parallel {

/// Sums of small tensors over ranks on one machine, in memory that they share.
///
/// Gloo takes such a sum through its own threads, which have to wake each other on both sides: half
/// a millisecond and more on a virtual machine, hundreds of times in a step whose batch norms are
/// synchronised. Here a rank puts its numbers down, looks for the others' and adds all up in the
/// order of ranks.
class SharedMemory {
 public:
  /// Of all ranks, by what they tell each other through `ranks`; null where they are not all on one
  /// machine, or cannot reach each other's memory there.
  static std::unique_ptr<SharedMemory> among(Ranks& ranks, std::chrono::milliseconds timeout);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// Whether it is for such a tensor, which has to be dense.
  static bool takes(const at::Tensor& tensor);

  /// tensor becomes the sum of all ranks'. Throws std::runtime_error if one of them has ended or
  /// does not come within the time-out.
  void sum(const at::Tensor& tensor);

 private:
  struct Place;

  SharedMemory(int rank, int size, std::chrono::milliseconds timeout);
  std::size_t bytes() const;
  bool map(int file);
  Place& place(int rank) const;
  std::byte* numbers(int rank) const;
  void put_down(const at::Tensor& tensor);
  void wait_for(int rank) const;
  bool is_there(int rank) const;
  void check_all_live() const;

  int rank_;
  int size_;
  std::chrono::milliseconds timeout_;
  void* memory_ = nullptr;
  std::uint32_t round_ = 0;             ///< counts the sums
  std::vector<FileDescriptor> others_;  ///< pidfds by which a rank's end is seen
};

}  // namespace darts::parallel
