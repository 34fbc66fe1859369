#pragma once

#include <darts/core/device.hpp>
#include <darts/ops/execution.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>

namespace darts::testing {

bool has_gpu();

/// The first GPU.
inline c10::Device gpu() { return {c10::kCUDA, 0}; }

/// Prepares a test for `device`: fp32 means fp32, cuBLAS computes the same each time. Skips the
/// test with the words "no GPU" if that is a device that is not there; so call it in SetUp(), where
/// a skip ends the test.
void use_device(const c10::Device& device);

/// A test on the first GPU. "Cuda" in the names of such tests gives them CTest's label `cuda`.
class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override { use_device(gpu()); }
};

/// Where and how something is computed.
struct DeviceRun {
  c10::Device device = c10::kCPU;
  Execution execution = Execution::fused;
  bool graph = false;  ///< its passes are launched as graphs
};

/// "merged_graph"
std::string name_of(const DeviceRun& run);

/// "FILE merged_graph on a GPU"; just the file's name for what is usual on the CPU.
std::string title_of(const std::filesystem::path& file, const DeviceRun& run);

/// Runs `work` with set_deterministic(true). Returns the names of the operations in it that
/// LibTorch says have no deterministic form on their device.
std::set<std::string> indeterminate_operations(const std::function<void()>& work);

}  // namespace darts::testing
