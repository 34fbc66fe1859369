#include <darts/core/error.hpp>
#include <darts/core/random.hpp>
#include <darts/core/text.hpp>
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

/// `order`: of some of the source's images.
void shuffle(std::vector<std::int64_t>& order, const ImageSource& source, std::uint64_t seed) {
  RandomStream random(seed, RandomPurpose::split);
  std::vector<std::uint64_t> draws(static_cast<std::size_t>(source.size()));
  std::ranges::generate(draws, std::ref(random));
  sort_by(order, draws);
}

/// Of `images`, how many show each class.
std::vector<double> class_sizes(const ImageSource& source,
                                const std::vector<std::int64_t>& images) {
  std::vector<double> sizes(static_cast<std::size_t>(source.classes()));
  for (const std::int64_t image : images) {
    ++sizes[static_cast<std::size_t>(source.label(image))];
  }
  return sizes;
}

/// Places the i-th of a class's n images at (i + ½) / n of the way.
void interleave_classes(std::vector<std::int64_t>& order, const ImageSource& source) {
  const std::vector<double> sizes = class_sizes(source, order);
  std::vector<double> seen(sizes.size());
  std::vector<double> places(order.size());
  for (const std::int64_t index : order) {
    const auto label = static_cast<std::size_t>(source.label(index));
    places[static_cast<std::size_t>(index)] = (seen[label]++ + 0.5) / sizes[label];
  }
  sort_by(order, places);
}

std::vector<std::int64_t> file_order(std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

/// All images: see part_order().
std::vector<std::int64_t> whole_order(const ImageSource& source) {
  std::vector<std::int64_t> order = file_order(source.size());
  if (source.by_class()) {
    shuffle(order, source, /*seed=*/0);
    interleave_classes(order, source);
  }
  return order;
}

void check_hold_out(const ImageSource& source, std::int64_t hold_out) {
  if (hold_out < 0 || (hold_out > 0 && hold_out >= source.size())) {
    throw Error("data.hold_out: " + format_count(hold_out) +
                " images cannot be kept for selection; there are " + format_count(source.size()) +
                " training images");
  }
}

}  // namespace

std::vector<std::int64_t> part_order(const ImageSource& source, std::int64_t hold_out) {
  check_hold_out(source, hold_out);
  std::vector<std::int64_t> order = whole_order(source);
  order.resize(order.size() - static_cast<std::size_t>(hold_out));
  return order;
}

std::vector<std::int64_t> part_of(const ImageSource& source, std::int64_t limit,
                                  std::int64_t hold_out) {
  std::vector<std::int64_t> part = part_order(source, hold_out);
  if (limit == 0 || limit >= std::ssize(part)) {
    std::ranges::sort(part);
  } else {
    part.resize(static_cast<std::size_t>(limit));
  }
  return part;
}

std::vector<std::int64_t> held_out_part(const ImageSource& source, std::int64_t hold_out) {
  check_hold_out(source, hold_out);
  std::vector<std::int64_t> order = whole_order(source);
  order.erase(order.begin(), order.end() - static_cast<std::ptrdiff_t>(hold_out));
  std::ranges::sort(order);
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

IndexSplit split_classes(const ImageSource& source, double first, double rest, std::uint64_t seed,
                         std::int64_t hold_out) {
  if (!(first > 0.0 && rest > 0.0 && first + rest <= 1.0)) {
    throw Error("the portions of every class must be above 0 and at most 1 together, not " +
                std::to_string(first) + " and " + std::to_string(rest));
  }
  constexpr double rounding = 1e-9;  // 0.29 · 100 is 29
  std::vector<std::int64_t> order = part_of(source, 0, hold_out);
  shuffle(order, source, seed);
  const std::vector<double> sizes = class_sizes(source, order);
  std::vector<double> seen(sizes.size());
  IndexSplit parts;
  for (const std::int64_t index : order) {
    const auto label = static_cast<std::size_t>(source.label(index));
    const double of_first = std::max(1.0, std::floor(first * sizes[label] + rounding));
    const double of_rest = std::max(1.0, std::floor(rest * sizes[label] + rounding));
    const double place = seen[label]++;
    if (place < of_first) {
      parts.first.push_back(index);
    } else if (place < of_first + of_rest) {
      parts.rest.push_back(index);
    }
  }
  std::ranges::sort(parts.first);
  std::ranges::sort(parts.rest);
  return parts;
}

}  // namespace darts
