#include "openmp_threads.hpp"

#include <ATen/Parallel.h>

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>

namespace darts {
namespace {

/// A thread with a team of its own that has nothing to do, for as long as the program runs. It is
/// not waited for.
void start_idle_team(int threads) {
  try {
    std::thread([threads] {
      std::atomic<int> started = 0;  // else the compiler would leave the team out
#pragma omp parallel num_threads(threads)
      ++started;
      for (;;) {
        std::this_thread::sleep_for(std::chrono::hours(24));
      }
    }).detach();
  } catch (const std::system_error&) {  // no threads to be had: it stays as it is
  }
}

}  // namespace

// LibTorch asks first: it sets a thread's number when it is asked for it the first time.
OneOpenMpThread::OneOpenMpThread() : before_(at::get_num_threads()) { omp_set_num_threads(1); }
OneOpenMpThread::~OneOpenMpThread() { omp_set_num_threads(before_); }

/// All threads but the first of a team count; with those of LibTorch's they have to be more than
/// there are processors.
int idle_openmp_threads(int threads) { return std::max(omp_get_num_procs() - threads + 1, 1) + 1; }

void keep_openmp_from_spinning() {
  static const bool once = [] {
    start_idle_team(idle_openmp_threads(omp_get_max_threads()));
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace darts
