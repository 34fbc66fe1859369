#pragma once

#include <darts/core/checkpoint.hpp>

namespace darts {

/// The tensors of any safetensors file, a checkpoint or one that Python's `safetensors` wrote; safe
/// on arbitrary bytes. Throws Error if the file is missing, cut off, or no such file.
NamedTensors load_safetensors(const std::filesystem::path& file);

}  // namespace darts
