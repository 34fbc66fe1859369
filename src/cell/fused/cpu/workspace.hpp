#pragma once

#include "images.hpp"
#include "kernels/factorized.hpp"

#include <algorithm>

namespace darts::fused::cpu {

/// The parts of a thread's working memory while it works on an image of height × width pixels that
/// units read. The padding is zero, and stays so.
template <class T>
struct Workspace {
  template <class S>
  Workspace(const CpuPass<T, S>& pass, std::int64_t height, std::int64_t width, T* base)
      : input{base, height, width, pass.channels, pass.plan->padding},
        room{base + input.size(), height, width, pass.channels, pass.plan->padding},
        image(room.data + room.size()),
        pooled(image + height * width * pass.channels),
        scratch(pooled + pass.node_pixels() * pass.channels) {}

  template <class S>
  static std::int64_t size(const CpuPass<T, S>& pass, std::int64_t height, std::int64_t width) {
    T* const none = nullptr;
    const std::int64_t before = Workspace(pass, height, width, none).scratch - none;
    return before + std::max(kernels::separable_scratch(pass.shape({})),
                             kernels::factorized_scratch({pass.node_height, pass.node_width,
                                                          pass.channels, pass.channels}));
  }

  kernels::PaddedImage<T> input;  ///< ReLU applied
  kernels::PaddedImage<T> room;   ///< of gradients
  T* image;                       ///< gradient of a state's ReLU
  T* pooled;                      ///< gradient of a pool's output
  T* scratch;                     ///< of the kernels
};

/// What is worked on after item `item` of `items` of image `image`.
struct Next {
  Next(std::size_t item_now, std::size_t items, std::int64_t image_now)
      : item(item_now + 1 < items ? item_now + 1 : 0),
        image(item == 0 ? image_now + 1 : image_now) {}

  std::size_t item;
  std::int64_t image;
};

/// Convolutions that have a second unit.
inline std::vector<ConvolutionPass*> with_second(StatePass& from) {
  std::vector<ConvolutionPass*> found;
  for (ConvolutionPass& convolution : from.convolutions) {
    if (convolution.second) {
      found.push_back(&convolution);
    }
  }
  return found;
}

/// The input of a second unit: relu(batch norm(first unit's output)).
template <class T, class S>
void fill_normalised(const CpuPass<T, S>& pass, const UnitPass& first, std::int64_t n,
                     const kernels::PaddedImage<T>& to) {
  const batch::PaddedAffine<T>& affine = pass.norms[first.unit].affine;
  kernels::fill_relu<T>(image_of<S>(first.z, n), affine.scale.data(), affine.shift.data(), to);
}

}  // namespace darts::fused::cpu
