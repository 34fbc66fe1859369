#include <darts/core/environment.hpp>

#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>
#include <torch/version.h>

#ifdef DARTS_WITH_CUDA
#include <ATen/cuda/CUDAContext.h>
#endif

#include <darts_build_info.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

namespace darts {
namespace {

using nlohmann::json;

std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#else
  return "unknown";
#endif
}

/// The first "model name" of /proc/cpuinfo; null where there is none.
json cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return nullptr;
}

json hostname() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? json(name.data()) : json(nullptr);
}

/// A version number from LibTorch's CUDA part; null where that part is not there.
json version_or_null(const std::function<long()>& ask) {
  try {
    return ask();
  } catch (const c10::Error&) {
    return nullptr;
  }
}

/// Of a GPU, what decides how fast it is; the driver as the newest CUDA that it takes.
json describe_gpu([[maybe_unused]] const c10::Device& device) {
#ifdef DARTS_WITH_CUDA
  const cudaDeviceProp& gpu = *at::cuda::getDeviceProperties(device.index());
  int driver = 0;
  cudaDriverGetVersion(&driver);
  return {{"model", gpu.name},
          {"memory_bytes", gpu.totalGlobalMem},
          {"capability", std::to_string(gpu.major) + "." + std::to_string(gpu.minor)},
          {"multiprocessors", gpu.multiProcessorCount},
          {"driver_cuda", driver}};
#else
  return json::object();
#endif
}

json describe_device(const c10::Device& device) {
  json about = {{"name", device.str()}};
  const auto& cuda = at::detail::getCUDAHooks();
  if (cuda.hasCUDA()) {
    about["gpus"] = cuda.getNumGPUs();
  }
  if (device.is_cuda()) {
    about.update(describe_gpu(device));
  }
  return about;
}

}  // namespace

std::string_view program_version() { return build_info::version; }

std::string_view git_revision() { return build_info::revision; }

json describe_environment(const c10::Device& device) {
  const auto& cuda = at::detail::getCUDAHooks();
  return {
      {"program", {{"version", program_version()}, {"git_revision", git_revision()}}},
      {"libtorch", TORCH_VERSION},
      {"cuda", version_or_null([&cuda] { return cuda.versionCUDART(); })},
      {"cudnn", version_or_null([&cuda] { return cuda.versionCuDNN(); })},
      {"compiler", compiler()},
      {"host", hostname()},
      {"cpu", cpu_model()},
      {"processors", std::thread::hardware_concurrency()},
      {"threads", at::get_num_threads()},
      {"device", describe_device(device)},
  };
}

}  // namespace darts
