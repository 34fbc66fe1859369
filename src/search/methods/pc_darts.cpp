#include <darts/core/field_table.hpp>
#include <darts/core/random.hpp>
#include <darts/search/edge_weights.hpp>
#include <darts/search/methods/partial_channels.hpp>
#include <darts/search/methods/pc_darts.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

namespace darts {

void PcDarts::add_fields(FieldTable& table) {
  table.section("pc_darts", "The method pc-darts.");
  table.add("pc_darts.partial", options_.partial, std::string(partial_help), between(2, 64));
  table.add("pc_darts.frozen_epochs", options_.frozen_epochs,
            "epochs at the start in which alpha and beta stand still", at_least(0.0));
}

void PcDarts::prepare(SupernetOptions& options, std::int64_t /*stage*/) const {
  part_channels(options, options_.partial, "pc_darts.partial");
}

std::vector<ThetaShape> PcDarts::theta_shapes(const SearchSpace& space) const {
  return with_edge_shapes(space, "betas");
}

void PcDarts::initialize(const Theta& theta, std::uint64_t seed, double scale) const {
  SearchMethod::initialize(theta, seed, scale);
  const c10::NoGradGuard no_grad;
  RandomStream stream(seed, RandomPurpose::alphas, /*epoch=*/0, /*index=*/1);
  for (const CellType type : cell_types) {
    const at::Tensor betas = theta.of("betas", type);
    const at::Generator generator = at::detail::createCPUGenerator(stream());
    betas.copy_(scale * at::randn(betas.sizes(), generator, at::kDouble));
  }
}

Mixing PcDarts::mix(const Theta& theta, CellType type, const SearchPosition& /*position*/,
                    Moves /*moves*/) const {
  return weigh_edges(shares(theta, type), softmax_by_node(theta.of("betas", type)));
}

bool PcDarts::moves_theta(const SearchPosition& position) const {
  return position.epoch >= options_.frozen_epochs;
}

at::Tensor PcDarts::strengths(const Theta& theta, CellType type) const {
  return shares(theta, type) * softmax_by_node(theta.of("betas", type)).unsqueeze(1);
}

}  // namespace darts
