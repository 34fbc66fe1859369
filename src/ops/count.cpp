#include <darts/ops/count.hpp>

#include <ATen/record_function.h>

#include <memory>
#include <string_view>

namespace darts {
namespace {

struct RunningCount {
  std::int64_t total = 0;
  bool inside = false;  ///< within a counted call, whose parts are not counted again
};

/// Record functions take plain functions, without captures.
RunningCount& running_count() {
  thread_local RunningCount count;
  return count;
}

/// What is kept of a call from its start, when its inputs are still alive, to its end: the
/// multiply-adds that an element of its output costs.
struct Call : at::ObserverContext {
  explicit Call(std::int64_t cost) : cost_per_output(cost) {}
  std::int64_t cost_per_output;
};

/// Multiply-adds an element of the output, or 0 for what is not counted. LibTorch's linear layers
/// call addmm with a bias and matmul without.
std::int64_t cost_per_output(const at::RecordFunction& call) {
  const std::string_view name = call.name();
  const auto input = [&](std::size_t i) -> const at::Tensor& {
    return call.inputs()[i].toTensor();
  };
  if (name == "aten::conv2d" || name == "darts::relu_depthwise") {
    return input(1).numel() / input(1).size(0);  // input channels of a group × kernel
  }
  if (name == "aten::linear" || name == "aten::matmul") {
    return input(0).size(-1);
  }
  return name == "aten::addmm" ? input(1).size(-1) : 0;
}

std::unique_ptr<at::ObserverContext> begin_call(const at::RecordFunction& call) {
  if (running_count().inside) {
    return nullptr;
  }
  const std::int64_t cost = cost_per_output(call);
  running_count().inside = cost > 0;
  return cost > 0 ? std::make_unique<Call>(cost) : nullptr;
}

void end_call(const at::RecordFunction& call, at::ObserverContext* context) {
  if (context != nullptr) {
    running_count().inside = false;
    if (!call.outputs().empty()) {  // there are none after an exception
      running_count().total +=
          static_cast<Call*>(context)->cost_per_output * call.outputs()[0].toTensor().numel();
    }
  }
}

}  // namespace

std::int64_t count_elements(const std::vector<at::Tensor>& tensors) {
  std::int64_t count = 0;
  for (const at::Tensor& tensor : tensors) {
    count += tensor.numel();
  }
  return count;
}

std::int64_t count_parameters(const torch::nn::Module& module) {
  return count_elements(module.parameters());
}

std::int64_t count_multiply_adds(const std::function<void()>& forward) {
  running_count() = {};
  const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(begin_call, end_call)
                                                     .needsInputs(true)
                                                     .needsOutputs(true)
                                                     .scopes({at::RecordScope::FUNCTION}));
  try {
    forward();
  } catch (...) {
    at::removeCallback(handle);
    throw;
  }
  at::removeCallback(handle);
  return running_count().total;
}

}  // namespace darts
