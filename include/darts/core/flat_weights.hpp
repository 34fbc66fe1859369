#pragma once

#include <darts/core/flat_tensors.hpp>

#include <memory>
#include <vector>

namespace darts {

/// The weights w of a network, and the gradient of a loss by them, each in one piece of memory.
class FlatWeights {
 public:
  /// Takes the parameters over, see FlatTensors. They stay usable as ever.
  explicit FlatWeights(std::vector<at::Tensor> parameters);
  ~FlatWeights();
  FlatWeights(const FlatWeights&) = delete;
  FlatWeights& operator=(const FlatWeights&) = delete;

  const FlatTensors& parameters() const { return parameters_; }
  const at::Tensor& values() const { return parameters_.flat(); }
  /// Of one dimension, as values().
  const at::Tensor& gradient() const { return gradient_; }

  /// Of each parameter, whether the last differentiate() reached it: a gradient of 0 may be one, or
  /// mean that the loss does not depend on the parameter.
  const std::vector<bool>& reached() const { return reached_; }

  /// gradient() becomes ∂loss/∂w. Returns ∂loss/∂other for each of `others`, 0 where the loss does
  /// not depend on it. What does not lead to w or to them is not computed.
  std::vector<at::Tensor> differentiate(const at::Tensor& loss,
                                        const std::vector<at::Tensor>& others = {});

  /// ∂loss/∂w is added to gradient().
  void add_gradient(const at::Tensor& loss);

 private:
  class OpenPlaces;
  struct Gate;

  void gather(const std::vector<at::Tensor>& gradients);

  FlatTensors parameters_;
  at::Tensor gradient_;
  std::vector<at::Tensor> places_;  ///< windows of gradient_
  std::vector<bool> reached_;
  std::shared_ptr<Gate> gate_;
};

/// Where the gradient by `weight` is to be written by a backward pass of our own, of the shape and
/// type of `weight`, uninitialised: its place in the gradient of the FlatWeights that are being
/// differentiated; anywhere else, fresh memory.
at::Tensor gradient_for(const at::Tensor& weight);

/// ∂loss/∂input for each of `inputs`, 0 where the loss does not depend on it. Only what leads to
/// `inputs` is computed: for alpha alone, no gradients of w.
std::vector<at::Tensor> gradients_of(const at::Tensor& loss, const std::vector<at::Tensor>& inputs);

/// The same for a loss that is known by its gradients by `outputs` alone: they are carried back.
std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& outputs,
                                     const std::vector<at::Tensor>& by_outputs,
                                     const std::vector<at::Tensor>& inputs);

}  // namespace darts
