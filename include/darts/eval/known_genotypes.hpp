#pragma once

#include <darts/cell/genotype.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace darts {

/// A genotype that comes with the project (configs/genotypes), and what its authors state of it.
struct KnownGenotype {
  Genotype genotype = {};
  std::string method = {};          ///< that found it
  std::string source = {};          ///< paper and file
  std::string cifar10_error = {};   ///< test error in per cent, "2.76 ± 0.09"; empty: not stated
  std::string imagenet_error = {};  ///< top-1 error in per cent; empty: not stated
  std::optional<double> stated_parameters = {};  ///< millions
  std::string recipe = {};                       ///< of the network that these are of
  bool with_auxiliary_head = false;              ///< that these count, too
  std::int64_t parameters = 0;                   ///< of that network here, counted alike
};

/// All of them, by name. Throws Error where a file is broken.
std::vector<KnownGenotype> known_genotypes();

/// One a line, in aligned columns; what is not stated is "-".
std::string describe(const std::vector<KnownGenotype>& genotypes);

}  // namespace darts
