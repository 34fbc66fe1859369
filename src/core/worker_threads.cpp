#include "openmp_threads.hpp"

#include <darts/core/worker_threads.hpp>

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace darts {
namespace {

using Work = std::function<void(std::int64_t, int)>;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// Some microseconds: less than a thread takes to fall asleep and wake up.
constexpr int looks = 300;

/// Until `value` is no longer `old`.
void wait_while(const std::atomic<int>& value, int old) {
  for (int i = 0; i < looks; ++i) {
    if (value.load(std::memory_order_acquire) != old) {
      return;
    }
    pause();
  }
  value.wait(old);
}

/// Items [next, end) that a worker has still to do: it takes them from the front, others from the
/// back.
class Share {
 public:
  void set(std::int64_t next, std::int64_t end) { left_ = pack(next, end); }
  void clear() { left_ = 0; }

  /// The next item, or the last; nothing if there is none.
  std::optional<std::int64_t> take(bool from_back) {
    std::uint64_t left = left_;
    for (;;) {
      const auto next = static_cast<std::int64_t>(left >> 32U);
      const auto end = static_cast<std::int64_t>(left & 0xffffffffU);
      if (next >= end) {
        return std::nullopt;
      }
      const std::uint64_t then = from_back ? pack(next, end - 1) : pack(next + 1, end);
      if (left_.compare_exchange_weak(left, then)) {
        return from_back ? end - 1 : next;
      }
    }
  }

 private:
  static std::uint64_t pack(std::int64_t next, std::int64_t end) {
    return static_cast<std::uint64_t>(next) << 32U | static_cast<std::uint64_t>(end);
  }
  alignas(64) std::atomic<std::uint64_t> left_ = 0;
};

/// Threads that wait for a call of share_out() to help with.
class WorkerThreads {
 public:
  WorkerThreads() = default;
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;
  WorkerThreads(WorkerThreads&&) = delete;
  WorkerThreads& operator=(WorkerThreads&&) = delete;
  ~WorkerThreads() {
    ending_ = true;
    call_.fetch_add(1);
    call_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  /// False, and nothing is done, if another thread is in here.
  bool run(std::int64_t items, int workers, const Work& work) {
    const std::unique_lock<std::mutex> alone(calling_, std::try_to_lock);
    if (!alone) {
      return false;
    }
    grow(workers - 1);
    if (std::ssize(shares_) < workers) {
      shares_ = std::vector<Share>(static_cast<std::size_t>(workers));
    }
    work_ = &work;
    workers_ = workers;
    for (std::int64_t worker = 0; worker < workers; ++worker) {
      shares_[static_cast<std::size_t>(worker)].set(worker * items / workers,
                                                    (worker + 1) * items / workers);
    }
    failure_ = nullptr;
    open_ = true;
    call_.fetch_add(1);
    call_.notify_all();
    take_items(0);
    open_ = false;
    for (int helping = helping_; helping > 0; helping = helping_) {
      wait_while(helping_, helping);
    }
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    return true;
  }

 private:
  /// As many as can be had: what a thread that cannot be started would do is done by the others.
  void grow(int count) {
    while (std::ssize(threads_) < count) {
      const int worker = static_cast<int>(threads_.size()) + 1;
      try {
        threads_.emplace_back([this, worker, seen = call_.load()] { serve(worker, seen); });
      } catch (const std::system_error&) {
        return;
      }
    }
  }

  void serve(int worker, int seen) {
    const OneOpenMpThread serial;
    for (;;) {
      wait_while(call_, seen);
      seen = call_.load();
      if (ending_) {
        return;
      }
      help(worker);
    }
  }

  /// The call is over when it is closed and nobody helps any more. Whoever comes later sees that it
  /// is closed; whoever has come before is waited for.
  void help(int worker) {
    helping_.fetch_add(1);
    if (open_ && worker < workers_) {
      take_items(worker);
    }
    if (helping_.fetch_sub(1) == 1 || !open_) {
      helping_.notify_all();
    }
  }

  /// A worker's own share first, which is the same from call to call, so that what it worked on in
  /// the last one is in its processor's cache; then what others have not come to.
  void take_items(int worker) {
    const int workers = workers_;
    for (int i = 0; i < workers; ++i) {
      Share& share = shares_[static_cast<std::size_t>((worker + i) % workers)];
      while (const auto item = share.take(/*from_back=*/i > 0)) {
        run_item(*item, worker);
      }
    }
  }

  void run_item(std::int64_t item, int worker) {
    try {
      (*work_)(item, worker);
    } catch (...) {
      const std::lock_guard<std::mutex> one(failing_);
      failure_ = std::current_exception();
      for (Share& share : shares_) {
        share.clear();
      }
    }
  }

  std::mutex calling_;
  std::mutex failing_;
  std::vector<std::thread> threads_;
  std::vector<Share> shares_;     ///< a worker's each; changes while nobody helps
  std::atomic<int> call_ = 0;     ///< counts them
  std::atomic<int> helping_ = 0;  ///< threads beside the caller
  std::atomic<bool> open_ = false;
  std::atomic<bool> ending_ = false;
  std::atomic<const Work*> work_ = nullptr;
  std::atomic<int> workers_ = 0;
  std::exception_ptr failure_;
};

/// The process's: as LibTorch's own threads, they are kept from call to call.
WorkerThreads& process_threads() {
  static WorkerThreads threads;
  return threads;
}

}  // namespace

void share_out(std::int64_t items, const Work& work) {
  const int workers = static_cast<int>(std::min<std::int64_t>(items, at::get_num_threads()));
  if (workers > 1) {
    keep_openmp_from_spinning();
    const OneOpenMpThread serial;
    if (process_threads().run(items, workers, work)) {
      return;
    }
  }
  for (std::int64_t item = 0; item < items; ++item) {
    work(item, 0);
  }
}

}  // namespace darts
