#include "kernels/normalize.hpp"
#include "parts.hpp"

#include <darts/core/flat_weights.hpp>

#include <optional>

namespace darts::norm_block {
namespace {

/// What comes into a batch norm from above: the gradient g, and Σ g and Σ g·z.
template <class T>
struct Incoming {
  ImageBatch<T> g;
  std::vector<double> sums;
  bool dropped = false;  ///< is to be multiplied by drop path's factors

  Moments moments() const { return {sums.data(), sums.data() + sums.size() / 2}; }
};

template <class T>
Incoming<T> incoming(const NormBlockPass& pass, const UnitGeometry& geometry,
                     const at::Tensor& gradient) {
  Incoming<T> from{ImageBatch<T>(gradient), {}, pass.output.drop_path.defined()};
  const std::int64_t channels = geometry.out_channels;
  const ImageBatch<T> z(pass.z.back());
  const Phase phase("block: products for the batch norm",
                    {pass.z.back().numel(), bytes_of({gradient, pass.z.back()})});
  GroupSums<double> sums(pass.x.size(0), 2 * channels);
  for_groups<T>(pass.x.size(0), 0, [&](const ImageGroup& group, T*) {
    kernels::GradientMoments<T> task;
    task.pixels = geometry.shape().out_pixels();
    task.channels = channels;
    task.sums = sums.begin(group);
    task.products = task.sums + channels;
    for (std::int64_t n = group.first; n < group.last; ++n) {
      task.g = from.g[n];
      task.z = z[n];
      task.weight = static_cast<double>(drop_of<T>(pass, n));
      kernels::gradient_moments(task);
    }
  });
  from.sums = sums.total();
  return from;
}

struct UnitGradients {
  at::Tensor input;
  std::vector<double> input_sums;  ///< Σ, and Σ of its product with the input
  std::vector<at::Tensor> weights;
};

/// The backward pass of a unit but for its batch norm.
template <class T>
class UnitBackward {
 public:
  UnitBackward(const NormBlockPass& pass, std::size_t unit, const UnitGeometry& geometry,
               const NormBlockWanted& wanted)
      : pass_(pass),
        unit_(unit),
        geometry_(geometry),
        packing_(pass.units[unit]),
        input_(input_of(pass, unit)),
        sums_(pass.x.size(0), unit > 0 ? 2 * geometry.shape().in_channels : 0),
        weight_sums_(pass.x.size(0), wanted.weights ? packing_.size() : 0),
        wanted_(wanted) {}

  UnitGradients run(const Incoming<T>& from, const batch::NormGradient& norm);

 private:
  void run_group(const ImageGroup& group, const Incoming<T>& from,
                 kernels::UnitBackward<T> task) const;
  void run_image(kernels::UnitBackward<T> task) const;
  at::Tensor new_gradient() const;

  const NormBlockPass& pass_;
  std::size_t unit_;
  const UnitGeometry& geometry_;
  PackedWeights<T> packing_;
  at::Tensor input_;
  GroupSums<double> sums_;
  GroupSums<T> weight_sums_;
  NormBlockWanted wanted_;
  std::vector<T> weights_;
  batch::PaddedNormGradient<T> norm_;
  PaddedAffine<T> affine_;
  ImageBatch<T> x_;
  ImageBatch<T> z_;
  std::optional<ImageBatch<T>> grad_x_;
};

/// For the gradient of the unit's input.
template <class T>
at::Tensor UnitBackward<T>::new_gradient() const {
  at::Tensor gradient = at::empty(input_.sizes(), input_.options().requires_grad(false),
                                  at::MemoryFormat::ChannelsLast);
  const kernels::UnitShape& shape = geometry_.shape();
  if (shape.kernel == 1 && (shape.stride > 1 || shape.window > 1)) {
    gradient.zero_();  // most pixels are seen by none, or by several
  }
  return gradient;
}

template <class T>
UnitGradients UnitBackward<T>::run(const Incoming<T>& from, const batch::NormGradient& norm) {
  UnitGradients result;
  if (unit_ > 0 || wanted_.x) {
    result.input = new_gradient();
    grad_x_ = ImageBatch<T>(result.input);
  }
  weights_ = packing_.pack_transposed();
  norm_ = batch::PaddedNormGradient<T>(norm);
  affine_ = affine_before<T>(pass_, unit_);
  x_ = ImageBatch<T>(input_);
  z_ = ImageBatch<T>(pass_.z[unit_]);
  const std::int64_t gradients = (wanted_.weights ? 1 : 0) + (result.input.defined() ? 1 : 0);
  const Phase phase("block: convolution backward",
                    {gradients * pass_.x.size(0) * geometry_.multiply_adds(),
                     2 * bytes_of({input_, pass_.z[unit_]})});
  for_groups<T>(pass_.x.size(0), workspace_of<T>(geometry_),
                [&](const ImageGroup& group, T* workspace) {
                  kernels::UnitBackward<T> task;
                  task.workspace = workspace;
                  run_group(group, from, task);
                });
  result.input_sums = sums_.total();
  if (wanted_.weights) {
    result.weights = packing_.gradients(weight_sums_.total().data());
  }
  return result;
}

template <class T>
void UnitBackward<T>::run_group(const ImageGroup& group, const Incoming<T>& from,
                                kernels::UnitBackward<T> task) const {
  std::vector<T> slope(norm_.a);
  task.a = slope.data();
  task.b = norm_.b.data();
  task.c = norm_.c.data();
  task.depthwise = weights_.data();
  task.grad_depthwise = wanted_.weights ? weight_sums_.begin(group) : nullptr;
  if (unit_ > 0) {
    task.sums = sums_.begin(group);
    task.products = task.sums + geometry_.shape().in_channels;
  }
  for (std::int64_t n = group.first; n < group.last; ++n) {
    if (from.dropped) {
      scale_by(drop_of<T>(pass_, n), norm_.a, slope);
    }
    task.input = input_with(x_[n], affine_);
    task.g = from.g[n];
    task.z = z_[n];
    task.ahead_x = x_.ahead(n + 1);
    task.ahead_g = from.g.ahead(n + 1);
    task.ahead_z = z_.ahead(n + 1);
    task.grad_x = grad_x_ ? grad_x_->writable(n) : kernels::Pixels<T>{};
    run_image(task);
  }
}

template <class T>
void UnitBackward<T>::run_image(kernels::UnitBackward<T> task) const {
  T* const sums = task.grad_depthwise;  // where those of all weights begin
  for (std::size_t part = 0; part < geometry_.parts.size(); ++part) {
    task.shape = geometry_.parts[part];
    task.pointwise_t = weights_.data() + packing_.pointwise_transposed(part);
    task.grad_pointwise = sums == nullptr ? nullptr : sums + packing_.pointwise(part);
    kernels::unit_backward(task);
    task.g.data += task.shape.out_channels;
    task.z.data += task.shape.out_channels;
    task.a += task.shape.out_channels;
    task.b += task.shape.out_channels;
    task.c += task.shape.out_channels;
  }
}

/// The first of `values`.
template <class T>
at::Tensor tensor_of(const std::vector<double>& values, const at::Tensor& like) {
  at::Tensor out = gradient_for(like);
  std::transform(values.begin(), values.begin() + out.numel(), out.mutable_data_ptr<T>(),
                 [](double value) { return static_cast<T>(value); });
  return out;
}

template <class T>
NormBlockGradients backward(const NormBlockPass& pass, const at::Tensor& gradient,
                            const NormBlockWanted& wanted) {
  const std::vector<UnitGeometry> geometries = geometries_of(pass.units, pass.x);
  NormBlockGradients result;
  Incoming<T> from = incoming<T>(pass, geometries.back(), gradient);
  for (std::size_t unit = geometries.size(); unit-- > 0;) {
    const torch::nn::BatchNorm2dImpl& norm = *pass.units[unit].norm;
    const UnitGeometry& geometry = geometries[unit];
    const batch::BatchStatistics& statistics = pass.statistics[unit];
    // The gradient of z is by all ranks' rows, those of scale and shift are by this one's.
    std::vector<double> all = from.sums;
    const std::int64_t rows = add_up(shared_batch_of(norm), all, pass.x.size(0));
    const batch::Moments moments{all.data(), all.data() + all.size() / 2};
    UnitGradients gradients =
        UnitBackward<T>(pass, unit, geometry, wanted)
            .run(from, batch::norm_gradient(statistics, moments,
                                            rows * geometry.shape().out_pixels(), norm));
    if (wanted.weights) {
      if (norm.weight.defined()) {
        gradients.weights.push_back(
            tensor_of<T>(batch::scale_gradient(statistics, from.moments()), norm.weight));
        gradients.weights.push_back(tensor_of<T>(from.sums, norm.bias));
      }
      result.weights.insert(result.weights.begin(), gradients.weights.begin(),
                            gradients.weights.end());
    }
    if (unit == 0) {
      result.x = gradients.input;
    } else {
      from = {ImageBatch<T>(gradients.input), std::move(gradients.input_sums), false};
    }
  }
  return result;
}

}  // namespace

NormBlockGradients train_backward(const NormBlockPass& pass, const at::Tensor& gradient,
                                  const NormBlockWanted& wanted) {
  return pass.x.scalar_type() == at::kFloat ? backward<float>(pass, gradient, wanted)
                                            : backward<double>(pass, gradient, wanted);
}

}  // namespace darts::norm_block
