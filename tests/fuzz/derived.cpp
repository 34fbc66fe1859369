#include "fuzz/derived.hpp"

#include "fuzz/target.hpp"

#include <darts/core/doing.hpp>

namespace darts::fuzz {

void derive_from(const SearchMethod& method, const Theta& theta, const SearchSpace& space) {
  Genotype genotype;
  if (takes([&] { within("input", [&] { genotype = derive_stored(method, theta, space); }); })) {
    check_written(genotype);
  }
}

}  // namespace darts::fuzz
