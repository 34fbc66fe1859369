#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/search/method.hpp>
#include <darts/search/search_space.hpp>
#include <darts/search/theta.hpp>

namespace darts {

/// The genotype of a theta that was read from a file: as a selection decided, else as the method
/// derives. Throws Error unless theta is one of the method in that space, which a deriver takes for
/// granted.
Genotype derive_stored(const SearchMethod& method, const Theta& theta, const SearchSpace& space);

}  // namespace darts
