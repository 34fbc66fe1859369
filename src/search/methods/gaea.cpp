#include <darts/core/field_table.hpp>
#include <darts/search/edge_weights.hpp>
#include <darts/search/methods/gaea.hpp>
#include <darts/search/methods/partial_channels.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/xlogy.h>
#include <c10/core/GradMode.h>

namespace darts {
namespace {

/// It remembers nothing.
class SimplexDescent : public ThetaOptimizer {
 public:
  SimplexDescent(Theta theta, bool edges, double learning_rate, double edge_learning_rate)
      : theta_(std::move(theta)),
        edges_(edges),
        learning_rate_(learning_rate),
        edge_learning_rate_(edge_learning_rate) {}

  void step() override {
    const c10::NoGradGuard no_grad;
    for (const CellType type : cell_types) {
      at::Tensor alpha = theta_.of("alphas", type);
      alpha.copy_(move_on_simplex(alpha, alpha.grad(), learning_rate_, theta_.missing(type)));
      if (edges_) {
        at::Tensor edges = theta_.of("edges", type);
        edges.copy_(normalized_by_node(edges * (-edge_learning_rate_ * edges.grad()).exp()));
      }
    }
  }

  void collect(std::string_view /*prefix*/, NamedTensors& /*tensors*/) const override {}
  void restore(std::string_view /*prefix*/, const NamedTensors& /*tensors*/,
               std::string_view /*what*/) override {}

 private:
  Theta theta_;
  bool edges_;
  double learning_rate_;
  double edge_learning_rate_;
};

/// Σ a · ln(a · operations) of all edges of a cell.
at::Tensor entropic(const Theta& theta, CellType type) {
  const at::Tensor a = theta.of("alphas", type);
  const at::Tensor& missing = theta.missing(type);
  if (!missing.defined()) {
    return at::xlogy(a, a * static_cast<double>(a.size(1))).sum();
  }
  const at::Tensor operations = missing.logical_not().sum(-1, /*keepdim=*/true).to(a.scalar_type());
  // At the 0 of what is missing the gradient is none.
  const at::Tensor offered = a.masked_fill(missing, 1.0);
  return at::xlogy(offered, offered * operations).masked_fill(missing, 0.0).sum();
}

}  // namespace

void Gaea::add_fields(FieldTable& table) {
  table.section("gaea", "The method gaea.");
  table.add("gaea.partial", options_.partial,
            std::string(partial_help) + "; 1: whole channels, and no weights of edges",
            between(1, 64));
  table.add("gaea.edge_learning_rate", options_.edge_learning_rate,
            "learning rate of the weights of edges; alpha.learning_rate is that of the operations'",
            greater_than(0.0));
  table.add("gaea.entropy_weight", options_.entropy_weight,
            "weight of alpha's entropic regulariser; 0: none", at_least(0.0));
}

void Gaea::prepare(SupernetOptions& options, std::int64_t /*stage*/) const {
  part_channels(options, options_.partial, "gaea.partial");
}

std::vector<ThetaShape> Gaea::theta_shapes(const SearchSpace& space) const {
  return has_edges() ? with_edge_shapes(space, "edges") : alpha_shapes(space);
}

void Gaea::initialize(const Theta& theta, std::uint64_t /*seed*/, double /*scale*/) const {
  const c10::NoGradGuard no_grad;
  for (const CellType type : cell_types) {
    at::Tensor alpha = theta.of("alphas", type);
    alpha.fill_(1.0);
    if (theta.missing(type).defined()) {
      alpha.masked_fill_(theta.missing(type), 0.0);
    }
    alpha.div_(alpha.sum(-1, /*keepdim=*/true));
    if (has_edges()) {
      at::Tensor edges = theta.of("edges", type);
      edges.copy_(normalized_by_node(edges.fill_(1.0)));
    }
  }
}

std::unique_ptr<ThetaOptimizer> Gaea::make_optimizer(const Theta& theta,
                                                     const AlphaOptions& options) const {
  return std::make_unique<SimplexDescent>(theta, has_edges(), options.learning_rate,
                                          options_.edge_learning_rate);
}

at::Tensor Gaea::shares(const Theta& theta, CellType type) const {
  return theta.of("alphas", type);
}

Mixing Gaea::mix(const Theta& theta, CellType type, const SearchPosition& /*position*/,
                 Moves /*moves*/) const {
  const at::Tensor operations = shares(theta, type);
  return has_edges() ? weigh_edges(operations, theta.of("edges", type)) : operations;
}

at::Tensor Gaea::penalty(const Theta& theta, const SearchPosition& /*position*/) const {
  if (options_.entropy_weight == 0.0) {
    return {};
  }
  return options_.entropy_weight *
         (entropic(theta, CellType::normal) + entropic(theta, CellType::reduction));
}

at::Tensor Gaea::strengths(const Theta& theta, CellType type) const {
  const at::Tensor operations = shares(theta, type);
  return has_edges() ? operations * theta.of("edges", type).unsqueeze(1) : operations;
}

at::Tensor move_on_simplex(const at::Tensor& rows, const at::Tensor& gradient, double learning_rate,
                           const at::Tensor& missing) {
  constexpr double floor = 1e-5;
  at::Tensor moved = (rows * (-learning_rate * gradient).exp()).clamp_min(floor);
  if (missing.defined()) {
    moved = moved.masked_fill(missing, 0.0);
  }
  return moved / moved.sum(-1, /*keepdim=*/true);
}

}  // namespace darts
