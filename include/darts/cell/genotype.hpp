#pragma once

#include <darts/ops/primitive.hpp>

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace darts {

/// One edge of a derived cell: `operation` applied to state `from` (topology.hpp).
struct GenotypeEdge {
  Primitive operation;
  std::int64_t from = 0;

  friend bool operator==(const GenotypeEdge&, const GenotypeEdge&) = default;
};

/// One cell of a genotype: the edges of every node, and the states that the output concatenates.
struct CellGenotype {
  std::vector<std::vector<GenotypeEdge>> nodes;
  std::vector<std::int64_t> concat;

  friend bool operator==(const CellGenotype&, const CellGenotype&) = default;
};

/// What a search finds (paper, section 2.4): the normal cell and the reduction cell.
struct Genotype {
  std::string name;
  CellGenotype normal;
  CellGenotype reduce;

  /// The two cells, whatever the name.
  friend bool operator==(const Genotype& a, const Genotype& b) {
    return a.normal == b.normal && a.reduce == b.reduce;
  }
};

/// JSON of a genotype: {"format": "darts-genotype", "version": 1, "name": …, "normal": [[operation,
/// from], …], "normal_concat": […], "reduce": …, "reduce_concat": …, "provenance": …}. The list of
/// edges is flat, node after node; two edges a node unless "edges_per_node" says otherwise (a node
/// never has more edges than predecessors then).
nlohmann::ordered_json to_json(const Genotype& genotype);

/// The JSON as text, one edge a line, and back. `where` names the source in errors. Throws Error on
/// a syntax error, a missing or misspelt field, an unknown operation, an edge that does not come
/// from an earlier state, or a concatenation of states that do not exist.
std::string format_json(const nlohmann::ordered_json& genotype);
Genotype genotype_from_json(const std::string& text, const std::string& where);

/// The field's notation, `Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6), …)`.
std::string to_notation(const Genotype& genotype);
Genotype genotype_from_notation(const std::string& text, const std::string& where);

/// A genotype from what a user names: a file (JSON or notation), a run directory that holds
/// genotype.json, or a built-in name (DARTS_V2, NASNet, …: the files of configs/genotypes).
Genotype load_genotype(const std::string& file_or_name);

/// Number of skip connections among the cell's edges; DARTS is known to collapse to them.
std::int64_t count_skip_connections(const CellGenotype& cell);

}  // namespace darts
