#include <darts/core/random.hpp>
#include <darts/search/method_draw.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>

namespace darts {
namespace {

constexpr std::uint64_t draws_a_step = 6;  // three kinds of passes, two types of cells

at::Tensor empty_on_cpu(const at::Tensor& like) { return at::empty(like.sizes(), at::kDouble); }

}  // namespace

at::Generator generator_of(const SearchPosition& position, Moves moves, CellType type) {
  const std::uint64_t draw =
      2 * static_cast<std::uint64_t>(moves) + (type == CellType::normal ? 0 : 1);
  RandomStream stream(position.seed, RandomPurpose::method,
                      static_cast<std::uint64_t>(position.epoch_of_all()),
                      draws_a_step * static_cast<std::uint64_t>(position.step) + draw);
  return at::detail::createCPUGenerator(stream());
}

at::Tensor draw_uniform(const at::Tensor& like, double size, at::Generator generator) {
  return empty_on_cpu(like).uniform_(-size, size, std::move(generator)).to(like.options());
}

at::Tensor draw_gumbel(const at::Tensor& like, at::Generator generator) {
  // −ln U is exponentially distributed.
  return empty_on_cpu(like)
      .exponential_(1.0, std::move(generator))
      .log_()
      .neg_()
      .to(like.options());
}

}  // namespace darts
