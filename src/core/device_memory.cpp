#include <darts/core/machine_memory.hpp>

#ifdef DARTS_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace darts {

std::optional<std::uint64_t> device_memory(const c10::Device& device) {
  if (device.is_cpu()) {
    return machine_memory();
  }
#ifdef DARTS_WITH_CUDA
  cudaDeviceProp properties{};  // asks without making a context on the card
  if (cudaGetDeviceProperties(&properties, device.index()) == cudaSuccess) {
    return properties.totalGlobalMem;
  }
#endif
  return std::nullopt;
}

}  // namespace darts
