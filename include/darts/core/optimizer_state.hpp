#pragma once

#include <darts/core/checkpoint.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace torch::optim {
class Optimizer;
}

namespace darts {

/// Adds what a torch::optim::SGD (`momentum_buffer`) or torch::optim::Adam (`step`, `exp_avg`,
/// `exp_avg_sq` and, with AMSGrad, `max_exp_avg_sq`) remembers to `tensors`, as
/// PREFIX.NAME.momentum_buffer and so on.
///
/// `names` name the optimizer's parameters in order, over all its groups. A parameter that has not
/// been stepped yet has no state and adds nothing. Tensors share storage with the optimizer.
/// Options (learning rates) are not part of it.
void collect_optimizer(const torch::optim::Optimizer& optimizer,
                       const std::vector<std::string>& names, std::string_view prefix,
                       NamedTensors& tensors);

/// Puts the state back, replacing all that the optimizer remembers: the next steps are bit for bit
/// those of an optimizer that never stopped.
///
/// Throws Error, with `what` (a file, say) in front and with the optimizer unchanged, if a tensor
/// is missing, unexpected, or of another shape or dtype than its parameter.
void restore_optimizer(torch::optim::Optimizer& optimizer, const std::vector<std::string>& names,
                       std::string_view prefix, const NamedTensors& tensors, std::string_view what);

}  // namespace darts
