#pragma once

#include <darts/data/image_source.hpp>

#include <cstdint>
#include <vector>

namespace darts {

/// The images of a source in the order in which parts of it are to be taken: file order, but for
/// one that stands class by class. There the images of every class are shuffled and the classes
/// interleaved, so that any first so many have all classes in the shares of the whole set, to one
/// image nearly. A function of the labels alone, the same for all seeds; no image is read.
///
/// The last `hold_out` of that order are left out: held_out_part() has them. Throws Error, which
/// names the key data.hold_out, unless others are left.
std::vector<std::int64_t> part_order(const ImageSource& source, std::int64_t hold_out = 0);

/// At most `limit` images in that order; all, in file order, where there are no more or `limit` is
/// 0.
std::vector<std::int64_t> part_of(const ImageSource& source, std::int64_t limit,
                                  std::int64_t hold_out = 0);

/// The images that are kept for selecting among trained networks, which neither w nor alpha nor a
/// retraining sees: the last so many of part_order(), in file order. The same for all seeds, so
/// that networks of many runs are judged by the same images.
std::vector<std::int64_t> held_out_part(const ImageSource& source, std::int64_t hold_out);

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

/// Two parts that share no image, drawn from every class at random by `seed`: of a class of n
/// images ⌊first · n⌋ and ⌊rest · n⌋, but at least one each as far as there are any. Both in file
/// order. PC-DARTS (Xu et al. 2020) so takes 10 % of ImageNet for w and 2.5 % for alpha. A class's
/// images are those that held_out_part() leaves.
///
/// Throws Error unless both portions are in (0, 1], and their sum as well.
IndexSplit split_classes(const ImageSource& source, double first, double rest, std::uint64_t seed,
                         std::int64_t hold_out = 0);

}  // namespace darts
