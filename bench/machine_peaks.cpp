#include "machine_peaks.hpp"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace darts {

double best_seconds(const std::function<void()>& work, int repetitions) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

MachinePeaks measure_peaks() {
  constexpr std::int64_t n = 1024;
  const at::Tensor a = at::rand({n, n});
  const at::Tensor b = at::rand({n, n});
  const at::Tensor from = at::rand({32 << 20});
  const at::Tensor to = at::empty_like(from);
  return {2.0 * n * n * n / best_seconds([&] { at::mm(a, b); }),
          2.0 * static_cast<double>(from.nbytes()) / best_seconds([&] { to.copy_(from); })};
}

}  // namespace darts
