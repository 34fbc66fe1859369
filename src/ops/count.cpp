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

/// Multiply-adds of a call: by element of its output, and beside that.
struct Cost {
  std::int64_t per_output = 0;
  std::int64_t fixed = 0;
};

/// What is kept of a call from its start, when its inputs are still alive, to its end.
struct Call : at::ObserverContext {
  explicit Call(const Cost& call_cost) : cost(call_cost) {}
  Cost cost;
};

/// 0 for what is not counted. LibTorch's linear layers call addmm with a bias and matmul without.
Cost cost_of(const at::RecordFunction& call) {
  const std::string_view name = call.name();
  const auto input = [&](std::size_t i) -> const at::Tensor& {
    return call.inputs()[i].toTensor();
  };
  if (name == "aten::conv2d") {
    return {input(1).numel() / input(1).size(0)};  // input channels of a group × kernel
  }
  if (name == "aten::linear" || name == "aten::matmul") {
    return {input(0).size(-1)};
  }
  if (name == "darts::fused_cell" || name == "darts::fused_operation") {
    return {0, call.inputs()[0].toInt()};  // they say so themselves
  }
  return {name == "aten::addmm" ? input(1).size(-1) : 0};
}

std::unique_ptr<at::ObserverContext> begin_call(const at::RecordFunction& call) {
  if (running_count().inside) {
    return nullptr;
  }
  const Cost cost = cost_of(call);
  running_count().inside = cost.per_output > 0 || cost.fixed > 0;
  return running_count().inside ? std::make_unique<Call>(cost) : nullptr;
}

void end_call(const at::RecordFunction& call, at::ObserverContext* context) {
  if (context != nullptr) {
    running_count().inside = false;
    if (!call.outputs().empty()) {  // there are none after an exception
      const Cost& cost = static_cast<Call*>(context)->cost;
      running_count().total += cost.per_output * call.outputs()[0].toTensor().numel() + cost.fixed;
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
