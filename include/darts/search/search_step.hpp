#pragma once

#include <darts/ops/initialize.hpp>
#include <darts/ops/shared_network.hpp>
#include <darts/run/options.hpp>
#include <darts/run/pending_step.hpp>
#include <darts/search/architect.hpp>
#include <darts/search/method.hpp>
#include <darts/search/order.hpp>

#include <memory>

namespace darts {

/// How w begins and is trained: SGD with momentum, cosine schedule (paper, A.1.1).
struct WeightOptions {
  WeightInit init = WeightInit::modern;
  double learning_rate = 0.025;
  double learning_rate_min = 0.001;  ///< where the cosine ends
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 3e-4;
  double clip_norm = 5.0;  ///< the gradient of w is scaled down to this 2-norm
};

struct SearchStepOptions {
  SearchOrder order = SearchOrder::second;
  std::shared_ptr<const SearchMethod> method = std::make_shared<const SearchMethod>();
  WeightOptions w;
  AlphaOptions alpha;
  std::uint64_t seed = 0;   ///< of what the passes draw
  bool cuda_graph = false;  ///< passes on a GPU are launched as graphs; not with has_noise()
  /// Those that take the step together, each with its rows of the batches.
  std::shared_ptr<Ranks> ranks = single_rank();
  BatchNormStatistics batch_norm = BatchNormStatistics::sync;
};

/// One step of the search (paper, algorithm 1): theta by the architect, then w by SGD (the other
/// way round, or w alone, where the method says so). Owns both optimizers; the supernet is shared
/// with the caller, and its weights live together in one piece of memory from now on (FlatWeights).
class SearchStep {
 public:
  SearchStep(const Supernet& supernet, const SearchStepOptions& options);
  SearchStep(const SearchStep&) = delete;  // the architect refers to this object
  SearchStep& operator=(const SearchStep&) = delete;

  /// `train`: the batch that w moves on; `valid`: the held-out batch that theta moves on (not used
  /// by an order that is not bilevel); `learning_rate`: of w, in this step.
  ///
  /// On a GPU it returns while the step runs, and a figure that is not finite shows when the result
  /// is asked for: w and alpha have then moved, so that they must not be kept. On the CPU it throws
  /// NonFiniteError at once, and nothing has moved by that figure.
  PendingStep launch(const Batch& train, const Batch& valid, double learning_rate,
                     const SearchPosition& position = {});

  /// The same, and waits for it. Throws NonFiniteError.
  StepResult run(const Batch& train, const Batch& valid, double learning_rate,
                 const SearchPosition& position = {});

  /// Of the supernet, to be told of batches in passes of others.
  const SharedNetwork& shared() const { return shared_; }

  FlatSgd& weight_optimizer() { return sgd_; }
  ThetaOptimizer& theta_optimizer() { return *theta_optimizer_; }

  /// Whether the gradient that theta has counts in the next step (StepRules::theta_in_norm), so
  /// that it belongs to a checkpoint.
  bool needs_theta_gradient() const { return rules_.theta_in_norm; }

 private:
  void move_theta(const Batch& train, const Batch& valid, double learning_rate,
                  const SearchPosition& position, PendingStep::Figures& figures);
  void move_weights(const Batch& train, double learning_rate, const SearchPosition& position,
                    PendingStep::Figures& figures);
  void move_both(const Batch& train, double learning_rate, const SearchPosition& position,
                 PendingStep::Figures& figures);
  void take(const ThetaPass::Result& pass, const at::Tensor& theta_norm,
            PendingStep::Figures& figures);
  std::unique_ptr<SupernetPass> make_supernet_pass() const;
  void add_theta_gradient(const SearchPosition& position, PendingStep::Figures& figures) const;
  void clip_theta_gradient() const;
  /// The gradient of theta that the weight rules count at w's: what theta has, plus `of_pass`.
  at::Tensor theta_norm(const std::vector<at::Tensor>& of_pass) const;
  void add_sizes(PendingStep::Figures& figures) const;
  bool is_on_cpu() const { return theta_.tensors().front().is_cpu(); }
  /// Throws NonFiniteError if the device is the CPU and a figure is not finite.
  void check_on_cpu(const PendingStep::Figures& figures) const;

  Supernet supernet_;
  SearchStepOptions options_;
  Theta theta_;
  StepRules rules_;
  bool noise_;  ///< it has operations that draw noise
  FlatSgd sgd_;
  SharedNetwork shared_;
  std::shared_ptr<ThetaPass> pass_;
  std::unique_ptr<ThetaOptimizer> theta_optimizer_;
  std::unique_ptr<Architect> architect_;  ///< null when theta moves with w
};

/// Learning rate of epoch `epoch` of `epochs`, both counted from 0:
/// min + (max − min) · (1 + cos(π · epoch / epochs)) / 2.
double cosine_learning_rate(const WeightOptions& options, std::int64_t epoch, std::int64_t epochs);

}  // namespace darts
