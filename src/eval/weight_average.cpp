#include <darts/eval/weight_average.hpp>

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace darts {
namespace {

/// Parameters apart from buffers: an optimizer may have put the former together already.
std::vector<FlatTensors> state_of(const torch::nn::Module& module) {
  std::vector<FlatTensors> state = flatten_by_type(module.parameters());
  for (FlatTensors& buffers : flatten_by_type(module.buffers())) {
    state.push_back(std::move(buffers));
  }
  return state;
}

}  // namespace

WeightAverage::WeightAverage(const torch::nn::Module& average, const torch::nn::Module& network)
    : averages_(state_of(average)), values_(state_of(network)) {
  TORCH_CHECK(averages_.size() == values_.size(),
              "WeightAverage: two networks of one kind expected");
}

void WeightAverage::update(double decay, std::int64_t updates) const {
  const c10::NoGradGuard no_grad;
  const auto n = static_cast<double>(updates);
  const double share = 1.0 - std::min(decay, (1.0 + n) / (10.0 + n));
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    const at::Tensor& average = averages_[i].flat();
    if (average.is_floating_point()) {
      average.lerp_(values_[i].flat(), share);
    } else {
      average.copy_(values_[i].flat());
    }
  }
}

}  // namespace darts
