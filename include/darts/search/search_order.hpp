#pragma once

namespace darts {

/// How alpha moves beside w, in whatever way a search method mixes the operations (order.hpp).
enum class SearchOrder { first, second, joint };

}  // namespace darts
