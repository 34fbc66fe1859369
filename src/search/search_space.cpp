#include <darts/cell/topology.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/named_rows.hpp>
#include <darts/search/search_space.hpp>

#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace darts {
namespace {

ByCellType<CellPrimitives> all_eight() { return everywhere(default_primitives()); }

/// What is left of the eight where the least important one of an edge was dropped again and again
/// (section 4.1; the sets are those of the authors' code).
ByCellType<CellPrimitives> make_s1() {
  return {parse_cell_primitives({
              {"skip_connect", "dil_conv_3x3"},
              {"skip_connect", "dil_conv_5x5"},
              {"skip_connect", "dil_conv_5x5"},
              {"skip_connect", "sep_conv_3x3"},
              {"skip_connect", "dil_conv_3x3"},
              {"max_pool_3x3", "skip_connect"},
              {"skip_connect", "sep_conv_3x3"},
              {"skip_connect", "sep_conv_3x3"},
              {"skip_connect", "dil_conv_3x3"},
              {"skip_connect", "sep_conv_3x3"},
              {"max_pool_3x3", "skip_connect"},
              {"skip_connect", "dil_conv_3x3"},
              {"dil_conv_3x3", "dil_conv_5x5"},
              {"dil_conv_3x3", "dil_conv_5x5"},
          }),
          parse_cell_primitives({
              {"max_pool_3x3", "avg_pool_3x3"},
              {"max_pool_3x3", "dil_conv_3x3"},
              {"max_pool_3x3", "avg_pool_3x3"},
              {"max_pool_3x3", "avg_pool_3x3"},
              {"skip_connect", "dil_conv_5x5"},
              {"max_pool_3x3", "avg_pool_3x3"},
              {"max_pool_3x3", "sep_conv_3x3"},
              {"skip_connect", "dil_conv_3x3"},
              {"skip_connect", "dil_conv_5x5"},
              {"max_pool_3x3", "avg_pool_3x3"},
              {"max_pool_3x3", "avg_pool_3x3"},
              {"skip_connect", "dil_conv_5x5"},
              {"skip_connect", "dil_conv_5x5"},
              {"skip_connect", "dil_conv_5x5"},
          })};
}

ByCellType<CellPrimitives> make_s2() {
  return everywhere(parse_primitives({"skip_connect", "sep_conv_3x3"}));
}

ByCellType<CellPrimitives> make_s3() {
  return everywhere(parse_primitives({"none", "skip_connect", "sep_conv_3x3"}));
}

ByCellType<CellPrimitives> make_s4() {
  return everywhere(parse_primitives({"noise", "sep_conv_3x3"}));
}

constexpr std::array<SearchSpaceRow, 5> table{{
    {"darts", "space.primitives on every edge", all_eight},
    {"s1", "two operations an edge, others on each (Zela et al. 2020)", make_s1},
    {"s2", "skip_connect, sep_conv_3x3", make_s2},
    {"s3", "none, skip_connect, sep_conv_3x3", make_s3},
    {"s4", "noise, sep_conv_3x3", make_s4},
}};

bool offers_an_operation(const CellPrimitives& primitives, std::int64_t node) {
  for (std::int64_t edge = first_edge(node); edge < first_edge(node + 1); ++edge) {
    if (std::ranges::any_of(primitives.of(edge), [](const Primitive& primitive) {
          return primitive.kind() != PrimitiveKind::none;
        })) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::int64_t SearchSpace::kept_edges(std::int64_t node) const {
  return edges_per_node.size() == 1 ? edges_per_node.front()
                                    : edges_per_node.at(static_cast<std::size_t>(node));
}

void check_space(const SearchSpace& space) {
  if (space.edges_per_node.size() != 1 && std::ssize(space.edges_per_node) != space.nodes) {
    throw Error("edges are to be kept of " + std::to_string(space.edges_per_node.size()) +
                " nodes, a cell has " + std::to_string(space.nodes) +
                "; give one number (space.edges_per_node), or one for each node (space.nodes)");
  }
  for (const CellType type : cell_types) {
    const CellPrimitives& primitives = space.primitives.of(type);
    const std::string cell = type == CellType::normal ? "normal" : "reduction";
    within(cell + " cell (space.nodes, space.edges, space.name)",
           [&] { primitives.check_nodes(space.nodes); });
    for (std::int64_t node = 0; node < space.nodes; ++node) {
      if (!offers_an_operation(primitives, node)) {
        throw Error("the edges of node " + std::to_string(node) + " of the " + cell +
                    " cell offer no operation but none: no cell could be derived "
                    "(space.primitives, space.edges)");
      }
    }
  }
}

std::span<const SearchSpaceRow> search_spaces() { return table; }

const SearchSpaceRow& find_space(std::string_view name) {
  return find_row(table, name, "search space");
}

double undecided_entropy(const SearchSpace& space) {
  double sum = 0.0;
  for (const CellType type : cell_types) {
    for (std::int64_t edge = 0; edge < edge_count(space.nodes); ++edge) {
      sum += std::log(static_cast<double>(space.primitives.of(type).of(edge).size()));
    }
  }
  return sum / static_cast<double>(2 * edge_count(space.nodes));
}

at::Tensor missing_columns(const CellPrimitives& primitives, std::int64_t edges) {
  const std::int64_t columns = primitives.columns();
  const at::Tensor missing = at::zeros({edges, columns}, at::kBool);
  bool any = false;
  for (std::int64_t edge = 0; edge < edges; ++edge) {
    const std::int64_t offered = std::ssize(primitives.of(edge));
    bool* const row = missing.mutable_data_ptr<bool>() + edge * columns;
    std::fill(row + offered, row + columns, true);
    any = any || offered < columns;
  }
  return any ? missing : at::Tensor();
}

at::Tensor offered_softmax(const at::Tensor& x, const at::Tensor& missing) {
  constexpr double never = -std::numeric_limits<double>::infinity();
  return at::softmax(missing.defined() ? x.masked_fill(missing, never) : x, -1);
}

}  // namespace darts
