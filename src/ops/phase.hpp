#pragma once

#include <ATen/record_function.h>

#include <cstdint>

namespace darts {

/// What a part of a pass computes, and the memory that it has to read and write.
struct Cost {
  std::int64_t multiply_adds = 0;
  std::int64_t bytes = 0;
};

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
