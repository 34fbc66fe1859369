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

/// One cell of a genotype: the edges of every node, and the states that the output concatenates. A
/// node without edges computes nothing: no edge may read it and the output may not concatenate it.
struct CellGenotype {
  std::vector<std::vector<GenotypeEdge>> nodes;  ///< any number each
  std::vector<std::int64_t> concat;

  friend bool operator==(const CellGenotype&, const CellGenotype&) = default;
};

/// What a search finds (paper, section 2.4): the normal cell and the reduction cell.
struct Genotype {
  std::string name;
  CellGenotype normal;
  CellGenotype reduce;
  std::string provenance;  ///< where it comes from: a JSON object as text, or empty

  /// The two cells, whatever the name and where they come from.
  friend bool operator==(const Genotype& a, const Genotype& b) {
    return a.normal == b.normal && a.reduce == b.reduce;
  }
};

/// Throws Error unless the cell can be built: a node with edges, every edge from a state before its
/// node, and a concatenation of different nodes; neither from a node without edges. Two edges of a
/// node may come from the same state. `where` opens the message: "FILE: normal" or "FILE: reduce".
/// All that reads or derives genotypes checks them by this.
void check_cell(const CellGenotype& cell, const std::string& where);

/// JSON of a genotype, version 2: {"format": "darts-genotype", "version": 2, "name": …, "normal":
/// [[[operation, from], …], …], "normal_concat": […], "reduce": …, "reduce_concat": …,
/// "operations": {operation: kind, …}, "provenance": {…}}, with one list of edges a node. The kinds
/// (kind_name()) are for programs that know other operations than this one, as pictures are drawn.
nlohmann::ordered_json to_json(const Genotype& genotype);

/// The JSON as text, one node a line, and back. Version 1 is read too: one flat list of edges, node
/// after node, two a node unless "edges_per_node" says otherwise (a node never has more edges than
/// predecessors then). `where` names the source in errors. Throws Error on a syntax error, a
/// missing or misspelt field, an unknown operation, or a cell that check_cell() refuses.
std::string format_json(const nlohmann::ordered_json& genotype);
Genotype genotype_from_json(const std::string& text, const std::string& where);

/// The field's notation, `Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6), …)`,
/// two edges a node. Where a node has another number of them, a cell has one list a node:
/// `normal=[[('sep_conv_3x3', 1)], [('skip_connect', 0), …], …]`. Either form is read. Throws Error
/// as genotype_from_json() does.
///
/// The text may hold more: what counts is every `NAME = Genotype(…)` outside comments and strings,
/// and `NAME = OTHER`, another name for it. `name` says which; without it there has to be only one.
std::string to_notation(const Genotype& genotype);
Genotype genotype_from_notation(const std::string& text, const std::string& where,
                                const std::string& name = "");

/// A genotype from what a user names: a file (JSON or notation), FILE:NAME where the notation has
/// several, a run directory that holds genotype.json, or a built-in name (DARTS_V2, NASNet, …: the
/// files of configs/genotypes).
Genotype load_genotype(const std::string& given);

/// Number of skip connections among the cell's edges; DARTS is known to collapse to them.
std::int64_t count_skip_connections(const CellGenotype& cell);

}  // namespace darts
