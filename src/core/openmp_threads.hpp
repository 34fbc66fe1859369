#pragma once

namespace darts {

/// While it lives, LibTorch's operations on its thread are run by that thread alone.
class OneOpenMpThread {
 public:
  OneOpenMpThread();
  ~OneOpenMpThread();
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  int before_;
};

/// Threads of OpenMP that wait for LibTorch's next operation look for it some microseconds long
/// from now on, in place of some milliseconds, in which they would keep a processor from threads
/// that have work. Of GNU's library; others are left as they are.
///
/// That library shortens its waits itself while it has more threads than there are processors, and
/// takes no such wish once the program has started, so it is given a few that never do anything.
void keep_openmp_from_spinning();

/// How many it starts for that, where LibTorch's operations have `threads`.
int idle_openmp_threads(int threads);

}  // namespace darts
