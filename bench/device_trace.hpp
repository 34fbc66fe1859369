#pragma once

#include "device_use.hpp"

#include <c10/core/Device.h>

#include <functional>
#include <string_view>

namespace darts {

/// What a GPU did, and was asked to do, while `work` was called `steps` times: by LibTorch's
/// profiler, which on an NVIDIA GPU asks CUPTI. Kernels in a CUDA graph are told one by one. Only
/// the device is traced, not the operators, which would slow the host more. Empty where nothing is
/// traced: on a CPU, or without CUPTI. One call in a process.
std::vector<DeviceActivity> device_trace(const std::function<void()>& work, std::int64_t steps,
                                         const c10::Device& device);

/// Whether a call of the CUDA runtime or driver starts kernels: "cudaLaunchKernel",
/// "cuLaunchKernelEx", "cudaGraphLaunch", …
bool is_launch(std::string_view call);

}  // namespace darts
