#pragma once

#include <darts/parallel/rank_place.hpp>
#include <darts/parallel/ranks.hpp>

#include <chrono>
#include <memory>

namespace darts {

struct ConnectOptions {
  /// How long a rank is waited for, at the beginning and in every call.
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
};

/// Meets the other ranks: by Gloo for tensors on the CPU and, once one on a GPU is to be exchanged,
/// by NCCL. single_rank() for one rank alone. Throws Error where the meeting place is not there,
/// taken or another program's, and where ranks do not come, which it names.
std::shared_ptr<Ranks> connect(const RankPlace& place, const ConnectOptions& options = {});

}  // namespace darts
