#include <darts/core/error.hpp>
#include <darts/eval/train_step.hpp>
#include <darts/ops/noise.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>

#include <algorithm>

namespace darts {
namespace {

SgdOptions sgd_options(const TrainConfig::Weights& w) {
  if (w.nesterov && w.momentum == 0.0) {
    throw Error("w.nesterov: there is no momentum (w.momentum 0) for it; set it to false");
  }
  return {w.momentum, w.nesterov, w.weight_decay, w.clip_norm};
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
      noise_(has_noise(*network)),
      sgd_(std::make_shared<FlatWeights>(network->parameters()), sgd_options(config.w)) {
  flatten_by_type(network_->buffers());                     // for copies and checkpoints
  const bool graph = config.runtime.cuda_graph && !noise_;  // which draws anew in every pass
  pass_ =
      (graph ? make_graphed_train_pass : make_train_pass)(network, sgd_.shared_weights(), config);
}

StepResult TrainStep::run(const Batch& batch, const TrainPosition& position) {
  return launch(batch, position).get();
}

PendingStep TrainStep::launch(const Batch& batch, const TrainPosition& position) {
  const RandomStream mixup_random(config_.seed, RandomPurpose::mixup, number(position.epoch),
                                  number(position.step));
  RandomStream path_random(config_.seed, RandomPurpose::drop_path, number(position.epoch),
                           number(position.step));
  if (noise_) {
    restart_noise(*network_, {config_.seed, RandomPurpose::noise, number(position.epoch),
                              number(position.step)});
  }
  const at::ScalarType type = sgd_.weights().values().scalar_type();
  PendingStep::Figures figures;
  for (const MixedBatch& part :
       split(mix(batch, config_.train.mixup, mixup_random), config_.train.parts)) {
    const std::int64_t samples = part.images.size(0);
    TrainInputs inputs{part.images, part.targets(type), {}, 0.0, !figures.loss.defined()};
    inputs.drop_path = draw_drop_path({position.drop_path, network_->droppable_edges(), samples},
                                      RandomStream(path_random(), RandomPurpose::drop_path),
                                      part.images.options());
    inputs.weight = static_cast<double>(samples) / static_cast<double>(batch.images.size(0));
    const TrainPassResult pass = pass_->run(inputs);
    const bool first = !part.other_labels.defined() || part.share >= 0.5;
    const at::Tensor correct =
        pass.logits.argmax(1).eq(first ? part.labels : part.other_labels).sum();
    figures.loss = inputs.first ? pass.loss : figures.loss + pass.loss;
    figures.correct = inputs.first ? correct : figures.correct + correct;
  }
  figures.gradient_norm = sgd_.clip();
  PendingStep step(figures);
  if (batch.images.is_cpu()) {
    step.get();
  }
  sgd_.step(position.learning_rate);
  return step;
}

std::vector<std::string> TrainStep::parameter_names() const {
  std::vector<std::string> names;
  for (const auto& item : network_->named_parameters()) {
    names.push_back(item.key());
  }
  return names;
}

}  // namespace darts
