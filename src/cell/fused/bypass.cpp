#include "bypass.hpp"

#include <darts/cell/topology.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/max_pool2d_with_indices_backward.h>
#include <ATen/ops/zeros_like.h>

#include <array>
#include <tuple>

namespace darts::fused {
namespace {

constexpr std::array<std::int64_t, 2> two{2, 2};
constexpr std::array<std::int64_t, 2> none{0, 0};
constexpr std::array<std::int64_t, 2> one{1, 1};

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Channel i · (C / groups) + j to j · groups + i.
at::Tensor shuffled(const at::Tensor& x, std::int64_t groups) {
  return x.unflatten(1, {groups, -1}).transpose(1, 2).flatten(1, 2);
}

}  // namespace

Bypass::Bypass(std::shared_ptr<const CellPlan> plan, const CellInputs& inputs)
    : plan_(std::move(plan)),
      mixing_(inputs.mixing.detach().to(at::kCPU, at::kDouble).contiguous()),
      whole_(index(plan_->states())),
      passing_(whole_.size()),
      positions_(whole_.size()),
      gradients_(whole_.size()),
      back_(whole_.size()) {
  whole_[0] = inputs.s0.detach();
  whole_[1] = inputs.s1.detach();
}

double Bypass::weight(const Edge& edge) const {
  return mixing_.const_data_ptr<double>()[edge.row * plan_->columns + plan_->bypass_column()];
}

/// The channels that no operation sees, pooled where the state is larger than the nodes. Odd sizes
/// are rounded up as those of operations.
const at::Tensor& Bypass::passing_by(std::int64_t state) {
  at::Tensor& passing = passing_[index(state)];
  if (!passing.defined()) {
    passing = whole(state).narrow(1, plan_->channels, this->passing());
    if (plan_->reduction && state < cell_inputs) {
      std::tie(passing, positions_[index(state)]) =
          at::max_pool2d_with_indices(passing, two, two, none, one, /*ceil_mode=*/true);
    }
  }
  return passing;
}

void Bypass::join(std::int64_t node, const at::Tensor& operations) {
  at::Tensor sum;
  for (const Edge* edge : plan_->entering(node)) {
    const at::Tensor& passing = passing_by(edge->from);
    if (sum.defined()) {
      sum.add_(passing, weight(*edge));
    } else {
      sum = passing.mul(weight(*edge));
    }
  }
  whole_[index(node)] = shuffled(at::cat({operations, sum}, 1), plan_->partial)
                            .contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor Bypass::output() const { return at::cat(at::TensorList(whole_).slice(cell_inputs), 1); }

void Bypass::begin_backward(const at::Tensor& grad) {
  const std::int64_t channels = plan_->partial * plan_->channels;
  for (std::int64_t state = 0; state < plan_->states(); ++state) {
    gradients_[index(state)] = state < cell_inputs
                                   ? at::zeros_like(whole(state))
                                   : grad.narrow(1, (state - cell_inputs) * channels, channels)
                                         .clone(at::MemoryFormat::ChannelsLast);
  }
}

void Bypass::add(std::int64_t state, const at::Tensor& operations) {
  gradients_[index(state)].narrow(1, 0, plan_->channels).add_(operations);
}

at::Tensor Bypass::part(std::int64_t node, const at::Tensor& mixing) {
  const at::Tensor parts = shuffled(gradients_[index(node)], plan_->channels);
  const at::Tensor of_bypass = parts.narrow(1, plan_->channels, passing()).contiguous();
  for (const Edge* edge : plan_->entering(node)) {
    const at::Tensor& passed = passing_by(edge->from);
    // Image by image: a sum of them all would depend on the number of threads.
    mixing.select(0, edge->row)
        .select(0, plan_->bypass_column())
        .copy_((of_bypass * passed).sum(at::IntArrayRef{1, 2, 3}).sum());
    at::Tensor& back = back_[index(edge->from)];
    if (positions_[index(edge->from)].defined()) {
      back = back.defined() ? back.add_(of_bypass, weight(*edge)) : of_bypass.mul(weight(*edge));
    } else {
      gradients_[index(edge->from)]
          .narrow(1, plan_->channels, passing())
          .add_(of_bypass, weight(*edge));
    }
  }
  gradients_[index(node)].reset();
  return parts.narrow(1, 0, plan_->channels);
}

at::Tensor Bypass::gradient(std::int64_t state) {
  if (back_[index(state)].defined()) {
    const at::Tensor passing = whole(state).narrow(1, plan_->channels, this->passing());
    gradients_[index(state)]
        .narrow(1, plan_->channels, this->passing())
        .add_(at::max_pool2d_with_indices_backward(back_[index(state)], passing, two, two, none,
                                                   one, /*ceil_mode=*/true,
                                                   positions_[index(state)]));
  }
  return gradients_[index(state)];
}

}  // namespace darts::fused
