#include <darts/core/device_graph.hpp>
#include <darts/core/flat_tensors.hpp>
#include <darts/search/supernet_pass.hpp>

#include <c10/core/GradMode.h>

#include <map>
#include <utility>

namespace darts {
namespace {

/// Sizes of batches that are worth a graph: whole ones and an epoch's last, of either part of the
/// images. Batches of many sizes, as unreadable images make them, are not.
constexpr std::size_t most_sizes = 4;

/// A pass as a graph, with the tensors that it reads and writes each time.
struct CapturedPass {
  Batch batch;
  Mixings mixings;
  PassResult result;
  std::unique_ptr<DeviceGraph> graph;
};

class GraphedPass : public SupernetPass {
 public:
  GraphedPass(const Supernet& supernet, std::shared_ptr<FlatWeights> weights)
      : supernet_(supernet),
        plain_(make_pass(supernet, std::move(weights))),
        statistics_(flatten_by_type(supernet_->buffers())) {}

  PassResult run(const Batch& batch, const Mixings& mixings, Differentiate by) override {
    const std::vector<std::int64_t> size = batch.images.sizes().vec();
    auto& of_size = captured_[size];
    if (captured_.size() > most_sizes) {
      captured_.erase(size);
      return plain_->run(batch, mixings, by);
    }
    std::unique_ptr<CapturedPass>& captured = of_size[by];
    if (!captured) {
      captured = capture(batch, mixings, by);
    }
    return launch(*captured, batch, mixings);
  }

 private:
  std::unique_ptr<CapturedPass> capture(const Batch& batch, const Mixings& mixings,
                                        Differentiate by) {
    auto captured = std::make_unique<CapturedPass>();
    captured->batch = {batch.images.clone(), batch.labels.clone()};
    captured->mixings = {{mixings.normal.operations.detach().clone()},
                         {mixings.reduce.operations.detach().clone()}};
    const FlatRestore statistics(statistics_);  // as they are without the passes to warm up
    captured->graph = std::make_unique<DeviceGraph>(
        batch.images.device(),
        [this, by, &pass = *captured] { pass.result = plain_->run(pass.batch, pass.mixings, by); },
        first_);
    if (first_ == nullptr) {
      first_ = captured->graph.get();
    }
    return captured;
  }

  /// The graph's own tensors are written anew by the next launch, so copies are handed out.
  static PassResult launch(CapturedPass& captured, const Batch& batch, const Mixings& mixings) {
    const c10::NoGradGuard no_grad;
    captured.batch.images.copy_(batch.images, /*non_blocking=*/true);
    captured.batch.labels.copy_(batch.labels, /*non_blocking=*/true);
    captured.mixings.normal.operations.copy_(mixings.normal.operations);
    captured.mixings.reduce.operations.copy_(mixings.reduce.operations);
    {
      const c10::AutoGradMode with_gradients(true);  // where a launch runs the work
      captured.graph->launch();
    }
    PassResult result{captured.result.loss.clone(), captured.result.logits.clone(), {}};
    for (const at::Tensor& gradient : captured.result.mixing) {
      result.mixing.push_back(gradient.clone());
    }
    return result;
  }

  Supernet supernet_;
  std::unique_ptr<SupernetPass> plain_;
  std::vector<FlatTensors> statistics_;
  std::map<std::vector<std::int64_t>, std::map<Differentiate, std::unique_ptr<CapturedPass>>>
      captured_;                        ///< by the images' sizes and the kind of pass
  const DeviceGraph* first_ = nullptr;  ///< whose memory the others share
};

}  // namespace

std::unique_ptr<SupernetPass> make_graphed_pass(const Supernet& supernet,
                                                std::shared_ptr<FlatWeights> weights) {
  return std::make_unique<GraphedPass>(supernet, std::move(weights));
}

}  // namespace darts
