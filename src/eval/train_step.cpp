#include <darts/core/error.hpp>
#include <darts/core/optimizer_limits.hpp>
#include <darts/eval/train_step.hpp>
#include <darts/ops/noise.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/stack.h>

namespace darts {
namespace {

SgdOptions sgd_options(const TrainConfig::Weights& w) {
  if (w.nesterov && w.momentum == 0.0) {
    throw Error("w.nesterov: there is no momentum (w.momentum 0) for it; set it to false");
  }
  check_schedule_falls(w.learning_rate.start, w.learning_rate.minimum);
  return {w.momentum, w.nesterov, w.weight_decay, w.clip_norm};
}

std::uint64_t number(std::int64_t value) { return static_cast<std::uint64_t>(value); }

}  // namespace

/// What a pass of a step is on: a part of the batch.
struct TrainStep::Part {
  MixedBatch batch;
  BatchShare share;     ///< of the part, of which `batch` has these rows
  double weight = 1.0;  ///< of its loss in the batch's
};

TrainStep::TrainStep(const EvaluationNetwork& network, const TrainConfig& config,
                     std::shared_ptr<Ranks> ranks)
    : network_(network),
      config_(config),
      noise_(has_noise(*network)),
      sgd_(std::make_shared<FlatWeights>(network->parameters()), sgd_options(config.w)),
      shared_(*network_, std::move(ranks), config.parallel.batch_norm) {
  // Noise is drawn anew in every pass.
  const bool graph = config.runtime.cuda_graph && !noise_ && !shared_.exchanges();
  pass_ =
      (graph ? make_graphed_train_pass : make_train_pass)(network, sgd_.shared_weights(), config);
}

StepResult TrainStep::run(const Batch& batch, const TrainPosition& position) {
  return launch(batch, position).get();
}

/// The parts that config.train.parts asks for: nearly equal, with at least two images each, which
/// batch norm asks for.
std::vector<TrainStep::Part> TrainStep::split(const MixedBatch& batch,
                                              const std::vector<BatchShare>& of_rank) const {
  const int rank = shared_.ranks().rank();
  const std::int64_t own = batch.images.size(0);
  const std::vector<BatchShare> shares =
      of_rank.empty() ? shares_of(own, config_.train.parts, 0, 1) : of_rank;
  const std::int64_t all = whole_of(shares);
  std::vector<Part> parts;
  std::int64_t begin = 0;  // of the part in the batch
  std::int64_t row = 0;    // among this rank's
  for (BatchShare share : shares) {
    const auto rows = [&](const at::Tensor& of_batch) {
      return of_batch.defined() ? of_batch.narrow(0, row, share.rows) : at::Tensor();
    };
    share.first -= begin;
    const double counted = share.replicated && rank > 0 ? 0.0 : static_cast<double>(share.rows);
    parts.push_back(
        {{rows(batch.images), rows(batch.labels), rows(batch.other_labels), batch.share},
         share,
         counted / static_cast<double>(all)});
    begin += share.all;
    row += share.rows;
  }
  return parts;
}

/// What each rank has found of its rows.
void TrainStep::add_up(PendingStep::Figures& figures) const {
  if (shared_.alone()) {
    return;
  }
  shared_.ranks().sum(sgd_.weights().gradient());
  const at::Tensor sums =
      at::stack({figures.loss.to(at::kDouble), figures.correct.to(at::kDouble)});
  shared_.ranks().sum(sums);
  figures.loss = sums[0].to(figures.loss.scalar_type());
  figures.correct = sums[1].to(at::kLong);
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
  for (const Part& part :
       split(mix(batch, config_.train.mixup, mixup_random, shared_.shared_ranks()), batch.shares)) {
    const BatchShare& share = part.share;
    shared_.batch()->begin(share);
    TrainInputs inputs{
        part.batch.images, part.batch.targets(type), {}, part.weight, !figures.loss.defined()};
    inputs.drop_path = draw_drop_path({position.drop_path, network_->droppable_edges(), share.all},
                                      RandomStream(path_random(), RandomPurpose::drop_path),
                                      part.batch.images.options());
    if (inputs.drop_path.defined() && share.rows < share.all) {
      inputs.drop_path = inputs.drop_path.narrow(1, share.first, share.rows);
    }
    const TrainPassResult pass = pass_->run(inputs);
    const bool first = !part.batch.other_labels.defined() || part.batch.share >= 0.5;
    at::Tensor correct =
        pass.logits.argmax(1).eq(first ? part.batch.labels : part.batch.other_labels).sum();
    if (part.weight == 0.0) {
      correct = correct * 0;  // which another rank counts
    }
    figures.loss = inputs.first ? pass.loss : figures.loss + pass.loss;
    figures.correct = inputs.first ? correct : figures.correct + correct;
  }
  add_up(figures);
  figures.gradient_norm = sgd_.clip();
  PendingStep step(figures);
  if (batch.images.is_cpu()) {
    step.get();
  }
  sgd_.step(position.learning_rate);
  shared_.average_statistics();
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
