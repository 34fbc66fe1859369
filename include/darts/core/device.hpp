#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string_view>

namespace darts {

/// What the networks compute in; w, alpha and the optimizers stay float32 either way.
enum class Precision {
  fp32,  ///< float32 throughout
  /// bfloat16 where LibTorch's autocast takes it to be safe. A search that runs fused on the CPU
  /// computes in float32 and stores in bfloat16 what it keeps for the backward pass.
  bf16,
};

/// The device for "cpu", "cuda" (the first GPU), "cuda:N" or "auto" (the first GPU, else the CPU).
/// Throws Error for other text, for a GPU that is not there, and for a build without CUDA.
c10::Device choose_device(std::string_view text);

/// GPUs that this program can use.
int gpu_count();

/// Sets the threads within an operation; 0 stands for usable_processors(). They get short time
/// slices.
void set_threads(int threads);

/// Whether results have to be bit-identical from run to run (on one device, with one number of
/// threads). Without it cuDNN tries its algorithms and takes the fastest.
///
/// Operations without a deterministic form only warn. Fresh memory is not filled with NaN, which
/// LibTorch would do otherwise and which is slow. Sets CUBLAS_WORKSPACE_CONFIG unless it is set, so
/// call it before the first work on a GPU and before threads exist.
void set_deterministic(bool deterministic);

/// Whether float32 products and convolutions on a GPU may round their factors to TF32 (10 bits of
/// mantissa), which tensor cores take: faster, less exact. Of cuBLAS and of cuDNN, which LibTorch
/// by itself treats differently. Nothing changes on a CPU.
void set_tf32(bool allowed);

/// While it lives, operations on `device` in this thread run in bfloat16 where that is safe;
/// nothing changes with Precision::fp32. Casts of w are remembered until the outermost guard ends:
/// make one for each forward pass, and do not change w while it lives.
class AutocastGuard {
 public:
  AutocastGuard(const c10::Device& device, Precision precision);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  c10::DeviceType device_;
  bool active_;
  bool enabled_before_ = false;
  c10::ScalarType dtype_before_ = c10::ScalarType::Float;
};

/// The most memory in use so far: of a GPU what LibTorch's tensors took at their peak, of the CPU
/// the resident memory of this process.
std::int64_t peak_memory_bytes(const c10::Device& device);

}  // namespace darts
