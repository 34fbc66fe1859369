#include <darts/core/device_graph.hpp>

#include <c10/util/Exception.h>

#ifdef DARTS_WITH_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <optional>
#endif

namespace darts {

struct DeviceGraph::Impl {
  std::function<void()> work;
#ifdef DARTS_WITH_CUDA
  std::optional<at::cuda::CUDAGraph> graph;  ///< nothing: not on a GPU
#endif
};

#ifdef DARTS_WITH_CUDA

namespace {

constexpr int warm_up_runs = 3;

void capture(at::cuda::CUDAGraph& graph, const c10::Device& device,
             const std::function<void()>& work, at::cuda::MempoolId_t memory) {
  c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
  const c10::cuda::CUDAStream side = c10::cuda::getStreamFromPool(false, device.index());
  {
    const c10::cuda::CUDAStreamGuard guard(side);  // the default stream cannot be captured
    for (int i = 0; i < warm_up_runs; ++i) {
      work();
    }
    side.synchronize();
    // The loader's threads pin memory meanwhile, which the global mode would forbid.
    graph.capture_begin(memory, cudaStreamCaptureModeThreadLocal);
    work();
    graph.capture_end();
  }
  side.synchronize();
}

}  // namespace

#endif

DeviceGraph::DeviceGraph(const c10::Device& device, std::function<void()> work,
                         [[maybe_unused]] const DeviceGraph* shares)
    : impl_(std::make_unique<Impl>()) {
  impl_->work = std::move(work);
#ifdef DARTS_WITH_CUDA
  if (device.is_cuda()) {
    const bool shared = shares != nullptr && shares->impl_->graph.has_value();
    const at::cuda::MempoolId_t memory =
        shared ? shares->impl_->graph->pool() : at::cuda::graph_pool_handle();
    capture(impl_->graph.emplace(), device, impl_->work, memory);
    return;
  }
#endif
  TORCH_CHECK(!device.is_cuda(), "DeviceGraph: this build is without CUDA");
}

DeviceGraph::~DeviceGraph() = default;

void DeviceGraph::launch() {
#ifdef DARTS_WITH_CUDA
  if (impl_->graph) {
    impl_->graph->replay();
    return;
  }
#endif
  impl_->work();
}

}  // namespace darts
