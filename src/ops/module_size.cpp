#include <darts/ops/count.hpp>
#include <darts/ops/module_size.hpp>

#include <torch/nn/modules/batchnorm.h>

namespace darts {

double ModuleSize::parameters(std::int64_t channels) const {
  const auto c = static_cast<double>(channels);
  return elements[0] + c * (elements[1] + c * elements[2]);
}

ModuleSize& ModuleSize::operator+=(const ModuleSize& other) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    elements[i] += other.elements[i];
  }
  tensors += other.tensors;
  batch_norms += other.batch_norms;
  return *this;
}

ModuleSize ModuleSize::operator*(std::int64_t times) const {
  ModuleSize size = *this;
  for (double& value : size.elements) {
    value *= static_cast<double>(times);
  }
  size.tensors *= times;
  size.batch_norms *= times;
  return size;
}

ModuleSize size_by_channels(
    const std::function<std::shared_ptr<torch::nn::Module>(std::int64_t channels)>& make,
    std::int64_t step) {
  const std::int64_t unit = 4 * step;  // some operations halve their channels
  const std::array<std::shared_ptr<torch::nn::Module>, 3> samples{make(unit), make(2 * unit),
                                                                  make(3 * unit)};
  std::array<double, 3> counts{};
  for (std::size_t i = 0; i < samples.size(); ++i) {
    counts[i] = static_cast<double>(count_parameters(*samples[i]));
  }
  ModuleSize size;
  // The parabola through (1, y1), (2, y2), (3, y3), in units of `unit` channels.
  const double second = (counts[0] - 2 * counts[1] + counts[2]) / 2;
  const double first = counts[1] - counts[0] - 3 * second;
  const auto scale = static_cast<double>(unit);
  size.elements = {counts[0] - first - second, first / scale, second / (scale * scale)};
  const torch::nn::Module& sample = *samples[0];
  size.tensors = static_cast<std::int64_t>(sample.parameters().size() + sample.buffers().size());
  for (const auto& module : sample.modules()) {
    size.batch_norms += dynamic_cast<const torch::nn::BatchNorm2dImpl*>(module.get()) != nullptr;
  }
  return size;
}

}  // namespace darts
