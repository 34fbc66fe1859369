#include "data/idx_file.hpp"
#include "fuzz/input_file.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <functional>
#include <numeric>
#include <stdexcept>

namespace darts::fuzz {

/// Plain or compressed, as of images and of labels.
void parse_idx(std::string_view bytes) {
  const auto file = input_file("input.idx", bytes);
  for (const std::size_t dimensions : {1, 3}) {
    detail::IdxArray array;
    if (takes<std::runtime_error>([&] { array = detail::read_idx(file, dimensions); })) {
      const auto values = std::accumulate(array.sizes.begin(), array.sizes.end(), std::int64_t{1},
                                          std::multiplies());
      check(array.sizes.size() == dimensions &&
                array.offset + static_cast<std::size_t>(values) == array.file_bytes.size(),
            "an IDX file was taken that has not the values that it promises");
    }
  }
}

}  // namespace darts::fuzz
