#include <darts/core/device.hpp>
#include <darts/core/run.hpp>
#include <darts/eval/train_step.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>
#include <c10/util/StringUtil.h>
#include <torch/nn/utils/clip_grad.h>

#include <algorithm>
#include <cmath>

namespace darts {
namespace {

torch::optim::SGDOptions sgd_options(const TrainConfig::Weights& w) {
  return torch::optim::SGDOptions(w.learning_rate.start)
      .momentum(w.momentum)
      .nesterov(w.nesterov)
      .weight_decay(w.weight_decay);
}

/// Parts of nearly equal size with at least two images each, which batch norm asks for.
std::vector<MixedBatch> split(const MixedBatch& batch, std::int64_t parts) {
  const std::int64_t count = std::max<std::int64_t>(1, std::min(parts, batch.images.size(0) / 2));
  const auto images = batch.images.tensor_split(count);
  const auto labels = batch.labels.tensor_split(count);
  const auto others = batch.other_labels.defined() ? batch.other_labels.tensor_split(count)
                                                   : std::vector<at::Tensor>(images.size());
  std::vector<MixedBatch> split;
  for (std::size_t i = 0; i < images.size(); ++i) {
    split.push_back({images[i], labels[i], others[i], batch.share});
  }
  return split;
}

std::uint64_t number(std::int64_t value) { return static_cast<std::uint64_t>(value); }

}  // namespace

TrainStep::TrainStep(const EvaluationNetwork& network, const TrainConfig& config)
    : network_(network),
      config_(config),
      optimizer_(network->parameters(), sgd_options(config.w)) {}

TrainStepResult TrainStep::run(const Batch& batch, const TrainPosition& position) {
  const RandomStream mixup_random(config_.seed, RandomPurpose::mixup, number(position.epoch),
                                  number(position.step));
  RandomStream path_random(config_.seed, RandomPurpose::drop_path, number(position.epoch),
                           number(position.step));
  optimizer_.zero_grad();
  TrainStepResult result;
  const auto images = static_cast<double>(batch.images.size(0));
  for (const MixedBatch& part :
       split(mix(batch, config_.train.mixup, mixup_random), config_.train.parts)) {
    const std::int64_t samples = part.images.size(0);
    const DropPath drop_path({position.drop_path, network_->droppable_edges(), samples},
                             RandomStream(path_random(), RandomPurpose::drop_path),
                             part.images.options());
    add_gradients(part, static_cast<double>(samples) / images, drop_path, result);
  }
  result.gradient_norm =
      torch::nn::utils::clip_grad_norm_(network_->parameters(), config_.w.clip_norm);
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    throw NonFiniteError(
        c10::str("loss ", result.loss, ", gradient norm of w ", result.gradient_norm));
  }
  static_cast<torch::optim::SGDOptions&>(optimizer_.param_groups()[0].options())
      .lr(position.learning_rate);
  optimizer_.step();
  return result;
}

void TrainStep::add_gradients(const MixedBatch& batch, double share, DropPath drop_path,
                              TrainStepResult& result) {
  EvaluationNetworkImpl::Output output;
  {
    const AutocastGuard autocast(batch.images.device(), config_.runtime.precision);
    output = network_->forward(batch.images, std::move(drop_path));
  }
  // The loss in the weights' own type, whatever autocast made of the logits.
  const c10::ScalarType type = network_->parameters().front().scalar_type();
  const at::Tensor logits = output.logits.to(type);
  const double smoothing = config_.train.label_smoothing;
  at::Tensor loss = mixed_cross_entropy(logits, batch, smoothing);
  if (output.auxiliary.defined()) {
    loss = loss + config_.network.auxiliary *
                      mixed_cross_entropy(output.auxiliary.to(type), batch, smoothing);
  }
  (loss * share).backward();
  result.loss += loss.item<double>() * share;
  const bool first = !batch.other_labels.defined() || batch.share >= 0.5;
  result.correct +=
      logits.argmax(1).eq(first ? batch.labels : batch.other_labels).sum().item<std::int64_t>();
}

std::vector<std::string> TrainStep::parameter_names() const {
  std::vector<std::string> names;
  for (const auto& item : network_->named_parameters()) {
    names.push_back(item.key());
  }
  return names;
}

}  // namespace darts
