#include <darts/core/random.hpp>
#include <darts/search/method.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

namespace darts {
void SearchMethod::add_fields(FieldTable& /*table*/) {}

std::string SearchMethod::refusal(SearchOrder /*order*/) const { return {}; }

bool SearchMethod::trains() const { return true; }

std::int64_t SearchMethod::stages() const { return 1; }

bool SearchMethod::anneals_by_stage() const { return false; }

void SearchMethod::prepare(SupernetOptions& /*options*/, std::int64_t /*stage*/) const {}

ByCellType<CellPrimitives> SearchMethod::next_primitives(const Theta& /*theta*/,
                                                         const SearchStage& stage) const {
  return stage.space.primitives;
}

void SearchMethod::take_over(const StageEnd& /*before*/, const SearchStage& /*stage*/,
                             NamedTensors& /*now*/, std::uint64_t /*seed*/) const {}

void SearchMethod::start_epoch(torch::nn::Module& /*supernet*/,
                               const SearchPosition& /*position*/) const {}

std::vector<ThetaShape> SearchMethod::theta_shapes(const SearchSpace& space) const {
  return alpha_shapes(space);
}

void SearchMethod::initialize(const Theta& theta, std::uint64_t seed, double scale) const {
  const c10::NoGradGuard no_grad;
  RandomStream stream(seed, RandomPurpose::alphas);
  const Alphas alphas = theta.alphas();
  for (const CellType type : cell_types) {
    const at::Tensor& alpha = alphas.of(type);
    const at::Generator generator = at::detail::createCPUGenerator(stream());
    alpha.copy_(scale * at::randn(alpha.sizes(), generator, at::kDouble));
    if (theta.missing(type).defined()) {
      alpha.masked_fill_(theta.missing(type), 0.0);
    }
  }
}

std::unique_ptr<ThetaOptimizer> SearchMethod::make_optimizer(const Theta& theta,
                                                             const AlphaOptions& options) const {
  return make_adam(theta, options);
}

at::Tensor SearchMethod::shares(const Theta& theta, CellType type) const {
  return theta.softmax(type);
}

Mixing SearchMethod::mix(const Theta& theta, CellType type, const SearchPosition& /*position*/,
                         Moves /*moves*/) const {
  return shares(theta, type);
}

bool SearchMethod::attacks() const { return false; }

Mixings SearchMethod::mix_for_w(const Theta& theta, const SearchPosition& position,
                                const MixingLossOf& /*loss_of*/) const {
  return mix_all(theta, position, Moves::w);
}

at::Tensor SearchMethod::penalty(const Theta& /*theta*/, const SearchPosition& /*position*/) const {
  return {};
}

bool SearchMethod::moves_theta(const SearchPosition& /*position*/) const { return true; }

bool SearchMethod::draws_operations() const { return false; }

bool SearchMethod::alphas_are_weights() const { return false; }

bool SearchMethod::w_first() const { return false; }

StepRules SearchMethod::step_rules() const { return {}; }

at::Tensor SearchMethod::strengths(const Theta& theta, CellType type) const {
  return shares(theta, type);
}

bool SearchMethod::caps_skips() const { return true; }

Genotype SearchMethod::derive(const Theta& theta, const SearchSpace& space) const {
  check_finite(theta.alphas());
  const c10::NoGradGuard no_grad;
  const Theta on_cpu = theta.detached_to_cpu();
  return derive_strongest(
      {strengths(on_cpu, CellType::normal), strengths(on_cpu, CellType::reduction)}, space);
}

std::vector<MethodFigure> SearchMethod::figures(const SearchPosition& /*position*/) const {
  return {};
}

Mixings SearchMethod::mix_all(const Theta& theta, const SearchPosition& position,
                              Moves moves) const {
  return {mix(theta, CellType::normal, position, moves),
          mix(theta, CellType::reduction, position, moves)};
}

Genotype derive(const Alphas& alphas, const SearchSpace& space) {
  return SearchMethod().derive(Theta(alphas, missing_columns(space, alphas)), space);
}

}  // namespace darts
