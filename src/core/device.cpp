#include "openmp_threads.hpp"

#include <darts/core/device.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/processors.hpp>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace darts {
namespace {

/// The N of "cuda:N"; 0 for "cuda".
int parse_index(std::string_view text) {
  if (text == "cuda") {
    return 0;
  }
  const std::string_view digits =
      text.substr(std::min(text.size(), std::string_view("cuda:").size()));
  int index = -1;
  const char* const end = digits.data() + digits.size();
  const auto [rest, failure] = std::from_chars(digits.data(), end, index);
  if (!text.starts_with("cuda:") || failure != std::errc{} || rest != end || index < 0) {
    throw Error("'" + std::string(text) + "' is no device; give auto, cpu, cuda or cuda:N");
  }
  return index;
}

/// Throws Error unless so many threads can be started beside this one: LibTorch waits for ever for
/// one that cannot.
void try_threads(int count) {
  std::atomic_flag over;
  std::vector<std::jthread> threads;
  const struct Release {
    std::atomic_flag& over;
    ~Release() {
      over.test_and_set();
      over.notify_all();
    }
  } release{over};  // goes before the threads, which are waited for
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&over] { over.wait(false); });
  }
}

}  // namespace

int gpu_count() {
  const auto& cuda = at::detail::getCUDAHooks();
  return cuda.hasCUDA() ? cuda.getNumGPUs() : 0;
}

c10::Device choose_device(std::string_view text) {
  if (text == "cpu") {
    return c10::Device(c10::kCPU);
  }
  const auto& cuda = at::detail::getCUDAHooks();
  const int count = gpu_count();
  if (text == "auto") {
    return count > 0 ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  }
  const int index = parse_index(text);
  if (!cuda.hasCUDART()) {
    throw Error("cannot use " + std::string(text) +
                ": this program was built without CUDA; use --device cpu, or build it with "
                "-DDARTS_CUDA=ON");
  }
  if (count == 0) {
    throw Error("cannot use " + std::string(text) +
                ": there is no usable GPU in this machine (does nvidia-smi list one?); use "
                "--device cpu");
  }
  if (index >= count) {
    throw Error("cannot use " + std::string(text) + ": this machine has " + std::to_string(count) +
                " GPU(s), cuda:0 to cuda:" + std::to_string(count - 1));
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void set_threads(int threads) {
  TORCH_CHECK(threads >= 0, "the number of threads is ", threads, "; it cannot be negative");
  const int count = threads == 0 ? usable_processors() : threads;
  // Those of share_out(), OpenMP's with the idle ones, and LibTorch's own.
  constexpr int pools = 3;
  doing("start " + std::to_string(count) + " threads",
        [&] { try_threads(count > 1 ? pools * (count - 1) + idle_openmp_threads(count) : 0); });
  at::set_num_threads(count);
  use_short_time_slices();
}

void set_deterministic(bool deterministic) {
  auto& context = at::globalContext();
  context.setDeterministicAlgorithms(deterministic, /*warn_only=*/true);
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicCuDNN(deterministic);
  context.setBenchmarkCuDNN(!deterministic);
  if (deterministic) {
    ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  }
}

void set_tf32(bool allowed) {
  auto& context = at::globalContext();
  context.setAllowTF32CuDNN(allowed);
  context.setAllowTF32CuBLAS(allowed);
}

AutocastGuard::AutocastGuard(const c10::Device& device, Precision precision)
    : device_(device.type()), active_(precision == Precision::bf16) {
  if (active_) {
    enabled_before_ = at::autocast::is_autocast_enabled(device_);
    dtype_before_ = at::autocast::get_autocast_dtype(device_);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, c10::ScalarType::BFloat16);
    at::autocast::increment_nesting();
  }
}

AutocastGuard::~AutocastGuard() {
  if (active_) {
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_dtype(device_, dtype_before_);
    at::autocast::set_autocast_enabled(device_, enabled_before_);
  }
}

std::int64_t peak_memory_bytes(const c10::Device& device) {
  if (device.is_cpu()) {
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
  }
  auto* const allocator = c10::getDeviceAllocator(device.type());
  if (!allocator->initialized()) {
    return 0;
  }
  const auto stats = allocator->getDeviceStats(std::max<c10::DeviceIndex>(device.index(), 0));
  return stats.allocated_bytes[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)]
      .peak;
}

}  // namespace darts
