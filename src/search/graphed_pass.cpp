#include "restore.hpp"

#include <darts/search/supernet_pass.hpp>

#ifdef DARTS_WITH_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/GradMode.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <map>
#endif

namespace darts {

#ifdef DARTS_WITH_CUDA

namespace {

/// A pass as a graph, with the tensors that it reads and writes each time.
struct CapturedPass {
  Batch batch;
  PassResult result;
  at::cuda::CUDAGraph graph;
};

bool fits(const CapturedPass& captured, const Batch& batch) {
  return captured.batch.images.sizes() == batch.images.sizes() &&
         captured.batch.images.device() == batch.images.device();
}

class GraphedPass : public SupernetPass {
 public:
  explicit GraphedPass(const Supernet& supernet)
      : supernet_(supernet), plain_(make_pass(supernet)) {}

  PassResult run(const Batch& batch, Differentiate by) override {
    if (!batch.images.is_cuda()) {
      return plain_->run(batch, by);
    }
    std::unique_ptr<CapturedPass>& captured = captured_[by];
    if (!captured) {
      captured = capture(batch, by);
    }
    return fits(*captured, batch) ? replay(*captured, batch) : plain_->run(batch, by);
  }

 private:
  std::unique_ptr<CapturedPass> capture(const Batch& batch, Differentiate by) {
    constexpr int warm_up_passes = 3;  // cuDNN and the allocators settle
    auto captured = std::make_unique<CapturedPass>();
    captured->batch = {batch.images.clone(), batch.labels.clone()};
    Tensors statistics = supernet_->buffers();  // as they are without the passes to warm up
    Tensors saved = empty_like(statistics);
    const Restore restore(statistics, saved);
    const c10::DeviceIndex device = batch.images.device().index();
    c10::cuda::getCurrentCUDAStream(device).synchronize();
    const c10::cuda::CUDAStream side = c10::cuda::getStreamFromPool(false, device);
    {
      const c10::cuda::CUDAStreamGuard guard(side);  // the default stream cannot be captured
      for (int i = 0; i < warm_up_passes; ++i) {
        plain_->run(captured->batch, by);
      }
      side.synchronize();
      // The loader's threads pin memory meanwhile, which the global mode would forbid.
      captured->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      captured->result = plain_->run(captured->batch, by);
      captured->graph.capture_end();
    }
    side.synchronize();
    return captured;
  }

  /// The graph's own tensors are written anew by the next launch: what is small is handed out as a
  /// copy.
  static PassResult replay(CapturedPass& captured, const Batch& batch) {
    const c10::NoGradGuard no_grad;
    captured.batch.images.copy_(batch.images, /*non_blocking=*/true);
    captured.batch.labels.copy_(batch.labels, /*non_blocking=*/true);
    captured.graph.replay();
    PassResult result;
    result.loss = captured.result.loss.clone();
    result.logits = captured.result.logits.clone();
    for (const at::Tensor& gradient : captured.result.alphas) {
      result.alphas.push_back(gradient.clone());
    }
    result.weights = captured.result.weights;
    return result;
  }

  Supernet supernet_;
  std::unique_ptr<SupernetPass> plain_;
  std::map<Differentiate, std::unique_ptr<CapturedPass>> captured_;
};

}  // namespace

std::unique_ptr<SupernetPass> make_graphed_pass(const Supernet& supernet) {
  return std::make_unique<GraphedPass>(supernet);
}

#else

std::unique_ptr<SupernetPass> make_graphed_pass(const Supernet& supernet) {
  return make_pass(supernet);
}

#endif

}  // namespace darts
