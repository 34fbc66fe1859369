#include "images.hpp"

namespace darts::batch {
namespace {

/// Elements between pixels, or 0 if they are not at equal distances.
std::int64_t pixel_step(const at::Tensor& images) {
  const std::int64_t channels = images.size(1);
  const std::int64_t height = images.size(2);
  const std::int64_t width = images.size(3);
  const std::int64_t step = width > 1 ? images.stride(3) : height > 1 ? images.stride(2) : channels;
  const bool dense = channels == 1 || images.stride(1) == 1;
  const bool rows = height == 1 || images.stride(2) == width * step;
  return dense && rows && step >= channels ? step : 0;
}

}  // namespace

template <class T>
ImageBatch<T>::ImageBatch(const at::Tensor& images)
    : tensor_(pixel_step(images) > 0 ? images.detach()
                                     : images.detach().contiguous(at::MemoryFormat::ChannelsLast)),
      data_(tensor_.template const_data_ptr<T>()),
      size_(tensor_.stride(0)),
      step_(pixel_step(tensor_)) {}

template class ImageBatch<float>;
template class ImageBatch<double>;

}  // namespace darts::batch
