#pragma once

#include <darts/core/checkpoint.hpp>

#include <filesystem>
#include <string>

namespace darts {

/// Names the first tensor that holds a NaN or an infinite number, and how many more there are
/// ("model.stem.0.weight and 3 more"); empty if all are finite.
std::string non_finite(const NamedTensors& tensors);

/// Throws Error if a checkpoint that something is to start from holds such a tensor: it was saved
/// by a run that had diverged.
void check_finite(const Checkpoint& checkpoint);

/// load_checkpoint() with that check.
Checkpoint load_finite_checkpoint(const std::filesystem::path& file);

}  // namespace darts
