#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace darts {

/// What a part of a pass computes, and the memory that it has to read and write.
struct Cost {
  std::int64_t multiply_adds = 0;
  std::int64_t bytes = 0;
};

inline std::int64_t bytes_of(std::initializer_list<at::Tensor> tensors) {
  std::int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) {
    bytes += static_cast<std::int64_t>(tensor.nbytes());
  }
  return bytes;
}

/// work(), which gives a tensor, as one operator of this name: to profilers, and to whoever counts
/// its multiply_adds(), which are asked for only then.
template <class Count, class Work>
at::Tensor run_recorded(const char* name, const Count& multiply_adds, const Work& work) {
  at::RecordFunction record(at::RecordScope::FUNCTION);
  if (record.isActive()) {
    const c10::IValue counted[] = {multiply_adds()};
    record.before(name, c10::ArrayRef<const c10::IValue>(counted));
  }
  at::Tensor out = work();
  if (record.isActive()) {
    record.setOutputs(std::vector<c10::IValue>{out});
  }
  return out;
}

/// A part of a pass, from here to the end of the scope, to profilers: an operator of this name that
/// says its cost in its inputs (`darts_bench --profile` reads them).
class Phase {
 public:
  Phase(const char* name, const Cost& cost) : record_(at::RecordScope::FUNCTION) {
    if (record_.isActive()) {
      const c10::IValue counted[] = {cost.multiply_adds, cost.bytes};
      record_.before(name, c10::ArrayRef<const c10::IValue>(counted));
    }
  }

 private:
  at::RecordFunction record_;
};

}  // namespace darts
