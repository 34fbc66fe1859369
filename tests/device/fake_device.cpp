#include "device/fake_device.hpp"

#include "support/module_helpers.hpp"

#include <ATen/Functions.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/Resize.h>
#include <ATen/native/TensorConversions.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <mutex>
#include <set>

namespace darts::testing {
namespace {

constexpr c10::DeviceType type = c10::DeviceType::PrivateUse1;

/// Backward passes run in threads of LibTorch's.
struct Counters {
  std::mutex mutex;
  std::map<std::string, std::int64_t> waits;
  std::int64_t copies = 0;
  std::set<const void*> pinned;
};

Counters& counters() {
  static Counters* const instance = new Counters;  // memory may be freed after static objects are
  return *instance;
}

void count_wait(const std::string& kind) {
  const std::lock_guard lock(counters().mutex);
  ++counters().waits[kind];
}

// ---- Memory ----

/// Device memory, or page-locked host memory, that remembers what it is.
class FakeAllocator : public c10::Allocator {
 public:
  explicit FakeAllocator(c10::Device device) : device_(device) {}

  c10::DataPtr allocate(std::size_t bytes) override {
    void* const memory = c10::GetCPUAllocator()->raw_allocate(std::max<std::size_t>(bytes, 1));
    if (device_.is_cpu()) {
      const std::lock_guard lock(counters().mutex);
      counters().pinned.insert(memory);
    }
    return {memory, memory, device_.is_cpu() ? free_pinned : free_memory, device_};
  }
  c10::DeleterFnPtr raw_deleter() const override { return free_memory; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  static void free_memory(void* memory) { c10::GetCPUAllocator()->raw_deallocate(memory); }
  static void free_pinned(void* memory) {
    {
      const std::lock_guard lock(counters().mutex);
      counters().pinned.erase(memory);
    }
    free_memory(memory);
  }

  c10::Device device_;
};

FakeAllocator device_memory(c10::Device(type, 0));
FakeAllocator pinned_memory(c10::kCPU);

bool is_pinned_memory(const void* memory) {
  const std::lock_guard lock(counters().mutex);
  return counters().pinned.contains(memory);
}

struct FakeHooks : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  at::Device getDeviceFromPtr(void*) const override { return {type, 0}; }
  at::Allocator* getPinnedMemoryAllocator() const override { return &pinned_memory; }
  bool isPinnedPtr(const void* memory) const override { return is_pinned_memory(memory); }
};

// ---- Streams and events: everything has happened when a call returns ----

struct FakeGuard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return testing::type; }
  c10::Device exchangeDevice(c10::Device) const override { return here(); }
  c10::Device getDevice() const override { return here(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return stream(); }
  c10::Stream getNewStream(c10::Device, int) const override { return stream(); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const override { return stream(); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void** event, const c10::Stream&, const c10::DeviceIndex,
              const c10::EventFlag) const override {
    static int something = 0;
    *event = &something;
  }
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override { count_wait("waiting for an event"); }
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept override {}

 private:
  static c10::Device here() { return {testing::type, 0}; }
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, here()); }
};

// ---- Operations: the CPU's, on the same memory ----

/// A tensor of the CPU with the memory of a fake one; others as they are.
at::Tensor on_cpu(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.device().type() != type) {
    return tensor;
  }
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(),
                       tensor.options().device(c10::kCPU));
}

void free_holder(void* holder) { delete static_cast<c10::Storage*>(holder); }

/// A fake tensor with the memory of one of the CPU, which lives as long.
at::Tensor on_fake(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.device().type() == type) {
    return tensor;
  }
  auto* const holder = new c10::Storage(tensor.storage());
  c10::DataPtr memory(holder->mutable_data(), holder, free_holder, c10::Device(type, 0));
  c10::Storage storage(c10::Storage::use_byte_size_t(), holder->nbytes(), std::move(memory),
                       &device_memory, /*resizable=*/true);
  at::Tensor fake = at::detail::make_tensor<c10::TensorImpl>(
      std::move(storage), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), tensor.dtype());
  fake.unsafeGetTensorImpl()->set_sizes_and_strides(tensor.sizes(), tensor.strides(),
                                                    tensor.storage_offset());
  return fake;
}

c10::IValue argument_on_cpu(const c10::IValue& value) {
  if (value.isTensor()) {
    return on_cpu(value.toTensor());
  }
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) {
      list.push_back(on_cpu(tensor));
    }
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
      list.push_back(tensor ? std::optional(on_cpu(*tensor)) : std::nullopt);
    }
    return list;
  }
  if (value.isDevice() && value.toDevice().type() == type) {
    return c10::Device(c10::kCPU);
  }
  return value;
}

/// The view of a fake tensor that `view` is of its memory.
at::Tensor view_of(const at::Tensor& fake, const at::Tensor& view) {
  const auto bytes = static_cast<const char*>(view.const_data_ptr()) -
                     static_cast<const char*>(fake.const_data_ptr());
  const auto offset = bytes / static_cast<std::ptrdiff_t>(fake.itemsize());
  return fake.as_strided(view.sizes(), view.strides(), fake.storage_offset() + offset);
}

/// The argument that a result is the same tensor as (`written`) or a view of, by the schema; −1:
/// none.
int argument_of(const c10::FunctionSchema& schema, std::size_t result, bool written) {
  const c10::AliasInfo* const alias = schema.returns()[result].alias_info();
  if (alias == nullptr || alias->isWrite() != written) {
    return -1;
  }
  for (std::size_t i = 0; i < schema.arguments().size(); ++i) {
    const c10::AliasInfo* const other = schema.arguments()[i].alias_info();
    if (other != nullptr && other->beforeSets() == alias->beforeSets()) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

/// An operation that writes several tensors that it is given, by the form of it that makes them:
/// called by way of a stack, LibTorch 2.11 reads the former's results after it has let go of them.
void fill_outputs(const c10::OperatorHandle& op, torch::jit::Stack& stack) {
  const c10::OperatorHandle making =
      c10::Dispatcher::singleton().findSchemaOrThrow(op.schema().name().c_str(), "");
  const auto inputs = static_cast<std::ptrdiff_t>(making.schema().arguments().size());
  torch::jit::Stack outputs(stack.begin() + inputs, stack.end());
  stack.erase(stack.begin() + inputs, stack.end());
  making.callBoxed(stack);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    outputs[i].toTensor().copy_(stack[i].toTensor());
  }
  stack = std::move(outputs);
}

void on_the_cpu(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) {
  const c10::FunctionSchema& schema = op.schema();
  const std::vector<c10::IValue> arguments =
      torch::jit::last(*stack, schema.arguments().size()).vec();
  torch::jit::drop(*stack, arguments.size());
  torch::jit::Stack inner;
  for (const c10::IValue& argument : arguments) {
    inner.push_back(argument_on_cpu(argument));
  }
  if (schema.returns().size() > 1 && argument_of(schema, 0, true) >= 0) {
    fill_outputs(op, inner);
  } else {
    op.callBoxed(inner);
  }
  for (std::size_t i = 0; i < inner.size(); ++i) {
    const int same = argument_of(schema, i, true);
    const int viewed = argument_of(schema, i, false);
    if (same >= 0) {
      stack->push_back(arguments[static_cast<std::size_t>(same)]);
    } else if (viewed >= 0 && inner[i].isTensor()) {
      stack->emplace_back(
          view_of(arguments[static_cast<std::size_t>(viewed)].toTensor(), inner[i].toTensor()));
    } else if (inner[i].isTensor()) {
      stack->emplace_back(on_fake(inner[i].toTensor()));
    } else if (inner[i].isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : inner[i].toTensorVector()) {
        list.push_back(on_fake(tensor));
      }
      stack->emplace_back(std::move(list));
    } else {
      stack->push_back(inner[i]);
    }
  }
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                         std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                         std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &device_memory,
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           dtype.value_or(at::kFloat));
}

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype,
                 std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>,
                 std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &device_memory,
                                   c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   dtype.value_or(at::kFloat), format);
}

/// Between the host and the device, or on the device.
at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  if (from.device() != to.device()) {
    const at::Tensor& host = from.device().is_cpu() ? from : to;
    const bool number = from.device().is_cpu() && from.dim() == 0;  // goes with the launch
    {
      const std::lock_guard lock(counters().mutex);
      ++counters().copies;
    }
    if (!number && (!non_blocking || !is_pinned_memory(host.storage().data()))) {
      count_wait(std::string(from.device().is_cpu() ? "host to device" : "device to host") +
                 (non_blocking ? ", pageable" : ", blocking"));
    }
  }
  on_cpu(to).copy_(on_cpu(from));
  return to;
}

at::Scalar local_scalar_dense(const at::Tensor& tensor) {
  count_wait("item");
  return on_cpu(tensor).item();
}

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                       at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                       at::IntArrayRef output_padding, std::int64_t groups) {
  return on_fake(at::convolution(on_cpu(input), on_cpu(weight),
                                 bias ? std::optional(on_cpu(*bias)) : std::nullopt, stride,
                                 padding, dilation, transposed, output_padding, groups));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(
    const at::Tensor& grad, const at::Tensor& input, const at::Tensor& weight,
    at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
    at::IntArrayRef output_padding, std::int64_t groups, std::array<bool, 3> mask) {
  const auto [to_input, to_weight, to_bias] = at::convolution_backward(
      on_cpu(grad), on_cpu(input), on_cpu(weight), at::IntArrayRef({weight.size(0)}), stride,
      padding, dilation, transposed, output_padding, groups, mask);
  return {on_fake(to_input), on_fake(to_weight), on_fake(to_bias)};
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef size,
                         std::optional<at::MemoryFormat>) {
  TORCH_CHECK(size == self.sizes() || self.numel() == 0, "fake device: resize of a full tensor");
  at::native::resize_impl_cpu_(self.unsafeGetTensorImpl(), size, std::nullopt);
  return self;
}

at::Tensor& set_storage(at::Tensor& self, at::Storage storage, std::int64_t offset,
                        at::IntArrayRef size, at::IntArrayRef stride) {
  self.unsafeGetTensorImpl()->set_storage_keep_dtype(std::move(storage));
  self.unsafeGetTensorImpl()->set_sizes_and_strides(size, stride, offset);
  return self;
}

void record_stream(at::Tensor&, c10::Stream) {}

}  // namespace

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&on_the_cpu>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("as_strided", at::native::as_strided_tensorimpl);
  m.impl("view", static_cast<at::Tensor (*)(const at::Tensor&, at::IntArrayRef)>(at::native::view));
  m.impl("_copy_from", copy_from);
  m.impl("_local_scalar_dense", local_scalar_dense);
  m.impl("convolution_overrideable", convolution);
  m.impl("convolution_backward_overrideable", convolution_backward);
  m.impl("resize_", resize);
  m.impl("set_.source_Storage_storage_offset", set_storage);
  m.impl("record_stream", record_stream);
}

c10::Device fake_device() {
  static const bool registered = [] {
    c10::register_privateuse1_backend("fake");
    static FakeHooks hooks;
    at::RegisterPrivateUse1HooksInterface(&hooks);
    static FakeGuard guard;
    const c10::impl::DeviceGuardImplRegistrar registrar(type, &guard);
    c10::SetAllocator(type, &device_memory);
    return true;
  }();
  return {type, registered ? c10::DeviceIndex{0} : c10::DeviceIndex{-1}};
}

void move_to_fake_device(torch::nn::Module& module) {
  for (auto& [name, tensor] : state_of(module)) {
    tensor.unsafeGetTensorImpl()->shallow_copy_from(
        tensor.detach().to(fake_device()).getIntrusivePtr());
  }
}

std::map<std::string, std::int64_t> take_waits() {
  const std::lock_guard lock(counters().mutex);
  return std::exchange(counters().waits, {});
}

std::int64_t take_copies() {
  const std::lock_guard lock(counters().mutex);
  return std::exchange(counters().copies, 0);
}

}  // namespace darts::testing
