#pragma once

#include "meeting.hpp"

#include <torch/csrc/distributed/c10d/Backend.hpp>

namespace darts::parallel {

using Group = c10::intrusive_ptr<c10d::Backend>;

/// The process group for tensors on the CPU.
Group make_gloo_group(const Meeting& meeting, const RankPlace& place, Milliseconds timeout);

/// The one for tensors on a GPU. Throws Error in a build without it.
Group make_nccl_group(const Meeting& meeting, const RankPlace& place, Milliseconds timeout);

}  // namespace darts::parallel
