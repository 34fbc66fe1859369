#include <darts/cell/mixing.hpp>

namespace darts {

bool is_active(const at::Tensor& active, std::int64_t edge, std::int64_t column) {
  return !active.defined() || column >= active.size(1) ||
         active.const_data_ptr<bool>()[edge * active.size(1) + column];
}

}  // namespace darts
