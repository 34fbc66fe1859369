#include <darts/ops/noise.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/randn.h>

#include <algorithm>

namespace darts {

std::int64_t DrawingOperation::all_rows(std::int64_t rows) const {
  return batch_ && batch_->is_shared() ? batch_->share().all : rows;
}

at::Tensor DrawingOperation::own_rows(const at::Tensor& drawn) const {
  return batch_ && batch_->is_shared()
             ? drawn.narrow(0, batch_->share().first, batch_->share().rows)
             : drawn;
}

at::Generator DrawingOperation::next_generator(const c10::Device& device) {
  const std::uint64_t seed = stream_();
  if (device.is_cpu()) {
    return at::detail::createCPUGenerator(seed);
  }
  at::Generator generator = at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  return generator;
}

at::Tensor NoiseImpl::forward(const at::Tensor& x) {
  const auto strided = [this](std::int64_t size) { return (size - 1) / stride_ + 1; };
  return own_rows(
      at::randn({all_rows(x.size(0)), x.size(1), strided(x.size(2)), strided(x.size(3))},
                next_generator(x.device()), x.options().requires_grad(false)));
}

bool has_noise(const torch::nn::Module& network) {
  return std::ranges::any_of(network.modules(/*include_self=*/false), [](const auto& module) {
    return dynamic_cast<const DrawingOperation*>(module.get()) != nullptr;
  });
}

NoiseMark::NoiseMark(torch::nn::Module& network) {
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto noise = std::dynamic_pointer_cast<DrawingOperation>(module)) {
      streams_.emplace_back(noise, noise->stream());
    }
  }
}

void NoiseMark::rewind() const {
  for (const auto& [noise, stream] : streams_) {
    noise->restart(stream);
  }
}

void share_noise(torch::nn::Module& network, const std::shared_ptr<const SharedBatch>& batch) {
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto* const noise = dynamic_cast<DrawingOperation*>(module.get())) {
      noise->share(batch);
    }
  }
}

void restart_noise(torch::nn::Module& network, RandomStream stream) {
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto* noise = dynamic_cast<DrawingOperation*>(module.get())) {
      noise->restart(RandomStream(stream(), RandomPurpose::noise));
    }
  }
}

}  // namespace darts
