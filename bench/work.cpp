#include "work.hpp"

#include "subjects.hpp"

#include <darts/core/error.hpp>

#include <algorithm>
#include <string>

namespace darts {
namespace {

constexpr TimedNetwork networks[] = {{"supernet", {16, 3, 16}, {16, 8, 64}},
                                     {"DARTS_V2's network", {16, 5, 32}, {36, 20, 96}}};
constexpr const TimedNetwork* supernet = &networks[0];
constexpr const TimedNetwork* evaluation = &networks[1];

// Of search steps: what moves alpha, then what moves w. The second order asks w's gradient for the
// unrolled step, both gradients there, and alpha's twice for the difference.
constexpr Passes once_forward{1, 0, 0};
constexpr Passes gradient_of_alpha{1, 1, 0};
constexpr Passes gradient_of_weights{1, 1, 1};  // or of both
constexpr Passes first_order{2, 2, 1};
constexpr Passes second_order{5, 5, 3};

}  // namespace

std::span<const TimedNetwork> timed_networks() { return networks; }

std::span<const Work> works() {
  static constexpr Work table[] = {
      {"first", "a search step, first order", supernet, first_order, true, supernet_multiply_adds,
       first_order_step},
      {"second", "a search step, second order", supernet, second_order, true,
       supernet_multiply_adds, second_order_step},
      {"joint", "a search step, alpha and w together", supernet, gradient_of_weights, true,
       supernet_multiply_adds, joint_step},
      {"forward", "the supernet's loss", supernet, once_forward, false, supernet_multiply_adds,
       supernet_loss},
      {"alpha", "its gradient of alpha", supernet, gradient_of_alpha, true, supernet_multiply_adds,
       alpha_gradient},
      {"w", "its gradient of w", supernet, gradient_of_weights, true, supernet_multiply_adds,
       weight_gradient},
      {"evaluation", "a training step of the evaluation network", evaluation, gradient_of_weights,
       true, training_multiply_adds, training_step},
      {"test", "the evaluation network's logits", evaluation, once_forward, false,
       testing_multiply_adds, testing_pass},
  };
  return table;
}

const Work& find_work(std::string_view name) {
  const auto work = std::ranges::find(works(), name, &Work::name);
  if (work == works().end()) {
    std::string names;
    for (const Work& row : works()) {
      names += (names.empty() ? "" : ", ") + std::string(row.name);
    }
    throw Error("unknown work '" + std::string(name) + "'; there are " + names);
  }
  return *work;
}

double operations_of(const Work& work, const NetworkSize& size) {
  const Passes& p = work.passes;
  return 2.0 * static_cast<double>(work.multiply_adds(size)) * static_cast<double>(size.batch) *
         static_cast<double>(p.forward + p.to_inputs + p.to_weights);
}

}  // namespace darts
