// What a search measures of an epoch, and what becomes of it.

#include <darts/core/error.hpp>
#include <darts/core/flat_tensors.hpp>
#include <darts/core/text.hpp>
#include <darts/ops/dropout.hpp>
#include <darts/ops/noise.hpp>
#include <darts/search/search_run.hpp>
#include <darts/search/selection.hpp>
#include <darts/search/shared_curvature.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <utility>

namespace darts {
namespace {

/// Mean share of `none` over the edges that offer it. shares: edges × columns.
std::optional<double> none_share(const at::Tensor& shares, const CellPrimitives& primitives) {
  const at::Tensor rows = shares.detach().to(at::kCPU, at::kDouble).contiguous();
  double sum = 0.0;
  std::int64_t edges = 0;
  for (std::int64_t edge = 0; edge < rows.size(0); ++edge) {
    const std::vector<Primitive>& offered = primitives.of(edge);
    for (std::size_t p = 0; p < offered.size(); ++p) {
      if (offered[p].kind() == PrimitiveKind::none) {
        sum += rows.const_data_ptr<double>()[edge * rows.size(1) + static_cast<std::int64_t>(p)];
        ++edges;
      }
    }
  }
  return edges > 0 ? std::optional(sum / static_cast<double>(edges)) : std::nullopt;
}

/// The supernet in evaluation mode, or, where its batch norms are to go by each batch's own
/// statistics, in training mode but for what is dropped there. Running statistics are afterwards
/// what they were.
class StatisticsOfValidation {
 public:
  StatisticsOfValidation(SupernetImpl& supernet, ValidationStatistics statistics)
      : of_batch_(statistics == ValidationStatistics::batch) {
    supernet.train(of_batch_);
    if (of_batch_) {
      running_.emplace(flatten_by_type(supernet.buffers()));
      for (const auto& module : supernet.modules()) {
        if (dynamic_cast<const DroppingOperation*>(module.get()) != nullptr) {
          module->eval();
        }
      }
    }
  }

  /// One image has no statistics where it has come down to one pixel.
  bool suffice_for(std::int64_t images) const { return !of_batch_ || images > 1; }

 private:
  bool of_batch_;
  std::optional<FlatRestore> running_;
};

}  // namespace

/// Of this rank's rows of a batch, those that it counts.
SearchRun::BatchScores SearchRun::score(const Batch& batch, const Mixings& mixings) {
  const BatchShare share =
      batch.shares.empty() ? share_of(batch.all(), 0, 1) : batch.shares.front();
  BatchScores scores;
  if (share.rows == 0) {
    return scores;
  }
  step_->shared().batch()->begin(share);
  const at::Tensor logits = supernet_->forward(batch.images, mixings).to(at::kDouble);
  if (share.replicated && !ranks().is_first()) {
    return scores;
  }
  scores.images = share.rows;
  scores.loss_sum = at::cross_entropy_loss(logits, batch.labels) * static_cast<double>(share.rows);
  scores.correct = logits.argmax(1).eq(batch.labels).sum();
  return scores;
}

CandidateFigures SearchRun::of_all_ranks(const at::Tensor& loss, const at::Tensor& correct,
                                         std::int64_t seen) {
  std::array<double, 3> sums{loss.item<double>(), static_cast<double>(correct.item<std::int64_t>()),
                             static_cast<double>(seen)};
  ranks().sum(std::span<double>(sums));
  const auto [loss_sum, hits, images] = sums;
  if (images == 0.0) {
    throw Error("none of the held-out images can be read");
  }
  return {hits / images, loss_sum / images};
}

EpochSummary SearchRun::summarize() const {
  const c10::NoGradGuard no_grad;
  const Theta theta = supernet_->theta();
  EpochSummary s{epoch_figures(state_, learning_rate())};
  s.entropy_normal = mean_entropy(method_->shares(theta, CellType::normal));
  s.entropy_reduce = mean_entropy(method_->shares(theta, CellType::reduction));
  s.none_share_normal =
      none_share(method_->shares(theta, CellType::normal), stage_.space.primitives.normal);
  s.none_share_reduce =
      none_share(method_->shares(theta, CellType::reduction), stage_.space.primitives.reduce);
  s.most_entropy = undecided_entropy(stage_.space);
  s.valid_trained_on = !find_order(config_.search.order).bilevel;
  s.skipped = state_.skipped;
  s.figures = method_->figures(position(state_.step));
  try {
    s.genotype = derive();
    s.genotype->name = config_.name;
  } catch (const NoGenotypeError& e) {
    s.no_genotype = e.what();
  }
  return s;
}

bool SearchRun::validate(EpochSummary& summary) {
  const c10::NoGradGuard no_grad;
  const bool bilevel = find_order(config_.search.order).bilevel;
  auto progress = hooks().progress(bilevel ? "validation" : "test on images trained on",
                                   data_.validation_batches());
  const StatisticsOfValidation statistics(*supernet_, config_.search.validation_statistics);
  data_.start_validation();
  restart_noise(*supernet_, {config_.seed, RandomPurpose::noise, RandomStream::max(),
                             static_cast<std::uint64_t>(state_.epoch)});
  at::Tensor loss = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(device()));
  at::Tensor correct = at::zeros({}, at::TensorOptions().dtype(at::kLong).device(device()));
  std::int64_t done = 0;
  std::int64_t seen = 0;
  const Mixings mixings =
      apply_selection(method_->mix_all(supernet_->theta(), position(state_.step), Moves::nothing),
                      supernet_->theta());
  while (const auto batch = data_.next_validation()) {
    if (!statistics.suffice_for(batch->all())) {
      continue;
    }
    const BatchScores scores = score(*batch, mixings);
    loss += scores.loss_sum;
    correct += scores.correct;
    seen += scores.images;
    if (progress) {
      progress->update(++done);
    }
    if (stop_requested()) {
      return false;
    }
  }
  const auto [accuracy, mean_loss] = of_all_ranks(loss, correct, seen);
  summary.valid_skipped = data_.validation_skipped();
  summary.valid_loss = mean_loss;
  summary.valid_accuracy = accuracy;
  if (!std::isfinite(summary.valid_loss)) {
    throw NonFiniteError("validation loss " + format_fixed(summary.valid_loss, 3));
  }
  return true;
}

/// In training mode, as its authors do: running statistics move.
CandidateFigures SearchRun::judge(const Mixings& mixings) {
  data_.start_validation();
  at::Tensor loss = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(device()));
  at::Tensor correct = at::zeros({}, at::TensorOptions().dtype(at::kLong).device(device()));
  std::int64_t seen = 0;
  while (const auto batch = data_.next_validation()) {
    if (batch->all() < 2) {
      continue;  // no batch statistics
    }
    const BatchScores scores = score(*batch, mixings);
    loss += scores.loss_sum;
    correct += scores.correct;
    seen += scores.images;
  }
  return of_all_ranks(loss, correct, seen);
}

/// The curvature where this epoch is one whose it is measured after. False: the run is to stop.
bool SearchRun::measure(EpochSummary& summary) {
  const CurvatureOptions& options = config_.search.curvature;
  if (!measures_curvature(options, state_.epoch, epochs())) {
    return true;
  }
  const SearchPosition here = position(state_.step);
  const bool exact = options.products == CurvatureProducts::exact;
  const HessianOptions hessian{options.products, config_.alpha.weight_decay, here,
                               exact ? at::kFloat : at::kDouble};
  const auto epoch = static_cast<std::uint64_t>(state_.epoch);
  summary.curvature = shared_curvature(
      ranks(), [this] { return hooks().stop_requested(); },
      [&](const std::function<bool()>& should_stop) {
        return measure_curvature(supernet_, method_, data_.last_held_out(), hessian,
                                 RandomStream(config_.seed, RandomPurpose::curvature, epoch, 1)(),
                                 should_stop);
      });
  return summary.curvature.has_value();
}

EpochEnd SearchRun::finish_epoch() {
  EpochSummary summary = summarize();
  if (!validate(summary) || !measure(summary)) {
    return EpochEnd::stopped;
  }
  log().info(describe(summary, epochs()));
  log().info("  " + (summary.genotype ? to_notation(*summary.genotype)
                                      : "no genotype: " + summary.no_genotype));
  metrics().append(to_json(summary));
  records_.add_theta(summary.epoch, supernet_->theta(), stage_.space.primitives);
  records_.write_genotype(summary);
  trace(summary);

  const bool best = summary.valid_accuracy > state_.best_accuracy;
  SearchState next;
  next.epoch = summary.epoch;
  next.best_accuracy = best ? summary.valid_accuracy : state_.best_accuracy;
  next.best_epoch = best ? summary.epoch : state_.best_epoch;
  next.stage = stage_.number;
  next.trace = std::move(state_.trace);
  state_ = std::move(next);
  return best ? EpochEnd::finished_best : EpochEnd::finished;
}

/// Adds the epoch to what early stop looks at, and stops the search where its rule says so.
void SearchRun::trace(const EpochSummary& summary) {
  const EarlyStopOptions& options = config_.early_stop;
  if (options.by == EarlyStop::none) {
    return;
  }
  TracedEpoch ended{.epoch = state_.epoch, .alpha_moved = method_->moves_theta(position(0))};
  if (summary.curvature) {
    ended.eigenvalue = summary.curvature->eigenvalue;
  }
  if (summary.genotype) {
    ended.skips = count_skip_connections(summary.genotype->normal);
    ended.genotype = to_notation(*summary.genotype);
  }
  add_epoch(state_.trace, ended);
  state_.trace.stop =
      decide_stop(state_.trace, options, config_.search.curvature.every, summary.epoch, epochs());
  if (state_.trace.stop) {
    metrics().append(to_json(*state_.trace.stop, options.by));
    records_.write_result(*state_.trace.stop, options.by);
  }
}

}  // namespace darts
