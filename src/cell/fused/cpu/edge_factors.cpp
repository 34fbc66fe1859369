#include "edge_factors.hpp"

namespace darts::fused::cpu {

template <class T>
EdgeFactors<T>::EdgeFactors(const at::Tensor& factors, std::int64_t side_by_side,
                            std::int64_t channels)
    : channels_(channels) {
  if (!factors.defined()) {
    return;
  }
  images_ = factors.size(1) / side_by_side;
  values_.reserve(static_cast<std::size_t>(factors.size(0) * images_ * channels));
  const double* of_image = factors.const_data_ptr<double>();
  for (std::int64_t i = 0; i < factors.size(0) * images_; ++i, of_image += side_by_side) {
    for (std::int64_t lane = 0; lane < channels; ++lane) {
      values_.push_back(static_cast<T>(of_image[lane % side_by_side]));
    }
  }
}

template class EdgeFactors<float>;
template class EdgeFactors<double>;

}  // namespace darts::fused::cpu
