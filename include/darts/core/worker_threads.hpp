#pragma once

#include <cstdint>
#include <functional>

namespace darts {

/// Calls work(item, worker) for each item from 0 to items - 1, on the calling thread (worker 0) and
/// others, at::get_num_threads() in all; a worker is one thread at a time, numbered below that.
/// Returns when all items are done.
///
/// Whoever is free takes the next item, so that results must not depend on who takes which. The
/// caller waits for items that others have begun, and for nothing else: a thread that gets no
/// processor, on a machine that has other work, holds nobody up. Threads that wait do so for some
/// microseconds by looking, then asleep.
///
/// LibTorch's operations within `work` are run by the one thread, in no gradient mode of the
/// caller's. Of several errors one is thrown. Within `work`, and where another thread is sharing
/// out already, all items are the caller's.
void share_out(std::int64_t items, const std::function<void(std::int64_t, int)>& work);

}  // namespace darts
