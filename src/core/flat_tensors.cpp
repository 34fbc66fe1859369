#include <darts/core/flat_tensors.hpp>

#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace darts {
namespace {

constexpr std::int64_t alignment_bytes = 64;  // a cache line, and a vector of any processor
constexpr std::int64_t row = 4096;            // elements that flat_norm() takes at a time

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// The tensor's own, unless it has holes.
std::vector<std::int64_t> strides_of(const at::Tensor& tensor) {
  return at::empty_like(tensor, at::TensorOptions().device(at::kMeta)).strides().vec();
}

}  // namespace

FlatTensors::FlatTensors(std::vector<at::Tensor> tensors) : tensors_(std::move(tensors)) {
  const c10::NoGradGuard no_grad;
  if (tensors_.empty()) {
    return;
  }
  const at::Tensor& first = tensors_.front();
  const std::int64_t multiple =
      std::max<std::int64_t>(1, alignment_bytes / static_cast<std::int64_t>(first.itemsize()));
  for (const at::Tensor& tensor : tensors_) {
    TORCH_CHECK(tensor.scalar_type() == first.scalar_type() && tensor.device() == first.device(),
                "FlatTensors: tensors of one type on one device expected, got ",
                tensor.scalar_type(), " on ", tensor.device(), " beside ", first.scalar_type(),
                " on ", first.device());
    offsets_.push_back(size_);
    size_ += round_up(tensor.numel(), multiple);
  }
  size_ = round_up(size_, row);
  if (are_together()) {
    flat_ =
        at::empty({0}, first.options().requires_grad(false)).set_(first.storage(), 0, {size_}, {1});
    return;
  }
  flat_ = zeros();
  const std::vector<at::Tensor> parts = windows(flat_);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].copy_(tensors_[i]);
    tensors_[i].set_data(parts[i]);
  }
}

bool FlatTensors::are_together() const {
  const c10::Storage& storage = tensors_.front().storage();
  if (storage.nbytes() != static_cast<std::size_t>(size_) * tensors_.front().itemsize()) {
    return false;
  }
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!tensors_[i].storage().is_alias_of(storage) || tensors_[i].storage_offset() != offset(i) ||
        !tensors_[i].is_non_overlapping_and_dense()) {
      return false;
    }
  }
  return true;
}

at::Tensor FlatTensors::zeros() const {
  return at::zeros({size_}, tensors_.front().options().requires_grad(false));
}

std::vector<at::Tensor> FlatTensors::windows(const at::Tensor& flat) const {
  TORCH_CHECK(flat.dim() == 1 && flat.size(0) == size_, "FlatTensors: a tensor of ", size_,
              " elements expected, got one of shape ", flat.sizes());
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> parts;
  parts.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    parts.push_back(at::as_strided(flat, tensors_[i].sizes(), strides_of(tensors_[i]),
                                   flat.storage_offset() + offset(i)));
  }
  return parts;
}

std::vector<FlatTensors> flatten_by_type(const std::vector<at::Tensor>& tensors) {
  std::vector<std::vector<at::Tensor>> groups;
  for (const at::Tensor& tensor : tensors) {
    const auto group = std::ranges::find_if(groups, [&](const std::vector<at::Tensor>& members) {
      return members.front().scalar_type() == tensor.scalar_type();
    });
    if (group == groups.end()) {
      groups.push_back({tensor});
    } else {
      group->push_back(tensor);
    }
  }
  std::vector<FlatTensors> flat;
  for (std::vector<at::Tensor>& members : groups) {
    flat.emplace_back(std::move(members));
  }
  return flat;
}

std::vector<at::Tensor> flats_of(const std::vector<FlatTensors>& groups) {
  std::vector<at::Tensor> flats;
  for (const FlatTensors& group : groups) {
    flats.push_back(group.flat());
  }
  return flats;
}

at::Tensor flat_norm(const at::Tensor& flat) {
  // A sum over everything would be cut into as many parts as there are threads; one a row is not.
  return at::linalg_vector_norm(
      at::linalg_vector_norm(flat.view({-1, row}), 2, at::IntArrayRef({1})));
}

FlatRestore::FlatRestore(std::vector<at::Tensor> flats) : live_(std::move(flats)) {
  const c10::NoGradGuard no_grad;
  for (const at::Tensor& flat : live_) {
    saved_.push_back(flat.clone());
  }
}

FlatRestore::FlatRestore(const std::vector<FlatTensors>& groups) : FlatRestore(flats_of(groups)) {}

void FlatRestore::now() {
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < live_.size(); ++i) {
    live_[i].copy_(saved_[i]);
  }
}

}  // namespace darts
