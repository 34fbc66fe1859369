#pragma once

#include "pass.hpp"

namespace darts::fused {

/// Computes all states and what leaves them, from the pass's inputs. Where statistics are known
/// already, from a run before, they are used and nothing moves.
template <class T, class S>
void run_states(CellPass<T, S>& pass);

}  // namespace darts::fused
