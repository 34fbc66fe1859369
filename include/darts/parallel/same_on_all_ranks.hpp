#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/parallel/ranks.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace darts {

/// Names and values of what has to be the same on all ranks before they exchange numbers.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

/// Throws Error, the same on all ranks, which names the first difference and the ranks, unless all
/// have the same.
void check_same(Ranks& ranks, const Fingerprint& own);

/// A hash of a tensor's numbers, byte for byte in logical order.
std::uint64_t hash_of(const at::Tensor& tensor);

/// Throws Error, the same on all ranks, which names the first tensor that differs, `when`, and the
/// ranks, unless all have the same bytes.
void check_same_tensors(Ranks& ranks, const NamedTensors& tensors, const std::string& when);

}  // namespace darts
