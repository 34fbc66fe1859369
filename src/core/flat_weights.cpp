#include <darts/core/flat_weights.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_zero.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <c10/core/TensorImpl.h>
#include <torch/csrc/api/include/torch/autograd.h>

#include <iterator>

namespace darts {

/// Whether gradients may be written to their places: only while differentiate() runs, so that
/// nobody else's gradients share memory with them.
struct FlatWeights::Gate {
  bool open = false;
};

namespace {

/// What a parameter carries: where its gradient belongs.
struct Place : c10::BackendMeta {
  Place(at::Tensor memory, std::shared_ptr<const bool> is_open)
      : window(std::move(memory)), open(std::move(is_open)) {}
  at::Tensor window;
  std::shared_ptr<const bool> open;
};

/// Undefined where the loss does not depend on the input.
std::vector<at::Tensor> raw_gradients(const std::vector<at::Tensor>& outputs,
                                      const std::vector<at::Tensor>& by_outputs,
                                      const std::vector<at::Tensor>& inputs) {
  return torch::autograd::grad(outputs, inputs, by_outputs,
                               /*retain_graph=*/std::nullopt,
                               /*create_graph=*/false, /*allow_unused=*/true);
}

bool is_at(const at::Tensor& gradient, const at::Tensor& place) {
  return gradient.is_alias_of(place) && gradient.storage_offset() == place.storage_offset();
}

void fill_undefined(std::vector<at::Tensor>& gradients, const std::vector<at::Tensor>& inputs) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) {
      gradients[i] = at::zeros_like(inputs[i]);
    }
  }
}

}  // namespace

class FlatWeights::OpenPlaces {
 public:
  explicit OpenPlaces(Gate& gate) : gate_(gate) { gate_.open = true; }
  ~OpenPlaces() { gate_.open = false; }
  OpenPlaces(const OpenPlaces&) = delete;
  OpenPlaces& operator=(const OpenPlaces&) = delete;

 private:
  Gate& gate_;
};

FlatWeights::FlatWeights(std::vector<at::Tensor> parameters)
    : parameters_(std::move(parameters)),
      gradient_(parameters_.zeros()),
      places_(parameters_.windows(gradient_)),
      reached_(places_.size()),
      gate_(std::make_shared<Gate>()) {
  const std::shared_ptr<const bool> open(gate_, &gate_->open);
  for (std::size_t i = 0; i < places_.size(); ++i) {
    parameters_.tensors()[i].unsafeGetTensorImpl()->set_backend_meta(
        c10::make_intrusive<Place>(places_[i], open));
  }
}

FlatWeights::~FlatWeights() {
  for (const at::Tensor& parameter : parameters_.tensors()) {
    const auto* const place =
        dynamic_cast<const Place*>(parameter.unsafeGetTensorImpl()->get_backend_meta());
    if (place != nullptr && place->open.get() == &gate_->open) {
      parameter.unsafeGetTensorImpl()->set_backend_meta({});
    }
  }
}

std::vector<at::Tensor> FlatWeights::differentiate(const at::Tensor& loss,
                                                   const std::vector<at::Tensor>& others) {
  std::vector<at::Tensor> inputs = others;
  inputs.insert(inputs.end(), parameters_.tensors().begin(), parameters_.tensors().end());
  const OpenPlaces open(*gate_);
  std::vector<at::Tensor> gradients = raw_gradients({loss}, {}, inputs);
  const auto first_weight = gradients.begin() + std::ssize(others);
  gather({first_weight, gradients.end()});
  gradients.erase(first_weight, gradients.end());
  fill_undefined(gradients, others);
  return gradients;
}

void FlatWeights::gather(const std::vector<at::Tensor>& gradients) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> to;
  std::vector<at::Tensor> from;
  std::vector<at::Tensor> unused;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    reached_[i] = gradients[i].defined();
    if (!reached_[i]) {
      unused.push_back(places_[i]);
    } else if (!is_at(gradients[i], places_[i])) {
      to.push_back(places_[i]);
      from.push_back(gradients[i]);
    }
  }
  if (!to.empty()) {
    at::_foreach_copy_(to, from);
  }
  if (!unused.empty()) {
    at::_foreach_zero_(unused);
  }
}

void FlatWeights::add_gradient(const at::Tensor& loss) {
  const std::vector<at::Tensor> gradients = raw_gradients({loss}, {}, parameters_.tensors());
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> to;
  std::vector<at::Tensor> from;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].defined()) {
      to.push_back(places_[i]);
      from.push_back(gradients[i]);
    }
  }
  at::_foreach_add_(to, from);
}

at::Tensor gradient_for(const at::Tensor& weight) {
  const auto* const place =
      dynamic_cast<const Place*>(weight.unsafeGetTensorImpl()->get_backend_meta());
  if (place != nullptr && *place->open && place->window.is_contiguous() &&
      place->window.sizes() == weight.sizes()) {
    return place->window.detach();
  }
  return at::empty(weight.sizes(), weight.options().requires_grad(false));
}

std::vector<at::Tensor> gradients_of(const at::Tensor& loss,
                                     const std::vector<at::Tensor>& inputs) {
  return gradients_of({loss}, {}, inputs);
}

std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& outputs,
                                     const std::vector<at::Tensor>& by_outputs,
                                     const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> gradients = raw_gradients(outputs, by_outputs, inputs);
  fill_undefined(gradients, inputs);
  return gradients;
}

}  // namespace darts
