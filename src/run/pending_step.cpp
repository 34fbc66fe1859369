#include <darts/run/pending_step.hpp>

#include <ATen/ops/stack.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace darts {
namespace {

std::vector<std::pair<std::string, at::Tensor>> all_of(const PendingStep::Figures& figures) {
  std::vector<std::pair<std::string, at::Tensor>> all;
  if (figures.loss.defined()) {
    all = {{"loss", figures.loss.detach()},
           {"gradient norm of w", figures.gradient_norm},
           {"", figures.correct}};
  }
  all.insert(all.end(), figures.norms.begin(), figures.norms.end());
  return all;
}

/// All of them as one tensor, in float64.
at::Tensor values_of(const PendingStep::Figures& figures) {
  std::vector<at::Tensor> values;
  for (const auto& [name, value] : all_of(figures)) {
    values.push_back(value);
  }
  return at::stack(values).to(at::kDouble);
}

std::vector<std::string> names_of(const PendingStep::Figures& figures) {
  std::vector<std::string> names;
  for (const auto& [name, value] : all_of(figures)) {
    names.push_back(name);
  }
  return names;
}

}  // namespace

PendingStep::PendingStep(const Figures& figures)
    : names_(names_of(figures)), values_(values_of(figures)) {}

StepResult PendingStep::get() const {
  const std::span<const double> values(values_.get().const_data_ptr<double>(), names_.size());
  if (!std::ranges::all_of(values, [](double value) { return std::isfinite(value); })) {
    std::string text;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!names_[i].empty()) {
        text += c10::str(text.empty() ? "" : ", ", names_[i], " ", values[i]);
      }
    }
    throw NonFiniteError(text);
  }
  return names_.front() == "loss"
             ? StepResult{values[0], values[1], static_cast<std::int64_t>(values[2])}
             : StepResult{};
}

}  // namespace darts
