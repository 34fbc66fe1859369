#pragma once

#include <c10/core/Device.h>

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace darts {

/// "0.1.0"
std::string_view program_version();

/// The commit this was built from, with "-dirty" if the tree had changes; "unknown" without git.
std::string_view git_revision();

/// What a run's results may depend on, for environment.json: versions (program, git revision,
/// LibTorch, CUDA, cuDNN, compiler), host, CPU, threads, device; of a GPU its card, driver, compute
/// capability and memory. Entries that do not apply (CUDA without a GPU) are null.
nlohmann::json describe_environment(const c10::Device& device);

}  // namespace darts
