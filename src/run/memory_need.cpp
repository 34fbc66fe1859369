#include <darts/core/doing.hpp>
#include <darts/core/machine_memory.hpp>
#include <darts/core/text.hpp>
#include <darts/run/memory_need.hpp>

#include <algorithm>

namespace darts {
namespace {

std::string size_text(double bytes) {
  constexpr double most = 9e18;  // of any size it could be, in 64 bits
  return format_bytes(static_cast<std::uint64_t>(std::min(bytes, most)));
}

std::string name_of(const c10::Device& device) {
  return device.is_cpu() ? "the machine" : device.str();
}

/// What lies in the machine's memory, whichever device computes.
double on_host(const MemoryNeed& need) { return need.modules + need.images; }

/// What of it the device has to hold.
double on(const c10::Device& device, const MemoryNeed& need) {
  return need.weights + need.activations + (device.is_cpu() ? on_host(need) : 0.0);
}

void check(const MemoryNeed& need, double bytes, const c10::Device& device) {
  const auto there = device_memory(device);
  if (there && bytes > static_cast<double>(*there)) {
    throw MemoryError(need.what + " needs at least " + size_text(bytes) + " of memory, " +
                          name_of(device) + " has " + format_bytes(*there),
                      "lower " + need.lower);
  }
}

}  // namespace

double bytes_of_activation(Precision precision) { return precision == Precision::bf16 ? 2.0 : 4.0; }

void check_memory(const MemoryNeed& need, const c10::Device& device) {
  check(need, on(device, need), device);
  if (!device.is_cpu()) {
    check(need, on_host(need), c10::Device(c10::kCPU));
  }
}

std::string describe(const MemoryNeed& need, const c10::Device& device) {
  const auto there = device_memory(device);
  return "memory: at least " + size_text(on(device, need)) + " (weights " +
         size_text(need.weights) + ", activations " + size_text(need.activations) +
         (need.images > 0.0 ? ", images " + size_text(need.images) : "") + ")" +
         (there ? "; " + name_of(device) + " has " + format_bytes(*there) : "");
}

}  // namespace darts
