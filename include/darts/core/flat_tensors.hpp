#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace darts {

/// Tensors of one type on one device that share one piece of memory, so that what is done to all of
/// them alike (a step of an optimizer, a copy, a norm) is one operation on flat() instead of one
/// for each: on a GPU a kernel instead of a thousand.
///
/// The tensors stay what they are, leaves with names, shapes and strides of their own; only their
/// data moves, at the making of this object. They are no views to autograd, whose backward pass
/// would be a slice filled with zeros for each. Moving a module to another device or type, or
/// cloning it, gives its tensors memory of their own again.
class FlatTensors {
 public:
  FlatTensors() = default;

  /// Takes the tensors over, or finds that they are together already. Throws c10::Error if they
  /// differ in type or device.
  explicit FlatTensors(std::vector<at::Tensor> tensors);

  const std::vector<at::Tensor>& tensors() const { return tensors_; }

  /// All of them one behind the other, of one dimension. Each begins at a multiple of 64 bytes;
  /// what lies between them is 0, and has to stay so.
  const at::Tensor& flat() const { return flat_; }

  /// 0, in the place of flat().
  at::Tensor zeros() const;

  /// The parts of `flat`, a tensor like flat(), shaped as tensors().
  std::vector<at::Tensor> windows(const at::Tensor& flat) const;

 private:
  bool are_together() const;
  std::int64_t offset(std::size_t index) const { return offsets_[index]; }

  std::vector<at::Tensor> tensors_;
  std::vector<std::int64_t> offsets_;  ///< elements
  std::int64_t size_ = 0;              ///< elements, gaps included
  at::Tensor flat_;
};

/// The tensors of each type, such as the running statistics and the counters of batch norms.
std::vector<FlatTensors> flatten_by_type(const std::vector<at::Tensor>& tensors);

/// The memory of each.
std::vector<at::Tensor> flats_of(const std::vector<FlatTensors>& groups);

/// The 2-norm of a tensor as flat() is, on its device and without waiting for it. Does not depend
/// on the number of threads.
at::Tensor flat_norm(const at::Tensor& flat);

/// Keeps a copy of flat tensors and puts it back, on leaving the scope too: w must survive an
/// exception.
class FlatRestore {
 public:
  explicit FlatRestore(std::vector<at::Tensor> flats);
  explicit FlatRestore(const std::vector<FlatTensors>& groups);
  ~FlatRestore() { now(); }
  FlatRestore(const FlatRestore&) = delete;
  FlatRestore& operator=(const FlatRestore&) = delete;

  void now();
  /// The copy of the first one.
  const at::Tensor& saved() const { return saved_.front(); }

 private:
  std::vector<at::Tensor> live_;
  std::vector<at::Tensor> saved_;
};

}  // namespace darts
