#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/parallel/ranks.hpp>

#include <functional>

namespace darts {

/// What load() gives on the first rank, for all of them: only that one needs the file.
Checkpoint broadcast_checkpoint(Ranks& ranks, const std::function<Checkpoint()>& load);

}  // namespace darts
