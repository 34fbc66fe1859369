#pragma once

#include <darts/cell/genotype.hpp>

namespace darts::testing {

/// Two nodes of two edges each in both cells; the reduction cell concatenates only its last node.
inline Genotype example_genotype() {
  const auto edge = [](const char* operation, std::int64_t from) {
    return GenotypeEdge{Primitive::parse(operation), from};
  };
  Genotype genotype;
  genotype.name = "example \"quoted\" ü";
  genotype.normal.nodes = {{edge("sep_conv_3x3", 1), edge("skip_connect", 0)},
                           {edge("dil_conv_5x5", 2), edge("skip_connect", 2)}};
  genotype.normal.concat = {2, 3};
  genotype.reduce.nodes = {{edge("max_pool_3x3", 0), edge("max_pool_3x3", 0)},
                           {edge("conv_7x1_1x7", 1), edge("sep_conv_7x7", 0)}};
  genotype.reduce.concat = {3};
  return genotype;
}

/// From none to three edges a node, as methods give that keep an edge only where it is strong
/// enough.
inline Genotype uneven_genotype() {
  const auto edge = [](const char* operation, std::int64_t from) {
    return GenotypeEdge{Primitive::parse(operation), from};
  };
  Genotype genotype;
  genotype.name = "uneven";
  genotype.normal.nodes = {
      {edge("sep_conv_3x3", 1)},
      {},
      {edge("dil_conv_5x5", 2), edge("skip_connect", 0), edge("max_pool_3x3", 0)},
      {edge("skip_connect", 4), edge("sep_conv_5x5", 2)},
      {}};
  genotype.normal.concat = {2, 5, 4};
  genotype.reduce.nodes = {{}, {edge("skip_connect", 0)}, {edge("avg_pool_3x3", 1)}};
  genotype.reduce.concat = {3, 4};
  return genotype;
}

}  // namespace darts::testing
