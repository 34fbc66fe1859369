#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

/// A `Genotype(…)` in a text.
struct FoundGenotype {
  std::string name;         ///< of `NAME = Genotype(…)`, or empty
  std::size_t line = 1;     ///< where it begins
  std::size_t content = 0;  ///< the place after its opening bracket
};

/// All genotypes of a text outside comments and strings, and which of them every name means in the
/// end: `NAME = Genotype(…)`, or `NAME = OTHER`. The text may be a log or a Python file around
/// them.
struct FoundGenotypes {
  std::vector<FoundGenotype> all;
  std::map<std::string, std::size_t> names;  ///< to an index into `all`
};
FoundGenotypes find_genotypes(std::string_view text);

/// The genotype called `name`, or the only one where `name` is empty. Throws Error that lists what
/// there is.
const FoundGenotype& choose(const FoundGenotypes& found, const std::string& name,
                            const std::string& where);

}  // namespace darts
