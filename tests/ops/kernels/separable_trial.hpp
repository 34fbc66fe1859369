#pragma once

#include "ops/kernels/kernel_tools.hpp"

#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace darts::testing {

/// A separable convolution of one image.
struct SeparableCase {
  std::int64_t height = 8;
  std::int64_t width = 8;
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t more_padding = 0;  ///< of the images, beyond what the convolution needs

  kernels::SeparableShape shape() const {
    return {(height - 1) / stride + 1,
            (width - 1) / stride + 1,
            in_channels,
            out_channels,
            kernel,
            stride,
            dilation};
  }
};

std::string describe(const SeparableCase& c);

/// Values that T can hold: of the image, the weights, the gradient that comes in (g, z, a, b, c),
/// and what is there already where the kernels add.
///
/// input, y: height×width×in; depthwise: k×k×in; pointwise: in×out; g, z: out_height×out_width×out;
/// a, b, c: out; "to NAME": as NAME of the results.
Golden separable_operands(const SeparableCase& c, at::ScalarType type);

/// Σ x and Σ x · y over the pixels of height×width×channels: 2×channels.
at::Tensor sums_with(const at::Tensor& x, const at::Tensor& y);

/// What ATen computes in float64: output, sums, grad_depthwise, grad_pointwise, grad_sum,
/// grad_masked, masked_sums.
Golden separable_expected(const SeparableCase& c, const Golden& operands);

/// Terms of the sums that each result is made of, one within the other.
std::map<std::string, std::int64_t> separable_terms(const SeparableCase& c);

/// Which gradients are asked for.
struct SeparableWanted {
  bool weights = true;
  bool sum = false;
  bool masked = false;
};

/// Runs the kernels. The working memory is full of NaN at first, and serves all runs.
template <class S>
class SeparableTrial {
  using T = Arithmetic<S>;

 public:
  explicit SeparableTrial(const SeparableCase& c) : shape_(c.shape()), case_(c) {
    shape_.in_channels = padded<T>(c.in_channels);
    shape_.out_channels = padded<T>(c.out_channels);
    const std::int64_t padding = shape_.padding() + c.more_padding;
    room_ = std::make_unique<PaddedTensor<T>>(
        in_corner({}, {c.height, c.width, c.in_channels}, at::kDouble), padding);
    scratch_.assign(static_cast<std::size_t>(kernels::separable_scratch(shape_)),
                    std::numeric_limits<T>::quiet_NaN());
  }

  Golden forward(const Golden& in) {
    const PaddedTensor<T> input = padded_input(in);
    const at::Tensor depthwise = with_padding<T>(in.at("depthwise"));
    const at::Tensor pointwise = packed<T>(in.at("pointwise"));
    Golden out;
    out["output"] = with_padding<S>(in.at("z"));
    out["output"].fill_(std::numeric_limits<T>::quiet_NaN());
    out["sums"] = sums_of(in.at("to sums"));
    kernels::SeparableForward<T, Stored<S>> task;
    task.shape = shape_;
    task.input = input.view();
    task.depthwise = depthwise.const_data_ptr<T>();
    task.pointwise = pointwise.const_data_ptr<T>();
    task.output = stored_data<S>(out["output"]);
    task.sums = out["sums"].template mutable_data_ptr<double>();
    task.scratch = scratch_.data();
    kernels::separable_forward(task);
    return out;
  }

  Golden backward(const Golden& in, const SeparableWanted& wanted) {
    const PaddedTensor<T> input = padded_input(in);
    Golden own;
    for (const char* name : {"g", "a", "b", "c", "depthwise"}) {
      own[name] = with_padding<T>(in.at(name));
    }
    const at::Tensor z = with_padding<S>(in.at("z"));
    const at::Tensor y = with_padding<S>(in.at("y"));
    own["pointwise_t"] = packed<T>(in.at("pointwise").t());
    const auto pointer = [&](const char* name) {
      return own.at(name).template const_data_ptr<T>();
    };
    Golden out;
    kernels::SeparableBackward<T, Stored<S>> task;
    task.shape = shape_;
    task.input = input.view();
    task.gradient = {pointer("g"), stored_data<S>(z), pointer("a"), pointer("b"), pointer("c")};
    task.depthwise = pointer("depthwise");
    task.pointwise_t = pointer("pointwise_t");
    task.room = room_->view();
    task.scratch = scratch_.data();
    const auto add_to = [&](const std::string& name, const at::Tensor& values) {
      out[name] = values;
      return out[name].template mutable_data_ptr<T>();
    };
    if (wanted.weights) {
      task.grad_depthwise = add_to("grad_depthwise", with_padding<T>(in.at("to grad_depthwise")));
      task.grad_pointwise = add_to("grad_pointwise", packed<T>(in.at("to grad_pointwise")));
    }
    if (wanted.sum) {
      task.grad_sum = add_to("grad_sum", with_padding<T>(in.at("to grad_sum")));
    }
    if (wanted.masked) {
      out["grad_masked"] = with_padding<T>(in.at("input"));
      out["grad_masked"].fill_(std::numeric_limits<T>::quiet_NaN());
      out["masked_sums"] = sums_of(in.at("to masked_sums"));
      task.grad_masked = out["grad_masked"].template mutable_data_ptr<T>();
      task.before_relu = stored_data<S>(y);
      task.sums = out["masked_sums"].template mutable_data_ptr<double>();
    }
    kernels::separable_backward(task);
    if (wanted.weights) {
      out["grad_pointwise"] =
          unpacked<T>(out["grad_pointwise"], shape_.in_channels, shape_.out_channels);
    }
    return out;
  }

 private:
  PaddedTensor<T> padded_input(const Golden& in) const {
    return {in.at("input"), shape_.padding() + case_.more_padding};
  }

  /// 2×channels in float64, whatever T is.
  static at::Tensor sums_of(const at::Tensor& values) {
    return in_corner(values, {2, padded<T>(values.size(1))}, at::kDouble);
  }

  kernels::SeparableShape shape_;
  SeparableCase case_;
  std::unique_ptr<PaddedTensor<T>> room_;
  std::vector<T> scratch_;
};

}  // namespace darts::testing
