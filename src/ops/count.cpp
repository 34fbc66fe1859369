#include <darts/ops/count.hpp>

#include <ATen/record_function.h>

#include <string_view>

namespace darts {
namespace {

/// Multiply-adds an output element: input channels of its group × kernel, which is the weight's
/// elements an output channel, for convolution (out, in/groups, kh, kw) and linear (out, in) alike.
std::int64_t count_call(std::int64_t outputs, const at::Tensor& weight) {
  return outputs * (weight.numel() / weight.size(0));
}

}  // namespace

std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) {
    count += parameter.numel();
  }
  return count;
}

std::int64_t count_multiply_adds(const std::function<void()>& forward) {
  thread_local std::int64_t total = 0;  // record functions take plain functions, without captures
  total = 0;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(
          [](const at::RecordFunction&) -> std::unique_ptr<at::ObserverContext> { return nullptr; },
          [](const at::RecordFunction& call, at::ObserverContext*) {
            const std::string_view name = call.name();
            if ((name != "aten::conv2d" && name != "aten::linear") || call.inputs().size() < 2) {
              return;
            }
            const at::Tensor& output = call.outputs().at(0).toTensor();
            total += count_call(output.numel(), call.inputs()[1].toTensor());
          })
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
  return total;
}

}  // namespace darts
