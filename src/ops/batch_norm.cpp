#include <darts/core/error.hpp>
#include <darts/ops/batch_norm.hpp>

#include <ATen/ops/stack.h>
#include <ATen/ops/var_mean.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace darts {
namespace {

constexpr std::array<std::int64_t, 3> over_pixels{0, 2, 3};

at::Tensor by_channel(const at::Tensor& values) { return values.view({1, -1, 1, 1}); }

/// What the arithmetic is done in.
at::ScalarType arithmetic_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

double pixels_of(const at::Tensor& x) { return static_cast<double>(x.size(2) * x.size(3)); }

/// Σ x and Σ x² a channel of these rows, from moments about their own mean, which lose nothing.
at::Tensor sums_of(const at::Tensor& x) {
  const double count = static_cast<double>(x.size(0)) * pixels_of(x);
  const auto [variance, mean] = at::var_mean(x, over_pixels, /*unbiased=*/false);
  const at::Tensor wide = mean.to(at::kDouble);
  return at::stack({wide, variance.to(at::kDouble) + wide * wide}) * count;
}

/// The batch on its way from forward to backward.
struct KeptBatch : torch::CustomClassHolder {
  explicit KeptBatch(const SharedBatch* shared) : batch(shared) {}
  const SharedBatch* batch;
};

struct SharedBatchNorm : torch::autograd::Function<SharedBatchNorm> {
  using Context = torch::autograd::AutogradContext;
  using Tensors = torch::autograd::variable_list;

  /// affine: scale and shift, as far as there are such.
  static at::Tensor forward(Context* context, const at::Tensor& x, at::TensorList affine,
                            double epsilon, const SharedBatch* batch,
                            SharedStatistics* statistics) {
    const at::ScalarType type = arithmetic_type(x);
    const at::Tensor values = x.to(type);
    const double count = static_cast<double>(batch->share().all) * pixels_of(x);
    TORCH_CHECK(count > 1.0, "batch norm: more than one value a channel expected in training");
    const at::Tensor sums = sums_of(values);
    batch->ranks().sum(sums);
    const at::Tensor mean = sums[0] / count;
    const at::Tensor variance = (sums[1] / count - mean * mean).clamp_min(0.0);
    const at::Tensor rstd = (variance + epsilon).rsqrt();
    if (statistics != nullptr) {
      *statistics = {mean, variance * (count / (count - 1.0))};
    }
    const at::Tensor slope = affine.empty() ? rstd : rstd * affine[0];
    at::Tensor offset = -mean * slope;
    if (affine.size() > 1) {
      offset = offset + affine[1];
    }
    context->save_for_backward({values, slope, mean, rstd});
    context->saved_data["count"] = count;
    context->saved_data["batch"] = c10::IValue::make_capsule(c10::make_intrusive<KeptBatch>(batch));
    context->saved_data["affine"] = static_cast<std::int64_t>(affine.size());
    if (!affine.empty()) {
      context->saved_data["affine_type"] = static_cast<std::int64_t>(affine[0].scalar_type());
    }
    return (values * by_channel(slope.to(type)) + by_channel(offset.to(type))).to(x.scalar_type());
  }

  static Tensors backward(Context* context, const Tensors& gradients) {
    TORCH_CHECK(!c10::GradMode::is_enabled(),
                "a batch norm over several ranks has no second derivatives");
    const Tensors saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& slope = saved[1];
    const at::Tensor& mean = saved[2];
    const at::Tensor& rstd = saved[3];
    const auto kept = context->saved_data["batch"].toCapsule();
    const SharedBatch* const batch = static_cast<const KeptBatch&>(*kept).batch;
    const double count = context->saved_data["count"].toDouble();
    const at::Tensor g = gradients[0].to(x.scalar_type());
    const at::Tensor normal =
        (x - by_channel(mean.to(x.scalar_type()))) * by_channel(rstd.to(x.scalar_type()));
    const at::Tensor own = at::stack({g.sum(over_pixels, false, at::kDouble),
                                      (g * normal).sum(over_pixels, false, at::kDouble)});
    const std::int64_t affine = context->saved_data["affine"].toInt();
    Tensors of_affine;
    for (std::int64_t i = 0; i < affine; ++i) {  // Σ g·x̂, Σ g
      const auto type = static_cast<at::ScalarType>(context->saved_data["affine_type"].toInt());
      of_affine.push_back(own[1 - i].to(type));
    }
    at::Tensor of_x;
    // Every rank comes by here, whoever wants what: the sums are all ranks' business.
    const at::Tensor sums = own.clone();
    batch->ranks().sum(sums);
    if (context->needs_input_grad(0)) {
      const at::Tensor means = (sums / count).to(x.scalar_type());
      of_x = by_channel(slope.to(x.scalar_type())) *
             (g - by_channel(means[0]) - normal * by_channel(means[1]));
      of_x = of_x.to(gradients[0].scalar_type());
    }
    Tensors out{of_x};
    out.insert(out.end(), of_affine.begin(), of_affine.end());
    out.insert(out.end(), 3, at::Tensor());
    return out;
  }
};

/// As LibTorch's batch norm moves them.
void move_running(torch::nn::BatchNorm2dImpl& norm, const SharedStatistics& statistics) {
  const c10::NoGradGuard no_grad;
  norm.num_batches_tracked.add_(1);
  const double share =
      norm.options.momentum().value_or(1.0 / norm.num_batches_tracked.item<double>());
  const at::ScalarType type = norm.running_mean.scalar_type();
  norm.running_mean.lerp_(statistics.mean.to(type), share);
  norm.running_var.lerp_(statistics.variance.to(type), share);
}

}  // namespace

at::Tensor BatchNorm2dImpl::forward(const at::Tensor& x) {
  const SharedBatch* const batch = shared();
  if (batch == nullptr) {
    return torch::nn::BatchNorm2dImpl::forward(x);
  }
  SharedStatistics statistics;
  at::Tensor y = shared_batch_norm(x, weight, bias, options.eps(), *batch, &statistics);
  if (running_mean.defined()) {
    move_running(*this, statistics);
  }
  return y;
}

std::shared_ptr<torch::nn::Module> BatchNorm2dImpl::clone(
    const std::optional<at::Device>& device) const {
  const auto plain = torch::nn::BatchNorm2dImpl::clone(device);
  auto copy = std::make_shared<BatchNorm2dImpl>(options);
  for (const auto& item : plain->named_parameters(/*recurse=*/false)) {
    copy->named_parameters(/*recurse=*/false)[item.key()].set_data(item.value().detach());
  }
  for (const auto& item : plain->named_buffers(/*recurse=*/false)) {
    copy->named_buffers(/*recurse=*/false)[item.key()].set_data(item.value());
  }
  copy->train(is_training());
  return copy;
}

const SharedBatch* shared_batch_of(const torch::nn::BatchNorm2dImpl& norm) {
  const auto* const ours = dynamic_cast<const BatchNorm2dImpl*>(&norm);
  return ours == nullptr ? nullptr : ours->shared();
}

std::int64_t add_up(const SharedBatch* batch, std::vector<double>& sums, std::int64_t rows) {
  if (batch == nullptr) {
    return rows;
  }
  if (!sums.empty()) {
    batch->ranks().sum(sums);
  }
  return batch->share().all;
}

at::Tensor shared_batch_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                             double epsilon, const SharedBatch& batch,
                             SharedStatistics* statistics) {
  std::vector<at::Tensor> affine;
  for (const at::Tensor& tensor : {scale, shift}) {
    if (tensor.defined()) {
      affine.push_back(tensor);
    }
  }
  return SharedBatchNorm::apply(x, at::TensorList(affine), epsilon, &batch, statistics);
}

void share_batch_norms(torch::nn::Module& network,
                       const std::shared_ptr<const SharedBatch>& batch) {
  for (const auto& item : network.named_modules()) {
    if (item.value()->as<torch::nn::BatchNorm2dImpl>() == nullptr) {
      continue;
    }
    auto* const norm = dynamic_cast<BatchNorm2dImpl*>(item.value().get());
    if (norm == nullptr) {
      throw Error(item.key() +
                  " is a torch::nn::BatchNorm2d, which sees this process's images alone; make its "
                  "operation of darts::BatchNorm2d, or take parallel.batch_norm=local");
    }
    norm->share(batch);
  }
}

}  // namespace darts
