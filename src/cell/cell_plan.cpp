#include "cell_plan.hpp"

#include <darts/cell/topology.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace darts::plan {
namespace {

/// How a primitive is run: convolutions as `units` units in a row.
struct Recipe {
  std::string_view name;
  OperationKind kind;
  std::int64_t units = 0;
  std::int64_t kernel = 0;
  std::int64_t dilation = 1;
};

constexpr Recipe recipes[] = {
    {"none", OperationKind::none},
    {"max_pool_3x3", OperationKind::max_pool},
    {"avg_pool_3x3", OperationKind::average_pool},
    {"skip_connect", OperationKind::identity},  // with stride 2 a factorized reduce
    {"sep_conv_3x3", OperationKind::convolution, 2, 3},
    {"sep_conv_5x5", OperationKind::convolution, 2, 5},
    {"sep_conv_7x7", OperationKind::convolution, 2, 7},
    {"dil_conv_3x3", OperationKind::convolution, 1, 3, 2},
    {"dil_conv_5x5", OperationKind::convolution, 1, 5, 2},
};

const Recipe* find_recipe(const Primitive& primitive) {
  const auto* found = std::find_if(std::begin(recipes), std::end(recipes),
                                   [&](const Recipe& r) { return r.name == primitive.name(); });
  return found == std::end(recipes) ? nullptr : found;
}

/// Takes an edge's parameters and batch norms by their names.
class Planner {
 public:
  Planner(CellPlan& plan, const torch::nn::Module& edge)
      : plan_(plan), parameters_(edge.named_parameters()), modules_(edge.named_modules()) {}

  Operation operation(const Recipe& recipe, std::int64_t column, std::int64_t stride) {
    const std::string name = "_ops." + std::to_string(column);
    Operation operation;
    operation.kind = recipe.kind;
    operation.column = column;
    if (recipe.kind == OperationKind::max_pool || recipe.kind == OperationKind::average_pool) {
      operation.norm = norm(name + ".1");
    } else if (recipe.kind == OperationKind::identity && stride == 2) {
      operation.kind = OperationKind::convolution;
      operation.units.push_back(add({UnitKind::factorized, 1, 2, 1, 0, norm(name + ".bn")},
                                    {name + ".conv_1.weight", name + ".conv_2.weight"}));
    }
    for (std::int64_t i = 0; i < recipe.units; ++i) {
      const auto part = [&](std::int64_t k) { return name + ".op." + std::to_string(4 * i + k); };
      operation.units.push_back(add({UnitKind::separable, recipe.kernel, i == 0 ? stride : 1,
                                     recipe.dilation, 0, norm(part(3))},
                                    {part(1) + ".weight", part(2) + ".weight"}));
    }
    return operation;
  }

 private:
  std::size_t add(Unit unit, const std::vector<std::string>& weights) {
    unit.weight = plan_.weights.size();
    for (const std::string& name : weights) {
      plan_.weights.push_back(parameters_[name]);
    }
    plan_.padding = std::max(plan_.padding, unit.dilation * (unit.kernel - 1) / 2);
    plan_.units.push_back(std::move(unit));
    return plan_.units.size() - 1;
  }

  torch::nn::BatchNorm2d norm(const std::string& name) {
    auto found = std::dynamic_pointer_cast<torch::nn::BatchNorm2dImpl>(modules_[name]);
    TORCH_CHECK(found != nullptr && !found->options.affine(), "fused cell: ", name,
                " is no batch norm without scale and shift");
    return torch::nn::BatchNorm2d(found);
  }

  CellPlan& plan_;
  torch::OrderedDict<std::string, at::Tensor> parameters_;
  torch::OrderedDict<std::string, std::shared_ptr<torch::nn::Module>> modules_;
};

std::vector<const Edge*> select(const std::vector<Edge>& edges, std::int64_t Edge::*end,
                                std::int64_t state) {
  std::vector<const Edge*> found;
  for (const Edge& edge : edges) {
    if (edge.*end == state) {
      found.push_back(&edge);
    }
  }
  return found;
}

}  // namespace

std::int64_t CellPlan::states() const { return nodes + cell_inputs; }

std::int64_t CellPlan::multiply_adds(const Unit& unit) const {
  const std::int64_t taps = unit.kind == UnitKind::separable ? unit.kernel * unit.kernel : 0;
  return channels * (taps + channels);
}

std::vector<const Edge*> CellPlan::leaving(std::int64_t state) const {
  return select(edges, &Edge::from, state);
}

std::vector<const Edge*> CellPlan::entering(std::int64_t state) const {
  return select(edges, &Edge::to, state);
}

std::optional<CellPlan> plan_cell(const SearchCellOptions& options,
                                  const torch::nn::Sequential& edges) {
  std::vector<const Recipe*> columns;
  for (const Primitive& primitive : options.primitives) {
    columns.push_back(find_recipe(primitive));
    if (columns.back() == nullptr) {
      return std::nullopt;
    }
  }
  CellPlan plan;
  plan.nodes = options.nodes;
  plan.channels = options.channels;
  plan.columns = std::ssize(columns);
  plan.reduction = options.reduction;
  for (std::int64_t node = 0; node < options.nodes; ++node) {
    for (std::int64_t from = 0; from < predecessors(node); ++from) {
      Edge edge;
      edge.row = std::ssize(plan.edges);
      edge.from = from;
      edge.to = node + cell_inputs;
      edge.stride = options.reduction && from < cell_inputs ? 2 : 1;
      Planner planner(plan, *edges->ptr(static_cast<std::size_t>(edge.row)));
      for (std::int64_t column = 0; column < plan.columns; ++column) {
        edge.operations.push_back(
            planner.operation(*columns[static_cast<std::size_t>(column)], column, edge.stride));
      }
      plan.edges.push_back(std::move(edge));
    }
  }
  return plan;
}

}  // namespace darts::plan
