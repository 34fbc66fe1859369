#include "weights.hpp"

#include "kernels/separable.hpp"

#include <ATen/ops/empty.h>

namespace darts::norm_block {
namespace {

/// A packed matrix of `rows` × `columns`: row r of a column lies at first + r · step.
struct Column {
  std::int64_t first = 0;
  std::int64_t step = 0;
};

template <class T>
Column column_of(std::int64_t rows, std::int64_t columns, std::int64_t column) {
  const std::int64_t first = kernels::packed_place<T>(rows, columns, 0, column);
  return {first, kernels::packed_place<T>(rows, columns, 1, column) - first};
}

at::Tensor plain(const at::Tensor& weight) {
  return weight.detach().contiguous(at::MemoryFormat::Contiguous);
}

std::int64_t taps_of(const kernels::UnitShape& shape) {
  return shape.kernel > 1 ? shape.kernel * shape.kernel : 0;
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
  const std::int64_t taps = taps_of(geometry_.shape());
  const at::Tensor weight = plain(unit.depthwise);
  const T* value = weight.const_data_ptr<T>();
  for (std::int64_t c = 0; c < weight.size(0); ++c) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      to[static_cast<std::size_t>(tap * channels_ + c)] = *value++;
    }
  }
}

template <class T>
std::vector<T> PackedWeights<T>::pack(const NormUnit& unit,
                                      const std::vector<double>& scale) const {
  std::vector<T> packed(static_cast<std::size_t>(size_));
  pack_depthwise(unit, packed);
  std::size_t channel = 0;
  for (std::size_t part = 0; part < pointwise_.size(); ++part) {
    const at::Tensor weight = plain(unit.pointwise[part]);
    const T* value = weight.const_data_ptr<T>();
    for (std::int64_t o = 0; o < weight.size(0); ++o, ++channel) {
      const Column column = column_of<T>(weight.size(1), weight.size(0), o);
      const double factor = scale.empty() ? 1.0 : scale[channel];
      T* to = packed.data() + pointwise_[part] + column.first;
      for (std::int64_t i = 0; i < weight.size(1); ++i, to += column.step) {
        *to = static_cast<T>(factor * static_cast<double>(*value++));
      }
    }
  }
  return packed;
}

template <class T>
std::vector<T> PackedWeights<T>::pack_transposed(const NormUnit& unit) const {
  std::vector<T> packed(static_cast<std::size_t>(transposed_size_));
  pack_depthwise(unit, packed);
  for (std::size_t part = 0; part < transposed_.size(); ++part) {
    const at::Tensor weight = plain(unit.pointwise[part]);
    const T* const values = weight.const_data_ptr<T>();
    for (std::int64_t i = 0; i < weight.size(1); ++i) {
      const Column column = column_of<T>(weight.size(0), weight.size(1), i);
      T* to = packed.data() + transposed_[part] + column.first;
      for (std::int64_t o = 0; o < weight.size(0); ++o, to += column.step) {
        *to = values[o * weight.size(1) + i];
      }
    }
  }
  return packed;
}

template <class T>
std::vector<at::Tensor> PackedWeights<T>::unpack(const T* packed, const NormUnit& unit) const {
  std::vector<at::Tensor> gradients;
  const auto add = [&](const at::Tensor& like) {
    gradients.push_back(at::empty(like.sizes(), like.options()));
    return gradients.back().mutable_data_ptr<T>();
  };
  if (unit.depthwise.defined()) {
    T* value = add(unit.depthwise);
    for (std::int64_t c = 0; c < unit.depthwise.size(0); ++c) {
      for (std::int64_t tap = 0; tap < taps_of(geometry_.shape()); ++tap) {
        *value++ = packed[tap * channels_ + c];
      }
    }
  }
  for (std::size_t part = 0; part < pointwise_.size(); ++part) {
    const at::Tensor& weight = unit.pointwise[part];
    T* value = add(weight);
    for (std::int64_t o = 0; o < weight.size(0); ++o) {
      const Column column = column_of<T>(weight.size(1), weight.size(0), o);
      const T* from = packed + pointwise_[part] + column.first;
      for (std::int64_t i = 0; i < weight.size(1); ++i, from += column.step) {
        *value++ = *from;
      }
    }
  }
  return gradients;
}

template class PackedWeights<float>;
template class PackedWeights<double>;

}  // namespace darts::norm_block
