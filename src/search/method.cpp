#include <darts/core/named_rows.hpp>
#include <darts/core/random.hpp>
#include <darts/search/method.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include <array>

namespace darts {
namespace {

constexpr double alpha_scale = 1e-3;  // paper's code: small, so that all operations start alike

template <class Method>
std::shared_ptr<const SearchMethod> make() {
  return std::make_shared<const Method>();
}

constexpr std::array<SearchMethodRow, 1> table{{
    {"darts", "softmax(alpha) mixes all operations of an edge (Liu, Simonyan, Yang 2018)",
     make<SearchMethod>},
}};

}  // namespace

std::vector<ThetaShape> SearchMethod::theta_shapes(const SearchSpace& space) const {
  return alpha_shapes(space);
}

void SearchMethod::initialize(const Theta& theta, std::uint64_t seed) const {
  const c10::NoGradGuard no_grad;
  RandomStream stream(seed, RandomPurpose::alphas);
  const Alphas alphas = theta.alphas();
  for (const CellType type : cell_types) {
    const at::Tensor& alpha = alphas.of(type);
    const at::Generator generator = at::detail::createCPUGenerator(stream());
    alpha.copy_(alpha_scale * at::randn(alpha.sizes(), generator, at::kDouble));
    if (theta.missing(type).defined()) {
      alpha.masked_fill_(theta.missing(type), 0.0);
    }
  }
}

Mixing SearchMethod::mix(const Theta& theta, CellType type, const SearchPosition& /*position*/,
                         Moves /*moves*/) const {
  return {theta.softmax(type)};
}

at::Tensor SearchMethod::penalty(const Theta& /*theta*/, const SearchPosition& /*position*/) const {
  return {};
}

bool SearchMethod::moves_theta(const SearchPosition& /*position*/) const { return true; }

bool SearchMethod::w_first() const { return false; }

at::Tensor SearchMethod::strengths(const Theta& theta, CellType type) const {
  const at::Tensor& missing = theta.missing(type);
  return offered_softmax(theta.of("alphas", type).detach().cpu(),
                         missing.defined() ? missing.cpu() : missing);
}

Genotype SearchMethod::derive(const Theta& theta, const SearchSpace& space) const {
  check_finite(theta.alphas());
  return derive_strongest(
      {strengths(theta, CellType::normal), strengths(theta, CellType::reduction)}, space);
}

Mixings SearchMethod::mix_all(const Theta& theta, const SearchPosition& position,
                              Moves moves) const {
  return {mix(theta, CellType::normal, position, moves),
          mix(theta, CellType::reduction, position, moves)};
}

Genotype derive(const Alphas& alphas, const SearchSpace& space) {
  return SearchMethod().derive(Theta(alphas, missing_columns(space, alphas)), space);
}

std::span<const SearchMethodRow> search_methods() { return table; }

std::shared_ptr<const SearchMethod> make_method(std::string_view name) {
  return find_row(table, name, "search method").make();
}

}  // namespace darts
