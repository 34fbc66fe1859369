#include <darts/core/host_copy.hpp>
#include <darts/ops/drop_path.hpp>

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <vector>

namespace darts {

DropPath::DropPath(const DropPathOptions& options, RandomStream random,
                   const at::TensorOptions& like)
    : scales_(draw_drop_path(options, random, like)) {}

at::Tensor DropPath::next() {
  if (!scales_.defined()) {
    return {};
  }
  TORCH_CHECK(next_ < scales_.size(0), "DropPath: made for ", scales_.size(0),
              " edges, asked for edge ", next_);
  return scales_.select(0, next_++);
}

at::Tensor DropPath::apply(const at::Tensor& x) {
  if (!scales_.defined()) {
    return x;
  }
  TORCH_CHECK(x.size(0) == scales_.size(1), "DropPath: made for ", scales_.size(1),
              " samples, asked for x of shape ", x.sizes());
  return drop_images(x, next());
}

at::Tensor draw_drop_path(const DropPathOptions& options, RandomStream random,
                          const at::TensorOptions& like) {
  TORCH_CHECK(options.probability >= 0.0 && options.probability < 1.0,
              "DropPath: probability in [0, 1) expected, got ", options.probability);
  if (options.probability == 0.0) {
    return {};
  }
  const at::Tensor factors = at::empty({options.edges, options.samples}, at::kDouble);
  double* factor = factors.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < factors.numel(); ++i) {
    factor[i] = random.uniform() < options.probability ? 0.0 : 1.0 / (1.0 - options.probability);
  }
  return to_device(factors, like);
}

at::Tensor drop_images(const at::Tensor& x, const at::Tensor& factors) {
  TORCH_CHECK(x.size(0) == factors.size(0), "DropPath: made for ", factors.size(0),
              " samples, asked for x of shape ", x.sizes());
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  return x * factors.view(shape).to(x.scalar_type());
}

}  // namespace darts
