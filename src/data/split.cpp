#include <darts/core/error.hpp>
#include <darts/data/split.hpp>

#include <cmath>
#include <numeric>
#include <string>

namespace darts {

IndexSplit split_indices(std::int64_t count, double portion) {
  if (!(portion >= 0.0 && portion <= 1.0)) {
    throw Error("the portion of a split must lie in [0, 1], not " + std::to_string(portion));
  }
  const auto cut = static_cast<std::int64_t>(std::floor(portion * static_cast<double>(count)));
  IndexSplit split;
  split.first.resize(static_cast<std::size_t>(cut));
  split.rest.resize(static_cast<std::size_t>(count - cut));
  std::iota(split.first.begin(), split.first.end(), std::int64_t{0});
  std::iota(split.rest.begin(), split.rest.end(), cut);
  return split;
}

}  // namespace darts
