#pragma once

#include "support/golden.hpp"

#include <darts/search/supernet.hpp>

#include <nlohmann/json.hpp>

namespace darts::testing {

/// What a robustdarts_hessian_….pt of the methods' golden folder is of.
nlohmann::ordered_json meta_of(const Golden& golden);

/// Its supernet, in float64.
Supernet supernet_of(const Golden& golden, Execution execution);

}  // namespace darts::testing
