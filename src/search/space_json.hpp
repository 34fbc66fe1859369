#pragma once

#include <darts/search/search_space.hpp>

#include <nlohmann/json.hpp>

namespace darts {

/// Names of what the edges offer, as records and checkpoints tell it: a list where all edges of
/// both types of cell offer the same, else a list of lists for each type.
nlohmann::json primitives_to_json(const ByCellType<CellPrimitives>& primitives);

/// The reverse; throws Error.
ByCellType<CellPrimitives> primitives_from_json(const nlohmann::json& json);

}  // namespace darts
