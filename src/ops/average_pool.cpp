#include <darts/ops/average_pool.hpp>

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool2d_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <torch/csrc/autograd/custom_function.h>

namespace darts {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Sums of the windows of x, with zeros for what is beyond the border.
at::Tensor window_sums(const at::Tensor& x, std::int64_t stride) {
  return at::avg_pool2d(x, 3, stride, 1, /*ceil_mode=*/false, /*count_include_pad=*/true,
                        /*divisor_override=*/1);
}

at::Tensor window_means(const at::Tensor& x, std::int64_t stride) {
  return at::avg_pool2d(x, 3, stride, 1, /*ceil_mode=*/false, /*count_include_pad=*/false);
}

class Pool : public torch::autograd::Function<Pool> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, std::int64_t stride) {
    context->saved_data["height"] = x.size(2);
    context->saved_data["width"] = x.size(3);
    context->saved_data["stride"] = stride;
    return window_means(x, stride);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = [&](const char* name) { return context->saved_data[name].toInt(); };
    return {average_pool_gradient(gradients[0], saved("height"), saved("width"), saved("stride")),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor average_pool(const at::Tensor& x, std::int64_t stride) {
  return x.is_cpu() ? window_means(x, stride) : Pool::apply(x, stride);
}

at::Tensor average_pool_gradient(const at::Tensor& gradient, std::int64_t height,
                                 std::int64_t width, std::int64_t stride) {
  const at::Tensor pixels =
      window_sums(at::ones({1, 1, height, width}, gradient.options()), stride);
  const at::Tensor share = gradient / pixels;
  if (stride == 1) {
    return window_sums(share, 1);  // the windows that a pixel is in are those around it
  }
  // Without a border the gradient is right: it is asked for with the border's pixels, which are
  // cut.
  const at::Tensor bordered = at::empty({share.size(0), share.size(1), height + 2, width + 2},
                                        share.options(), share.suggest_memory_format());
  return at::avg_pool2d_backward(share, bordered, 3, stride, 0, /*ceil_mode=*/false,
                                 /*count_include_pad=*/true, /*divisor_override=*/1)
      .narrow(2, 1, height)
      .narrow(3, 1, width);
}

}  // namespace darts
