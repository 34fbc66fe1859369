#include "data/cifar.hpp"

#include "fuzz/input_file.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <ATen/ops/max.h>

#include <algorithm>

namespace darts::fuzz {

/// A set of one image, read from the names of its classes and, behind a NUL, its record.
void parse_cifar(std::string_view bytes) {
  const std::string_view names = bytes.substr(0, bytes.find('\0'));
  const std::string_view records = bytes.substr(std::min(names.size() + 1, bytes.size()));
  for (const std::int64_t label_bytes : {1, 2}) {
    detail::CifarLayout layout = label_bytes == 1 ? detail::cifar10() : detail::cifar100();
    layout.test_records = 1;
    layout.classes = 3;
    input_file(layout.names_file, names);
    const auto folder = input_file(layout.test_file, records).parent_path();
    ImageSet set;
    if (takes([&] { set = detail::load_cifar(layout, folder, Split::test); })) {
      check(std::ssize(set.class_names) == layout.classes && set.labels.max().item<int>() < 3,
            "a set was taken whose labels are no classes");
    }
  }
}

}  // namespace darts::fuzz
