#pragma once

#include "kernels/unit.hpp"
#include "ops/kernels/pixel_tensor.hpp"

#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros_like.h>

#include <string>

namespace darts::testing {

/// A unit on one image.
struct UnitCase {
  std::int64_t height = 7;
  std::int64_t width = 6;
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 5;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t offset = 0;
  bool affine = false;      ///< the input is behind a batch norm (not with kernel 1)
  std::int64_t gap = 0;     ///< elements between pixels
  std::int64_t window = 1;  ///< with kernel 1: the side of a dense convolution
  bool relu = true;

  kernels::UnitShape shape() const {
    return {height, width,    in_channels, out_channels, kernel,
            stride, dilation, offset,      window,       relu};
  }
};

std::string describe(const UnitCase& c);

/// Values that T can hold. x: height×width×in; scale, shift: in; depthwise: k×k×in; pointwise:
/// depth×out; bias, a, b, c: out; addend, g, z: out_height×out_width×out; "to NAME": what is there
/// already where the kernels add.
Golden unit_operands(const UnitCase& c, at::ScalarType type);

/// What ATen computes in float64. Forward: z (with bias), z_added (with bias and addend), moments
/// (2×out). Backward: grad_depthwise, grad_pointwise, grad_x (of what is below the ReLU), moments_x
/// (Σ grad_x and Σ grad_x·x, 2×in).
Golden unit_expected(const UnitCase& c, const Golden& operands);

/// A tolerance for each of them.
template <class T>
Tolerances unit_tolerances(const UnitCase& c) {
  const std::int64_t taps = c.kernel > 1 ? c.kernel * c.kernel : 0;
  const std::int64_t pixels = c.shape().out_pixels();
  const std::int64_t input = c.affine ? 2 : 0;
  const std::int64_t forward = input + taps + c.shape().depth() + 1;
  const std::int64_t gradient = 3;  // a·g + b·z + c
  const std::int64_t grad_x = gradient + c.out_channels + taps + c.window * c.window;
  return {{"z", rounding<T>(forward)},
          {"z_added", rounding<T>(forward + 1)},
          {"moments", rounding<T>(forward + pixels)},
          {"grad_depthwise", rounding<T>(input + gradient + c.out_channels + pixels)},
          {"grad_pointwise", rounding<T>(input + taps + gradient + pixels)},
          {"grad_x", rounding<T>(grad_x)},
          {"moments_x", rounding<T>(grad_x + c.height * c.width)}};
}

/// Which gradients are asked for.
struct UnitWanted {
  bool weights = true;
  bool x = true;
  bool moments = true;  ///< of the gradient of x; not with kernel 1
};

/// Runs the kernels. The working memory is full of 3s at first, and serves all runs.
template <class T>
class UnitTrial {
 public:
  explicit UnitTrial(const UnitCase& c)
      : case_(c),
        workspace_(static_cast<std::size_t>(kernels::unit_workspace<T>(c.shape())), T(3)) {}

  /// z, z_added and moments.
  Golden forward(const Golden& in) {
    const Operands own(case_, in);
    Golden out;
    kernels::UnitForward<T> task;
    task.shape = case_.shape();
    task.input = own.input();
    task.depthwise = own.pointer("depthwise");
    task.pointwise = own.pointer("pointwise");
    task.bias = own.pointer("bias");
    task.workspace = workspace_.data();
    const auto run = [&](PixelTensor<T>& z) {
      task.z = z.write();
      kernels::unit_forward(task);
      z.expect_gaps_untouched();
      return z.values();
    };
    PixelTensor<T> z(nan_like(in.at("z")), case_.gap + 3);
    out["z"] = run(z);
    PixelTensor<T> added(in.at("addend"), case_.gap + 3);  // in the same place
    task.addend = {added.write().data, added.write().step};
    out["z_added"] = run(added);
    task.addend = {};
    out["moments"] = sums_of(in.at("to moments"));
    task.sums = out["moments"].template mutable_data_ptr<double>();
    task.squares = task.sums + out["moments"].size(1);
    PixelTensor<T> with_moments(nan_like(in.at("z")), case_.gap + 3);
    EXPECT_TRUE(run(with_moments).nan_to_num(9.0).equal(out["z"].nan_to_num(9.0)));
    return out;
  }

  Golden backward(const Golden& in, const UnitWanted& wanted = {}) {
    const Operands own(case_, in);
    const PixelTensor<T> g(in.at("g"), case_.gap + 1);
    const PixelTensor<T> z(in.at("z"), case_.gap + 2);
    // With a window it is added to.
    PixelTensor<T> grad_x(case_.window > 1 ? in.at("to grad_x") : nan_like(in.at("x")),
                          case_.gap + 3);
    Golden out;
    kernels::UnitBackward<T> task;
    task.shape = case_.shape();
    task.input = own.input();
    task.g = g.read();
    task.z = z.read();
    task.a = own.pointer("a");
    task.b = own.pointer("b");
    task.c = own.pointer("c");
    task.depthwise = own.pointer("depthwise");
    task.pointwise_t = own.pointer("pointwise_t");
    task.workspace = workspace_.data();
    if (wanted.weights && case_.kernel > 1) {
      out["grad_depthwise"] = with_padding<T>(in.at("to grad_depthwise"));
      task.grad_depthwise = out["grad_depthwise"].template mutable_data_ptr<T>();
    }
    at::Tensor grad_pointwise = packed_matrix(in.at("to grad_pointwise"));
    task.grad_pointwise = wanted.weights ? grad_pointwise.mutable_data_ptr<T>() : nullptr;
    task.grad_x = wanted.x ? grad_x.write() : kernels::Pixels<T>{};
    if (wanted.moments && case_.kernel > 1) {
      out["moments_x"] = sums_of(in.at("to moments_x"));
      task.sums = out["moments_x"].template mutable_data_ptr<double>();
      task.products = task.sums + out["moments_x"].size(1);
    }
    kernels::unit_backward(task);
    grad_x.expect_gaps_untouched();
    if (wanted.weights) {
      out["grad_pointwise"] =
          unpacked<T>(grad_pointwise, case_.shape().depth(), case_.out_channels);
    }
    if (wanted.x) {
      out["grad_x"] = grad_x.values();
    }
    return out;
  }

 private:
  static at::Tensor nan_like(const at::Tensor& values) {
    return at::full_like(values, std::numeric_limits<double>::quiet_NaN());
  }
  /// 2×channels in float64, with room behind the channels that has to stay 0.
  static at::Tensor sums_of(const at::Tensor& values) {
    return in_corner(values, {2, values.size(1) + 3}, at::kDouble);
  }
  /// The matrix as weights are packed, none of its channels padded.
  static at::Tensor packed_matrix(const at::Tensor& values) {
    const std::int64_t rows = values.size(0);
    const std::int64_t columns = values.size(1);
    const at::Tensor weight = values.t().to(type_of<T>).contiguous();
    at::Tensor to = in_corner({}, {kernels::packed_size<T>(rows, columns)}, type_of<T>);
    kernels::pack_pointwise(weight.const_data_ptr<T>(), columns, rows,
                            kernels::PackedBlock{rows, columns}, to.mutable_data_ptr<T>());
    return to;
  }

  /// What is only read, in the kernels' order.
  struct Operands {
    Operands(const UnitCase& c, const Golden& in) : x(in.at("x"), c.gap), affine(c.affine) {
      for (const char* name : {"scale", "shift", "depthwise", "bias", "a", "b", "c"}) {
        // Panels of outputs may reach beyond whole vectors.
        own[name] = in_corner(in.at(name), with_room(in.at(name).sizes(), name), type_of<T>);
      }
      own["pointwise"] = packed_matrix(in.at("pointwise"));
      own["pointwise_t"] = packed_matrix(in.at("pointwise").t());
    }
    static std::vector<std::int64_t> with_room(at::IntArrayRef sizes, const std::string& name) {
      std::vector<std::int64_t> room = sizes.vec();
      room.back() = padded<T>(room.back()) + (name == "bias" ? padded<T>(1) : 0);
      return room;
    }
    const T* pointer(const char* name) const { return own.at(name).template const_data_ptr<T>(); }
    kernels::UnitInput<T> input() const {
      return {x.read(), affine ? pointer("scale") : nullptr, affine ? pointer("shift") : nullptr};
    }

    PixelTensor<T> x;
    bool affine;
    Golden own;
  };

  UnitCase case_;
  std::vector<T> workspace_;
};

}  // namespace darts::testing
