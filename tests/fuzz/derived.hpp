#pragma once

#include <darts/search/derive_stored.hpp>

namespace darts::fuzz {

/// Derives from what was read, as darts_search --derive does.
void derive_from(const SearchMethod& method, const Theta& theta, const SearchSpace& space);

/// Both formats hold every genotype that was read or derived.
void check_written(const Genotype& genotype);

}  // namespace darts::fuzz
