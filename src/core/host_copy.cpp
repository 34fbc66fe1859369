#include <darts/core/host_copy.hpp>

#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <map>
#include <optional>
#include <utility>

namespace darts {

struct HostCopy::Impl {
  at::Tensor host;
  std::optional<c10::Event> arrived;
};

HostCopy::HostCopy(const at::Tensor& tensor) : impl_(std::make_unique<Impl>()) {
  const c10::NoGradGuard no_grad;
  const at::Tensor source = tensor.detach();
  const c10::Device device = source.device();
  if (device.is_cpu()) {
    impl_->host = source;
    return;
  }
  impl_->host =
      at::empty(source.sizes(), at::TensorOptions().dtype(source.dtype()).pinned_memory(true));
  impl_->host.copy_(source, /*non_blocking=*/true);
  impl_->arrived.emplace(device.type());
  impl_->arrived->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
}

HostCopy::~HostCopy() = default;
HostCopy::HostCopy(HostCopy&&) noexcept = default;
HostCopy& HostCopy::operator=(HostCopy&&) noexcept = default;

const at::Tensor& HostCopy::get() const {
  if (impl_->arrived) {
    impl_->arrived->synchronize();
  }
  return impl_->host;
}

at::Tensor to_device(const at::Tensor& host, const at::TensorOptions& like) {
  if (like.device().is_cpu()) {
    return host.to(like);
  }
  return host.to(like.dtype()).pin_memory().to(like.device(), /*non_blocking=*/true);
}

namespace {

/// All of the memory that a tensor lies in, as a tensor of its type and of one dimension.
at::Tensor memory_of(const at::Tensor& tensor) {
  const auto size = static_cast<std::int64_t>(tensor.storage().nbytes() / tensor.itemsize());
  return at::empty({0}, tensor.options().requires_grad(false))
      .set_(tensor.storage(), 0, {size}, {1});
}

/// Of each piece of memory on a device, a copy on the host.
class HostMemory {
 public:
  /// The part of the copy that `tensor` is of the memory.
  at::Tensor part(const at::Tensor& tensor) {
    at::Tensor& copy = copies_[tensor.storage().unsafeGetStorageImpl()];
    if (!copy.defined()) {
      const at::Tensor memory = memory_of(tensor);
      copy = memory.cpu();
      memories_.emplace_back(memory, copy);
    }
    return at::as_strided(copy, tensor.sizes(), tensor.strides(), tensor.storage_offset());
  }

  void put_back() const {
    for (const auto& [memory, copy] : memories_) {
      memory.copy_(copy);
    }
  }

 private:
  std::map<const void*, at::Tensor> copies_;
  std::vector<std::pair<at::Tensor, at::Tensor>> memories_;
};

}  // namespace

std::vector<at::Tensor> to_host(const std::vector<at::Tensor>& tensors) {
  const c10::NoGradGuard no_grad;
  HostMemory memory;
  std::vector<at::Tensor> on_host;
  on_host.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) {
    const at::Tensor plain = tensor.detach();
    on_host.push_back(plain.is_cpu() ? plain : memory.part(plain));
  }
  return on_host;
}

void copy_from_host(const std::vector<at::Tensor>& to, const std::vector<at::Tensor>& from) {
  const c10::NoGradGuard no_grad;
  TORCH_CHECK(to.size() == from.size(), "copy_from_host: ", from.size(), " tensors for ",
              to.size());
  HostMemory memory;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const at::Tensor target = to[i].detach();
    (target.is_cpu() ? target : memory.part(target)).copy_(from[i]);
  }
  memory.put_back();
}

}  // namespace darts
