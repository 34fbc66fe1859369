#pragma once

#include <darts/data/image_set.hpp>
#include <darts/data/image_source.hpp>

#include <cstdint>
#include <vector>

namespace darts {

/// The images of a set in the order in which parts of it are to be taken: file order, but for a set
/// that stands class by class. There the images of every class are shuffled and the classes
/// interleaved, so that any first so many have all classes in the shares of the whole set, to one
/// image nearly. A function of the labels alone, the same for all seeds.
std::vector<std::int64_t> part_order(const ImageSet& set);

/// The same of a source, of which no image is read.
std::vector<std::int64_t> part_order(const ImageSource& source);

/// At most `limit` images in that order; all in file order where there are no more, or `limit` is
/// 0.
std::vector<std::int64_t> part_of(const ImageSource& source, std::int64_t limit);

/// A data set's indices in two parts.
struct IndexSplit {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> rest;
};

/// The first ⌊portion · count⌋ of `indices` and the remaining ones, both in their order: the
/// original DARTS trains w on indices[:split] and alpha on indices[split:] of the training images.
///
/// Throws Error unless `portion` is in [0, 1].
IndexSplit split_indices(const std::vector<std::int64_t>& indices, double portion);

}  // namespace darts
