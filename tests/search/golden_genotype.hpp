#pragma once

#include <darts/cell/genotype.hpp>

#include <nlohmann/json.hpp>

namespace darts::testing {

/// A genotype as the golden vectors write it: the format's edges and concatenations, without its
/// header.
inline Genotype golden_genotype(const nlohmann::ordered_json& recorded) {
  nlohmann::ordered_json json{{"format", "darts-genotype"}, {"version", 1}};
  for (const char* field : {"normal", "normal_concat", "reduce", "reduce_concat"}) {
    json[field] = recorded.at(field);
  }
  return genotype_from_json(json.dump(), "golden");
}

}  // namespace darts::testing
