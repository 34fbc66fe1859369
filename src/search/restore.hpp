#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>

#include <vector>

namespace darts {

using Tensors = std::vector<at::Tensor>;

/// Uninitialised tensors like those.
inline Tensors empty_like(const Tensors& tensors) {
  Tensors copies;
  copies.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) {
    copies.push_back(at::empty_like(tensor));
  }
  return copies;
}

/// Keeps a copy of `live` in `saved` and puts it back, on leaving the scope too: w must survive an
/// exception. Both must outlive it.
class Restore {
 public:
  Restore(Tensors& live, Tensors& saved) : live_(live), saved_(saved) {
    const c10::NoGradGuard no_grad;
    at::_foreach_copy_(saved_, live_);
  }
  ~Restore() { now(); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

  void now() {
    const c10::NoGradGuard no_grad;
    at::_foreach_copy_(live_, saved_);
  }

 private:
  Tensors& live_;
  Tensors& saved_;
};

}  // namespace darts
