#include <darts/core/environment.hpp>
#include <darts/core/utf8.hpp>

#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>
#include <torch/version.h>

#include <darts_build_info.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#ifdef DARTS_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <functional>
#include <sstream>
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
      return as_utf8(line.substr(colon + 2));
    }
  }
  return nullptr;
}

json hostname() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? json(as_utf8(name.data()))
                                                          : json(nullptr);
}

/// A version number from LibTorch's CUDA part; null where that part is not there.
json version_or_null(const std::function<long()>& ask) {
  try {
    return ask();
  } catch (const c10::Error&) {
    return nullptr;
  }
}

/// The version that NVIDIA's driver gives in the first line of its file, the first word of numbers
/// with points; null where there is none.
json gpu_driver() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string line;
  std::getline(file, line);
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    const bool numbers =
        std::ranges::all_of(word, [](unsigned char c) { return c == '.' || std::isdigit(c) != 0; });
    if (numbers && word.find('.') != std::string::npos) {
      return word;
    }
  }
  return nullptr;
}

/// What there is to say of a GPU beside its name here; asks without making a context on it.
json describe_card([[maybe_unused]] const c10::Device& device) {
  json about = {{"driver", gpu_driver()}};
#ifdef DARTS_WITH_CUDA
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, device.index()) == cudaSuccess) {
    about["card"] = properties.name;
    about["compute_capability"] =
        std::to_string(properties.major) + "." + std::to_string(properties.minor);
    about["memory_bytes"] = properties.totalGlobalMem;
    about["multiprocessors"] = properties.multiProcessorCount;
  }
#endif
  return about;
}

json describe_device(const c10::Device& device) {
  json about = {{"name", device.str()}};
  const auto& cuda = at::detail::getCUDAHooks();
  if (cuda.hasCUDA()) {
    about["gpus"] = cuda.getNumGPUs();
  }
  if (device.is_cuda()) {
    about.update(describe_card(device));
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
