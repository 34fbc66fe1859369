#include <darts/core/error.hpp>
#include <darts/core/finite.hpp>

#include <ATen/ops/isfinite.h>

namespace darts {

std::string non_finite(const NamedTensors& tensors) {
  std::string first;
  int count = 0;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.is_floating_point() && !at::isfinite(tensor).all().item<bool>()) {
      first = count++ == 0 ? name : first;
    }
  }
  return count > 1 ? first + " and " + std::to_string(count - 1) + " more" : first;
}

void check_finite(const Checkpoint& checkpoint) {
  if (const std::string names = non_finite(checkpoint.tensors); !names.empty()) {
    throw Error(checkpoint.file.string() + " holds numbers that are not finite (" + names +
                "): its run had diverged before it was saved; take an older checkpoint");
  }
}

Checkpoint load_finite_checkpoint(const std::filesystem::path& file) {
  Checkpoint checkpoint = load_checkpoint(file);
  check_finite(checkpoint);
  return checkpoint;
}

}  // namespace darts
