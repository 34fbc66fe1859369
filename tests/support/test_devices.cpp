#include "support/test_devices.hpp"

#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include <cstdlib>
#include <mutex>

namespace darts::testing {
namespace {

/// Keeps the names in LibTorch's warnings "NAME does not have a deterministic implementation, …".
class IndeterminateNames : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override {
    const std::size_t end = warning.msg().find(" does not have a deterministic implementation");
    if (end == std::string::npos) {
      c10::WarningHandler::process(warning);
    } else {
      const std::lock_guard lock(mutex_);
      names_.insert(warning.msg().substr(0, end));
    }
  }

  std::set<std::string> names() const { return names_; }

 private:
  std::mutex mutex_;
  std::set<std::string> names_;
};

}  // namespace

bool has_gpu() { return at::hasCUDA(); }

void use_device(const c10::Device& device) {
  if (device.is_cpu()) {
    return;
  }
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // read when cuBLAS begins
  set_tf32(false);
}

std::string name_of(const DeviceRun& run) {
  const std::string name = run.execution == Execution::plain    ? "plain"
                           : run.execution == Execution::merged ? "merged"
                                                                : "fused";
  return name + (run.graph ? "_graph" : "");
}

std::string title_of(const std::filesystem::path& file, const DeviceRun& run) {
  const bool usual = run.execution == Execution::fused && !run.graph;
  return file.filename().string() + (usual ? "" : " " + name_of(run)) +
         (run.device.is_cpu() ? "" : " on a GPU");
}

std::set<std::string> indeterminate_operations(const std::function<void()>& work) {
  IndeterminateNames handler;
  const bool before = at::globalContext().deterministicAlgorithms();
  set_deterministic(true);
  {
    const c10::WarningUtils::WarningHandlerGuard guard(&handler);
    work();
  }
  set_deterministic(before);
  return handler.names();
}

}  // namespace darts::testing
