#include <darts/core/error.hpp>
#include <darts/core/random.hpp>
#include <darts/data/split.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>

namespace darts {
namespace {

/// Sorts `order` by a key of each index; equal keys stay as they are.
template <typename Key>
void sort_by(std::vector<std::int64_t>& order, const std::vector<Key>& keys) {
  std::ranges::stable_sort(order, std::less(), [&keys](std::int64_t index) {
    return keys[static_cast<std::size_t>(index)];
  });
}

void shuffle(std::vector<std::int64_t>& order) {
  RandomStream random(/*seed=*/0, RandomPurpose::split);
  std::vector<std::uint64_t> draws(order.size());
  std::ranges::generate(draws, std::ref(random));
  sort_by(order, draws);
}

/// Places the i-th of a class's n images at (i + ½) / n of the way.
void interleave_classes(std::vector<std::int64_t>& order, const ImageSet& set) {
  const auto* labels = set.labels.const_data_ptr<std::int64_t>();
  const auto classes = static_cast<std::size_t>(set.classes());
  std::vector<double> sizes(classes);
  for (const std::int64_t index : order) {
    ++sizes[static_cast<std::size_t>(labels[index])];
  }
  std::vector<double> seen(classes);
  std::vector<double> places(order.size());
  for (const std::int64_t index : order) {
    const auto label = static_cast<std::size_t>(labels[index]);
    places[static_cast<std::size_t>(index)] = (seen[label]++ + 0.5) / sizes[label];
  }
  sort_by(order, places);
}

}  // namespace

std::vector<std::int64_t> part_order(const ImageSet& set) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(set.size()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (set.by_class) {
    shuffle(order);
    interleave_classes(order, set);
  }
  return order;
}

IndexSplit split_indices(const std::vector<std::int64_t>& indices, double portion) {
  if (!(portion >= 0.0 && portion <= 1.0)) {
    throw Error("the portion of a split must lie in [0, 1], not " + std::to_string(portion));
  }
  const auto cut =
      static_cast<std::ptrdiff_t>(std::floor(portion * static_cast<double>(indices.size())));
  return {{indices.begin(), indices.begin() + cut}, {indices.begin() + cut, indices.end()}};
}

}  // namespace darts
