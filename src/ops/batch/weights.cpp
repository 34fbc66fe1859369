#include "weights.hpp"

#include <darts/core/flat_weights.hpp>

namespace darts::batch {
namespace {

at::Tensor plain(const at::Tensor& weight) {
  return weight.detach().contiguous(at::MemoryFormat::Contiguous);
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

kernels::PackedBlock transposed(const kernels::PackedBlock& block) {
  return {block.columns, block.rows, block.first_column, block.first_row};
}

}  // namespace

template <class T>
PackedWeights<T>::PackedWeights(const NormUnit& unit, std::int64_t channels) : unit_(unit) {
  const bool joined = channels > 0;
  if (unit.depthwise.defined()) {
    const std::int64_t multiple = kernels::channel_multiple<T>();
    taps_ = unit.depthwise.size(2) * unit.depthwise.size(3);
    channels_ = (unit.depthwise.size(0) + multiple - 1) / multiple * multiple;
  }
  size_ = transposed_size_ = taps_ * channels_;
  Part part{{}, size_, size_};
  for (const at::Tensor& weight : unit.pointwise) {
    if (joined) {
      part.block.rows = std::ssize(unit.pointwise) * channels;
      part.block.columns = channels;
    } else {
      part = {{weight.size(1), weight.size(0)}, size_, transposed_size_};
    }
    parts_.push_back(part);
    if (!joined || parts_.size() == 1) {
      size_ += kernels::packed_size<T>(part.block.rows, part.block.columns);
      transposed_size_ += kernels::packed_size<T>(part.block.columns, part.block.rows);
    }
    part.block.first_row += channels;
    part.block.first_column += weight.size(0);
  }
}

template <class T>
void PackedWeights<T>::pack_depthwise(std::vector<T>& to) const {
  if (unit_.depthwise.defined()) {
    const at::Tensor weight = plain(unit_.depthwise);
    kernels::pack_depthwise(weight.const_data_ptr<T>(), weight.size(0), taps_, channels_,
                            to.data());
  }
}

template <class T>
std::vector<T> PackedWeights<T>::pack(const std::vector<double>& scale) const {
  std::vector<T> packed(static_cast<std::size_t>(size_));
  pack_depthwise(packed);
  std::size_t channel = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const at::Tensor& own = unit_.pointwise[i];
    const at::Tensor weight = scale.empty() ? plain(own) : scaled<T>(own, scale, channel);
    kernels::pack_pointwise(weight.const_data_ptr<T>(), weight.size(0), weight.size(1),
                            parts_[i].block, packed.data() + parts_[i].at);
    channel += static_cast<std::size_t>(weight.size(0));
  }
  return packed;
}

template <class T>
std::vector<T> PackedWeights<T>::pack_transposed() const {
  std::vector<T> packed(static_cast<std::size_t>(transposed_size_));
  pack_depthwise(packed);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const at::Tensor weight = plain(unit_.pointwise[i]);
    kernels::pack_transposed(weight.const_data_ptr<T>(), weight.size(0), weight.size(1),
                             transposed(parts_[i].block), packed.data() + parts_[i].transposed);
  }
  return packed;
}

template <class T>
std::vector<at::Tensor> PackedWeights<T>::gradients(const T* packed) const {
  std::vector<at::Tensor> made;
  const auto add = [&](const at::Tensor& weight) {
    made.push_back(gradient_for(weight));
    return made.back().mutable_data_ptr<T>();
  };
  if (unit_.depthwise.defined()) {
    kernels::unpack_depthwise(packed, unit_.depthwise.size(0), taps_, channels_,
                              add(unit_.depthwise));
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const at::Tensor& weight = unit_.pointwise[i];
    kernels::unpack_pointwise(packed + parts_[i].at, parts_[i].block, weight.size(0),
                              weight.size(1), add(weight));
  }
  return made;
}

template class PackedWeights<float>;
template class PackedWeights<double>;

}  // namespace darts::batch
