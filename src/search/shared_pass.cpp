#include <darts/search/supernet_pass.hpp>

#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>

#include <stdexcept>

namespace darts {
namespace {

/// What each rank has of a pass beside the gradient of w, which is summed where it lies. In
/// float64, which holds every count.
at::Tensor packed(const PassResult& result) {
  std::vector<at::Tensor> parts{result.loss.view({1}).to(at::kDouble),
                                result.correct.view({1}).to(at::kDouble)};
  for (const at::Tensor& gradient : result.mixing) {
    parts.push_back(gradient.flatten().to(at::kDouble));
  }
  return at::cat(parts);
}

void unpack(const at::Tensor& sums, PassResult& result) {
  result.loss = sums[0].to(result.loss.scalar_type());
  result.correct = sums[1].to(at::kLong);
  std::int64_t at = 2;
  for (at::Tensor& gradient : result.mixing) {
    gradient =
        sums.narrow(0, at, gradient.numel()).view(gradient.sizes()).to(gradient.scalar_type());
    at += gradient.numel();
  }
}

class SharedPass : public SupernetPass {
 public:
  SharedPass(std::unique_ptr<SupernetPass> pass, std::shared_ptr<FlatWeights> weights,
             std::shared_ptr<SharedBatch> shared)
      : pass_(std::move(pass)), weights_(std::move(weights)), shared_(std::move(shared)) {}

  PassResult run(const Batch& batch, const Mixings& mixings, Differentiate by) override {
    if (batch.shares.size() != 1) {
      throw std::logic_error("a search step on several ranks needs a share of its batch");
    }
    Ranks& ranks = shared_->ranks();
    const BatchShare& share = batch.shares.front();
    shared_->begin(share);
    Batch own = batch;
    own.weight = share.weight(ranks.rank());
    PassResult result = pass_->run(own, mixings, by);
    const c10::NoGradGuard no_grad;
    if (own.weight == 0.0) {
      result.correct = result.correct * 0;  // all ranks have these images, and one counts them
    }
    if (by != Differentiate::mixing) {
      ranks.sum(weights_->gradient());
    }
    const at::Tensor sums = packed(result);
    ranks.sum(sums);
    unpack(sums, result);
    return result;
  }

 private:
  std::unique_ptr<SupernetPass> pass_;
  std::shared_ptr<FlatWeights> weights_;
  std::shared_ptr<SharedBatch> shared_;
};

}  // namespace

std::unique_ptr<SupernetPass> shared_pass(std::unique_ptr<SupernetPass> pass,
                                          std::shared_ptr<FlatWeights> weights,
                                          std::shared_ptr<SharedBatch> batch) {
  return std::make_unique<SharedPass>(std::move(pass), std::move(weights), std::move(batch));
}

}  // namespace darts
