#include <darts/eval/weight_average.hpp>

#include <c10/core/GradMode.h>

#include <algorithm>

namespace darts {
namespace {

void move_towards(const at::Tensor& average, const at::Tensor& value, double share) {
  if (average.is_floating_point()) {
    average.lerp_(value, share);
  } else {
    average.copy_(value);
  }
}

}  // namespace

void update_average(torch::nn::Module& average, const torch::nn::Module& network, double decay,
                    std::int64_t updates) {
  const c10::NoGradGuard no_grad;
  const auto n = static_cast<double>(updates);
  const double share = 1.0 - std::min(decay, (1.0 + n) / (10.0 + n));
  const auto move_all = [&](const std::vector<at::Tensor>& averages,
                            const std::vector<at::Tensor>& values) {
    TORCH_CHECK(averages.size() == values.size(), "update_average: ", averages.size(),
                " tensors to be averaged with ", values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      move_towards(averages[i], values[i], share);
    }
  };
  move_all(average.parameters(), network.parameters());
  move_all(average.buffers(), network.buffers());
}

}  // namespace darts
