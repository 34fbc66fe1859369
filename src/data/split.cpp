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
template <typename LabelOf>
void interleave_classes(std::vector<std::int64_t>& order, std::int64_t classes, LabelOf label_of) {
  std::vector<double> sizes(static_cast<std::size_t>(classes));
  for (const std::int64_t index : order) {
    ++sizes[static_cast<std::size_t>(label_of(index))];
  }
  std::vector<double> seen(sizes.size());
  std::vector<double> places(order.size());
  for (const std::int64_t index : order) {
    const auto label = static_cast<std::size_t>(label_of(index));
    places[static_cast<std::size_t>(index)] = (seen[label]++ + 0.5) / sizes[label];
  }
  sort_by(order, places);
}

std::vector<std::int64_t> file_order(std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

}  // namespace

std::vector<std::int64_t> part_order(const ImageSet& set) {
  std::vector<std::int64_t> order = file_order(set.size());
  if (set.by_class) {
    shuffle(order);
    const auto* labels = set.labels.const_data_ptr<std::int64_t>();
    interleave_classes(order, set.classes(), [labels](std::int64_t i) { return labels[i]; });
  }
  return order;
}

std::vector<std::int64_t> part_order(const ImageSource& source) {
  std::vector<std::int64_t> order = file_order(source.size());
  if (source.by_class()) {
    shuffle(order);
    interleave_classes(order, source.classes(),
                       [&source](std::int64_t i) { return source.label(i); });
  }
  return order;
}

std::vector<std::int64_t> part_of(const ImageSource& source, std::int64_t limit) {
  if (limit == 0 || limit >= source.size()) {
    return file_order(source.size());
  }
  std::vector<std::int64_t> part = part_order(source);
  part.resize(static_cast<std::size_t>(limit));
  return part;
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
