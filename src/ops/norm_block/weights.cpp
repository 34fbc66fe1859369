#include "weights.hpp"

#include "kernels/packing.hpp"

#include <darts/core/flat_weights.hpp>

namespace darts::norm_block {
namespace {

at::Tensor plain(const at::Tensor& weight) {
  return weight.detach().contiguous(at::MemoryFormat::Contiguous);
}

std::int64_t taps_of(const kernels::UnitShape& shape) {
  return shape.kernel > 1 ? shape.kernel * shape.kernel : 0;
}

/// Each output channel times its factor: those from `first` on.
template <class T>
at::Tensor scaled(const at::Tensor& weight, const std::vector<double>& factors, std::size_t first) {
  at::Tensor product = plain(weight).clone();
  T* value = product.mutable_data_ptr<T>();
  for (std::int64_t o = 0; o < weight.size(0); ++o) {
    const double factor = factors[first + static_cast<std::size_t>(o)];
    for (std::int64_t i = 0; i < weight.size(1); ++i, ++value) {
      *value = static_cast<T>(factor * static_cast<double>(*value));
    }
  }
  return product;
}

}  // namespace

UnitGeometry::UnitGeometry(const NormUnit& unit, std::int64_t height, std::int64_t width) {
  for (const at::Tensor& pointwise : unit.pointwise) {
    kernels::UnitShape shape;
    shape.height = height;
    shape.width = width;
    shape.in_channels = pointwise.size(1);
    shape.out_channels = pointwise.size(0);
    shape.kernel = unit.depthwise.defined() ? unit.depthwise.size(2) : 1;
    shape.stride = unit.stride;
    shape.dilation = unit.dilation;
    shape.offset = static_cast<std::int64_t>(parts.size());
    out_channels += shape.out_channels;
    parts.push_back(shape);
  }
}

std::int64_t UnitGeometry::multiply_adds() const {
  const std::int64_t pixels = shape().out_pixels();
  return pixels * shape().in_channels * (taps_of(shape()) + out_channels);
}

template <class T>
PackedWeights<T>::PackedWeights(const UnitGeometry& geometry) : geometry_(geometry) {
  const kernels::UnitShape& shape = geometry.shape();
  const std::int64_t multiple = kernels::channel_multiple<T>();
  channels_ = (shape.in_channels + multiple - 1) / multiple * multiple;
  size_ = transposed_size_ = taps_of(shape) * channels_;
  for (const kernels::UnitShape& part : geometry.parts) {
    pointwise_.push_back(size_);
    size_ += kernels::packed_size<T>(part.in_channels, part.out_channels);
    transposed_.push_back(transposed_size_);
    transposed_size_ += kernels::packed_size<T>(part.out_channels, part.in_channels);
  }
}

template <class T>
void PackedWeights<T>::pack_depthwise(const NormUnit& unit, std::vector<T>& to) const {
  if (!unit.depthwise.defined()) {
    return;
  }
  const at::Tensor weight = plain(unit.depthwise);
  kernels::pack_depthwise(weight.const_data_ptr<T>(), weight.size(0), taps_of(geometry_.shape()),
                          channels_, to.data());
}

template <class T>
std::vector<T> PackedWeights<T>::pack(const NormUnit& unit,
                                      const std::vector<double>& scale) const {
  std::vector<T> packed(static_cast<std::size_t>(size_));
  pack_depthwise(unit, packed);
  std::size_t channel = 0;
  for (std::size_t part = 0; part < pointwise_.size(); ++part) {
    const at::Tensor& own = unit.pointwise[part];
    const at::Tensor weight = scale.empty() ? plain(own) : scaled<T>(own, scale, channel);
    kernels::pack_pointwise(weight.const_data_ptr<T>(), weight.size(0), weight.size(1),
                            {weight.size(1), weight.size(0)}, packed.data() + pointwise_[part]);
    channel += static_cast<std::size_t>(weight.size(0));
  }
  return packed;
}

template <class T>
std::vector<T> PackedWeights<T>::pack_transposed(const NormUnit& unit) const {
  std::vector<T> packed(static_cast<std::size_t>(transposed_size_));
  pack_depthwise(unit, packed);
  for (std::size_t part = 0; part < transposed_.size(); ++part) {
    const at::Tensor weight = plain(unit.pointwise[part]);
    kernels::pack_transposed(weight.const_data_ptr<T>(), weight.size(0), weight.size(1),
                             {weight.size(0), weight.size(1)}, packed.data() + transposed_[part]);
  }
  return packed;
}

template <class T>
std::vector<at::Tensor> PackedWeights<T>::unpack(const T* packed, const NormUnit& unit) const {
  std::vector<at::Tensor> gradients;
  const auto add = [&](const at::Tensor& like) {
    gradients.push_back(gradient_for(like));
    return gradients.back().mutable_data_ptr<T>();
  };
  if (unit.depthwise.defined()) {
    kernels::unpack_depthwise(packed, unit.depthwise.size(0), taps_of(geometry_.shape()), channels_,
                              add(unit.depthwise));
  }
  for (std::size_t part = 0; part < pointwise_.size(); ++part) {
    const at::Tensor& weight = unit.pointwise[part];
    kernels::unpack_pointwise(packed + pointwise_[part], {weight.size(1), weight.size(0)},
                              weight.size(0), weight.size(1), add(weight));
  }
  return gradients;
}

template class PackedWeights<float>;
template class PackedWeights<double>;

}  // namespace darts::norm_block
