#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>
#include <darts/core/random.hpp>
#include <darts/search/selection.hpp>

#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace darts {
namespace {

constexpr std::string_view name = "selected";

std::vector<double> values_of(const Theta& theta, CellType type) {
  const at::Tensor values = theta.of(name, type).detach().to(at::kCPU, at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

/// The operation that an edge was decided to have. Throws Error where it offers none such.
const Primitive& decided_on(const std::vector<Primitive>& offered, std::int64_t edge,
                            double column) {
  if (!(column >= 0.0 && column < static_cast<double>(offered.size()))) {
    throw Error("edge " + std::to_string(edge) + " is decided to have an operation that it does " +
                "not offer");
  }
  return offered[static_cast<std::size_t>(column)];
}

void set(const Theta& theta, CellType type, std::int64_t edge, double value) {
  const c10::NoGradGuard no_grad;
  theta.of(name, type)[edge].fill_(value);
}

std::vector<std::int64_t> edges_of(std::int64_t node) {
  std::vector<std::int64_t> edges;
  for (std::int64_t edge = first_edge(node); edge < first_edge(node + 1); ++edge) {
    edges.push_back(edge);
  }
  return edges;
}

/// A copy whose active operations can be changed; all of them where none are named.
at::Tensor own_active(const Mixing& mixing) {
  return mixing.active.defined()
             ? mixing.active.clone()
             : at::ones(mixing.operations.sizes(), at::TensorOptions().dtype(at::kBool));
}

/// Weights 0 where nothing is run, without renormalising.
Mixing with_active(const Mixing& mixing, const at::Tensor& active) {
  const at::Tensor run = active.to(mixing.operations.device());
  return {at::where(run, mixing.operations, at::zeros_like(mixing.operations)), active};
}

Mixings without(const Mixings& mixings, CellType type, std::int64_t edge,
                std::optional<std::int64_t> operation) {
  Mixings changed = mixings;
  at::Tensor active = own_active(mixings.of(type));
  const at::Tensor row = active.select(0, edge);
  (operation ? row.select(0, *operation) : row).fill_(false);
  changed.of(type) = with_active(mixings.of(type), active);
  return changed;
}

Mixing as_decided(const Mixing& mixing, const std::vector<double>& selected) {
  at::Tensor active = own_active(mixing);
  at::Tensor fixed = at::zeros_like(mixing.operations.detach());
  at::Tensor is_fixed = at::zeros_like(active);
  for (std::size_t i = 0; i < selected.size(); ++i) {
    const auto edge = static_cast<std::int64_t>(i);
    if (selected[i] == undecided) {
      continue;
    }
    is_fixed[edge].fill_(true);
    active[edge].fill_(false);
    if (selected[i] >= 0.0) {
      const auto column = static_cast<std::int64_t>(selected[i]);
      active[edge][column].fill_(true);
      fixed[edge][column].fill_(1.0);
    }
  }
  return {at::where(is_fixed.to(fixed.device()), fixed, mixing.operations), active};
}

/// Whether a candidate without which the supernet does so is missed more than `other`.
bool is_missed_more(const CandidateFigures& figures, const CandidateFigures& other,
                    SelectionCriterion criterion) {
  return criterion == SelectionCriterion::loss ? figures.loss > other.loss
                                               : figures.accuracy < other.accuracy;
}

template <class T>
T draw(const std::vector<T>& from, std::uint64_t seed, std::int64_t number, CellType type) {
  RandomStream stream(seed, RandomPurpose::selection, static_cast<std::uint64_t>(number),
                      type == CellType::normal ? 0 : 1);
  return from.at(static_cast<std::size_t>(stream.below(from.size())));
}

/// Nodes that keep fewer edges than they have, and whose edges are all still there.
std::vector<std::int64_t> open_nodes(const SearchSpace& space,
                                     const std::vector<double>& selected) {
  std::vector<std::int64_t> nodes;
  for (std::int64_t node = 0; node < space.nodes; ++node) {
    const auto edges = edges_of(node);
    const bool open = std::ranges::none_of(edges, [&](std::int64_t edge) {
      return selected[static_cast<std::size_t>(edge)] == dropped;
    });
    if (open && std::ssize(edges) > space.kept_edges(node)) {
      nodes.push_back(node);
    }
  }
  return nodes;
}

std::vector<std::int64_t> open_edges(const std::vector<double>& selected) {
  std::vector<std::int64_t> edges;
  for (std::size_t edge = 0; edge < selected.size(); ++edge) {
    if (selected[edge] == undecided) {
      edges.push_back(static_cast<std::int64_t>(edge));
    }
  }
  return edges;
}

}  // namespace

std::vector<ThetaShape> selection_shapes(const SearchSpace& space) {
  std::vector<ThetaShape> shapes;
  for (const CellType type : cell_types) {
    shapes.push_back({theta_name(name, type), {edge_count(space.nodes)}});
  }
  return shapes;
}

bool has_selection(const Theta& theta) {
  return theta.contains(theta_name(name, CellType::normal));
}

void clear_selection(const Theta& theta) {
  const c10::NoGradGuard no_grad;
  for (const CellType type : cell_types) {
    theta.of(name, type).fill_(undecided);
  }
}

Mixings apply_selection(const Mixings& mixings, const Theta& theta) {
  if (!has_selection(theta)) {
    return mixings;
  }
  return {as_decided(mixings.normal, values_of(theta, CellType::normal)),
          as_decided(mixings.reduce, values_of(theta, CellType::reduction))};
}

std::optional<Genotype> selected_genotype(const Theta& theta, const SearchSpace& space) {
  if (!has_selection(theta)) {
    return std::nullopt;
  }
  Genotype genotype;
  for (const CellType type : cell_types) {
    const std::vector<double> selected = values_of(theta, type);
    if (!open_edges(selected).empty() || !open_nodes(space, selected).empty()) {
      return std::nullopt;
    }
    CellGenotype& cell = type == CellType::normal ? genotype.normal : genotype.reduce;
    for (std::int64_t node = 0; node < space.nodes; ++node) {
      auto& edges = cell.nodes.emplace_back();
      for (const std::int64_t edge : edges_of(node)) {
        const double column = selected[static_cast<std::size_t>(edge)];
        if (column != dropped) {
          edges.push_back({decided_on(space.primitives.of(type).of(edge), edge, column),
                           edge - first_edge(node)});
        }
      }
      cell.concat.push_back(node + cell_inputs);
    }
  }
  return genotype;
}

std::int64_t count_decisions(const SearchSpace& space) {
  const std::vector<double> all(static_cast<std::size_t>(edge_count(space.nodes)), undecided);
  return std::ssize(all) + std::ssize(open_nodes(space, all));
}

std::int64_t selection_epochs(const SearchSpace& space, const SelectionOptions& options) {
  return options.interval * (count_decisions(space) - 1) + 1;
}

Decision decide_operation(const Theta& theta, const Mixings& mixings, const SearchSpace& space,
                          CellType type, std::int64_t edge, SelectionCriterion criterion,
                          const Judge& judge) {
  const Mixings now = apply_selection(mixings, theta);
  Decision decision;
  decision.type = type;
  decision.edge = edge;
  const auto& offered = space.primitives.of(type).of(edge);
  std::optional<std::size_t> best;
  for (std::size_t column = 0; column < offered.size(); ++column) {
    if (offered[column].kind() == PrimitiveKind::none && offered.size() > 1) {
      decision.figures.emplace_back();  // no candidate
      continue;
    }
    decision.figures.push_back(judge(without(now, type, edge, static_cast<std::int64_t>(column))));
    if (!best || is_missed_more(decision.figures[column], decision.figures[*best], criterion)) {
      best = column;
    }
  }
  decision.operation = static_cast<std::int64_t>(*best);
  set(theta, type, edge, static_cast<double>(decision.operation));
  return decision;
}

Decision decide_edges(const Theta& theta, const Mixings& mixings, const SearchSpace& space,
                      CellType type, std::int64_t node, SelectionCriterion criterion,
                      const Judge& judge) {
  const Mixings now = apply_selection(mixings, theta);
  Decision decision;
  decision.type = type;
  decision.node = node;
  decision.kept = edges_of(node);
  while (std::ssize(decision.kept) > space.kept_edges(node)) {
    std::optional<CandidateFigures> least;
    auto to_drop = decision.kept.begin();
    for (auto edge = decision.kept.begin(); edge != decision.kept.end(); ++edge) {
      const CandidateFigures figures = judge(without(now, type, *edge, std::nullopt));
      decision.figures.push_back(figures);
      if (!least || !is_missed_more(figures, *least, criterion)) {
        least = figures;
        to_drop = edge;
      }
    }
    decision.kept.erase(to_drop);
  }
  for (const std::int64_t edge : edges_of(node)) {
    if (std::ranges::find(decision.kept, edge) == decision.kept.end()) {
      set(theta, type, edge, dropped);
    }
  }
  return decision;
}

std::vector<Decision> decide(const Theta& theta, const Mixings& mixings, const SearchSpace& space,
                             std::int64_t number, std::uint64_t seed, SelectionCriterion criterion,
                             const Judge& judge) {
  std::vector<Decision> decisions;
  for (const CellType type : cell_types) {
    const std::vector<double> selected = values_of(theta, type);
    if (const auto edges = open_edges(selected); !edges.empty()) {
      decisions.push_back(decide_operation(theta, mixings, space, type,
                                           draw(edges, seed, number, type), criterion, judge));
    } else if (const auto nodes = open_nodes(space, selected); !nodes.empty()) {
      decisions.push_back(decide_edges(theta, mixings, space, type, draw(nodes, seed, number, type),
                                       criterion, judge));
    }
  }
  return decisions;
}

std::string describe(const Decision& decision, const SearchSpace& space) {
  const std::string cell = decision.type == CellType::normal ? "normal" : "reduction";
  if (decision.edge) {
    const auto& offered = space.primitives.of(decision.type).of(*decision.edge);
    return "edge " + std::to_string(*decision.edge) + " of the " + cell +
           " cell: " + std::string(offered[static_cast<std::size_t>(decision.operation)].name());
  }
  std::string kept;
  for (const std::int64_t edge : decision.kept) {
    kept += (kept.empty() ? "" : ", ") + std::to_string(edge - first_edge(decision.node));
  }
  return "node " + std::to_string(decision.node) + " of the " + cell + " cell: from states " + kept;
}

}  // namespace darts
