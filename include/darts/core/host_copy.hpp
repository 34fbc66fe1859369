#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace darts {

/// A tensor on its way from a device to the host. On a GPU the copy stands in line behind the work
/// that computes it, and nothing waits until it is asked for; on the CPU the tensor itself is
/// there.
class HostCopy {
 public:
  explicit HostCopy(const at::Tensor& tensor);
  ~HostCopy();
  HostCopy(HostCopy&&) noexcept;
  HostCopy& operator=(HostCopy&&) noexcept;

  /// Waits for it.
  const at::Tensor& get() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A tensor of the host as one of `like` (device and type). On the way to a GPU it passes through
/// page-locked memory, so that nothing waits for the copy.
at::Tensor to_device(const at::Tensor& host, const at::TensorOptions& like);

/// The tensors on the host: those of the CPU themselves, of others copies, one for all that share a
/// piece of memory (FlatTensors).
std::vector<at::Tensor> to_host(const std::vector<at::Tensor>& tensors);

/// to[i] ← from[i], tensors of the host of the same shapes and types: into a device one copy for
/// all that share a piece of memory there.
void copy_from_host(const std::vector<at::Tensor>& to, const std::vector<at::Tensor>& from);

}  // namespace darts
