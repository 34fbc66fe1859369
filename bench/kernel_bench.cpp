// kernel_bench: the speed of the kernels behind the fused execution on one core, against what this
// machine can do at most: the best of LibTorch's matrix products and of copying memory, measured in
// the same run.

#include "kernels/blend.hpp"
#include "kernels/pooling.hpp"
#include "kernels/separable.hpp"
#include "kernels/unit.hpp"
#include "machine_peaks.hpp"

#include <darts/core/device.hpp>
#include <darts/core/huge_page_memory.hpp>
#include <darts/core/main.hpp>

#include <ATen/ops/rand.h>
#include <ATen/ops/rand_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace darts;
using kernels::PaddedImage;
using kernels::SeparableShape;

constexpr std::int64_t padding = 4;

/// ReLU, depthwise (but for kernel 1) and pointwise convolution of an image.
struct Case {
  std::int64_t size;
  std::int64_t channels;
  std::int64_t kernel;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t out_channels = channels;
};

/// Of the paper's supernet, …
constexpr Case supernet_cases[] = {
    {32, 16, 3}, {32, 16, 5}, {32, 16, 3, 1, 2}, {32, 16, 5, 1, 2}, {16, 32, 3},
    {16, 32, 5}, {8, 64, 3},  {8, 64, 5, 1, 2},  {32, 32, 3, 2, 1}, {32, 32, 5, 2, 1}};
/// … and of DARTS_V2's network on CIFAR-10.
constexpr Case evaluation_cases[] = {
    {32, 36, 3}, {32, 36, 3, 1, 2}, {32, 144, 1, 1, 1, 36}, {16, 72, 3}, {16, 288, 1, 1, 1, 72},
    {8, 144, 3}, {8, 144, 3, 1, 2}, {8, 576, 1, 1, 1, 144}};

float* data(const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

/// One image's tensors for the supernet's kernels: whole vectors of channels.
class SupernetUnit {
 public:
  explicit SupernetUnit(const Case& c) {
    shape_ = {(c.size - 1) / c.stride + 1,
              (c.size - 1) / c.stride + 1,
              c.channels,
              c.channels,
              c.kernel,
              c.stride,
              c.dilation};
    padded_ = at::zeros({c.size + 2 * padding, c.size + 2 * padding, c.channels});
    room_ = at::zeros_like(padded_);
    image_ = at::zeros({c.size, c.size, c.channels});
    output_ = at::rand({shape_.out_pixels(), c.channels});
    depthwise_ = at::rand({c.kernel * c.kernel, c.channels});
    pointwise_ = at::rand({c.channels, c.channels});
    grad_depthwise_ = at::zeros_like(depthwise_);
    grad_pointwise_ = at::zeros_like(pointwise_);
    coefficients_ = at::rand({3, c.channels});
    sums_ = at::zeros({2, c.channels}, at::kDouble);
    scratch_ = at::zeros({kernels::separable_scratch(shape_)});
    size_ = c.size;
  }

  double multiply_adds() const {
    return static_cast<double>(shape_.out_pixels() * shape_.in_channels *
                               (shape_.kernel * shape_.kernel + shape_.out_channels));
  }

  double forward() {
    kernels::SeparableForward<float> task;
    task.shape = shape_;
    task.input = image(padded_);
    task.depthwise = data(depthwise_);
    task.pointwise = data(pointwise_);
    task.output = data(output_);
    task.sums = sums_.mutable_data_ptr<double>();
    task.scratch = data(scratch_);
    return best_seconds([&] { kernels::separable_forward(task); });
  }

  double backward(bool weights) {
    kernels::SeparableBackward<float> task;
    task.shape = shape_;
    task.input = image(padded_);
    task.room = image(room_);
    const float* const a = data(coefficients_);
    task.gradient = {data(output_), data(output_), a, a + shape_.out_channels,
                     a + 2 * shape_.out_channels};
    task.depthwise = data(depthwise_);
    task.pointwise_t = data(pointwise_);
    task.scratch = data(scratch_);
    task.grad_sum = data(image_);
    task.grad_depthwise = weights ? data(grad_depthwise_) : nullptr;
    task.grad_pointwise = weights ? data(grad_pointwise_) : nullptr;
    return best_seconds([&] { kernels::separable_backward(task); });
  }

 private:
  PaddedImage<float> image(const at::Tensor& tensor) const {
    return {data(tensor), size_, size_, shape_.in_channels, padding};
  }

  SeparableShape shape_;
  std::int64_t size_ = 0;
  at::Tensor padded_, room_, image_, output_, depthwise_, pointwise_;
  at::Tensor grad_depthwise_, grad_pointwise_, coefficients_, sums_, scratch_;
};

/// The same for the evaluation network's: any number of channels.
class EvaluationUnit {
 public:
  explicit EvaluationUnit(const Case& c) {
    shape_ = {c.size, c.size, c.channels, c.out_channels, c.kernel, c.stride, c.dilation};
    const std::int64_t whole = kernels::channel_multiple<float>();
    const std::int64_t padded = (c.channels + whole - 1) / whole * whole;
    x_ = at::rand({c.size * c.size, c.channels});
    z_ = at::rand({shape_.out_pixels(), c.out_channels});
    grad_x_ = at::rand_like(x_);
    depthwise_ = at::rand({c.kernel * c.kernel, padded});
    pointwise_ = at::rand({kernels::packed_size<float>(c.channels, c.out_channels)});
    pointwise_t_ = at::rand({kernels::packed_size<float>(c.out_channels, c.channels)});
    grad_depthwise_ = at::zeros_like(depthwise_);
    grad_pointwise_ = at::zeros_like(pointwise_);
    coefficients_ = at::rand({3, c.out_channels + whole});
    sums_ = at::zeros({2, std::max(c.channels, c.out_channels)}, at::kDouble);
    workspace_ = at::zeros({kernels::unit_workspace<float>(shape_)});
  }

  double multiply_adds() const {
    const std::int64_t taps = shape_.kernel > 1 ? shape_.kernel * shape_.kernel : 0;
    return static_cast<double>(shape_.out_pixels() * shape_.in_channels *
                               (taps + shape_.out_channels));
  }

  double forward() {
    kernels::UnitForward<float> task;
    task.shape = shape_;
    task.input.x = {data(x_), shape_.in_channels};
    task.depthwise = data(depthwise_);
    task.pointwise = data(pointwise_);
    task.z = {data(z_), shape_.out_channels};
    task.sums = sums_.mutable_data_ptr<double>();
    task.squares = task.sums + sums_.size(1);
    task.workspace = data(workspace_);
    return best_seconds([&] { kernels::unit_forward(task); });
  }

  double backward(bool weights) {
    kernels::UnitBackward<float> task;
    task.shape = shape_;
    task.input.x = {data(x_), shape_.in_channels};
    task.g = task.z = {data(z_), shape_.out_channels};
    task.a = data(coefficients_);
    task.b = task.a + coefficients_.size(1);
    task.c = task.b + coefficients_.size(1);
    task.depthwise = data(depthwise_);
    task.pointwise_t = data(pointwise_t_);
    task.grad_depthwise = weights ? data(grad_depthwise_) : nullptr;
    task.grad_pointwise = weights ? data(grad_pointwise_) : nullptr;
    task.grad_x = {data(grad_x_), shape_.in_channels};
    task.workspace = data(workspace_);
    return best_seconds([&] { kernels::unit_backward(task); });
  }

 private:
  kernels::UnitShape shape_;
  at::Tensor x_, z_, grad_x_, depthwise_, pointwise_, pointwise_t_;
  at::Tensor grad_depthwise_, grad_pointwise_, coefficients_, sums_, workspace_;
};

std::string describe(const Case& c) {
  const auto square = [](std::int64_t n) { return std::to_string(n) + "x" + std::to_string(n); };
  return square(c.size) + ", " + std::to_string(c.channels) + " channels" +
         (c.out_channels != c.channels ? " to " + std::to_string(c.out_channels) : "") + ", " +
         square(c.kernel) + (c.stride > 1 ? ", stride 2" : "") +
         (c.dilation > 1 ? ", dilated" : "");
}

template <class Unit>
void print_units(const char* title, std::span<const Case> cases, const MachinePeaks& peaks) {
  std::printf("%-40s %21s %21s %21s\n", title, "forward", "gradient of x", "gradients of x and w");
  for (const Case& c : cases) {
    Unit unit(c);
    std::printf("%-40s", describe(c).c_str());
    const auto print = [&](double seconds, double passes) {
      const double flops = passes * 2.0 * unit.multiply_adds() / seconds;
      std::printf(" %6.1f us %5.1f GF/s %3.0f%%", 1e6 * seconds, flops / 1e9,
                  100.0 * flops / peaks.flops);
    };
    print(unit.forward(), 1.0);
    print(unit.backward(false), 1.0);
    print(unit.backward(true), 2.0);
    std::printf("\n");
  }
  std::printf("\n");
}

void print_memory(const std::string& name, double seconds, double bytes,
                  const MachinePeaks& peaks) {
  std::printf("%-40s %8.1f us %5.1f GB/s, %3.0f%% of copying\n", name.c_str(), 1e6 * seconds,
              bytes / seconds / 1e9, 100.0 * bytes / seconds / peaks.bytes);
}

/// 3x3 pools of one image, which lies in the cache: bytes are those that memory would have to move.
void print_pools(const MachinePeaks& peaks) {
  for (const kernels::Pool pool : {kernels::Pool::max, kernels::Pool::average}) {
    for (const std::int64_t stride : {1, 2}) {
      const kernels::PoolShape shape{pool, 32, 32, 16, stride};
      const at::Tensor x = at::rand({shape.height * shape.width, shape.channels});
      const at::Tensor y = at::rand({shape.out_height() * shape.out_width(), shape.channels});
      const at::Tensor grad_y = at::rand_like(y);
      const at::Tensor grad_x = at::zeros_like(x);
      const std::string name = std::string(pool == kernels::Pool::max ? "max" : "average") +
                               " pool" + (stride > 1 ? ", stride 2" : "");
      const auto bytes = [](const at::Tensor& t) { return static_cast<double>(t.nbytes()); };
      print_memory(
          name, best_seconds([&] { kernels::pool_forward<float, float>(shape, data(x), data(y)); }),
          bytes(x) + bytes(y), peaks);
      const double read = bytes(grad_y) + (pool == kernels::Pool::max ? bytes(x) + bytes(y) : 0.0);
      print_memory(name + ", gradient", best_seconds([&] {
                     kernels::pool_backward<float, float>(shape, data(x), data(y), data(grad_y),
                                                          data(grad_x));
                   }),
                   read + 2.0 * bytes(grad_x), peaks);
    }
  }
}

/// Sums over 16 tensors of 64 images, 4 MB each: what a node is made of.
void print_blends(const MachinePeaks& peaks) {
  constexpr std::int64_t pixels = 64 * 32 * 32;
  constexpr std::int64_t channels = 16;
  constexpr std::size_t count = 16;
  std::vector<at::Tensor> tensors;
  std::vector<kernels::Term<float>> terms;
  std::vector<kernels::Factor<float>> factors;
  const at::Tensor scale = at::rand({channels});
  for (std::size_t i = 0; i < count; ++i) {
    tensors.push_back(at::rand({pixels, channels}));
    terms.push_back({tensors.back().const_data_ptr<float>(), scale.const_data_ptr<float>()});
    factors.push_back({tensors.back().const_data_ptr<float>(), nullptr});
  }
  const at::Tensor out = at::rand({pixels, channels});
  const at::Tensor sums = at::zeros({static_cast<std::int64_t>(count), channels}, at::kDouble);
  const auto print = [&](const char* name, double seconds) {
    print_memory(name, seconds, static_cast<double>((count + 1) * out.nbytes()), peaks);
  };
  kernels::WeightedSum<float> sum;
  sum.pixels = pixels;
  sum.channels = channels;
  sum.terms = terms;
  sum.out = out.mutable_data_ptr<float>();
  print("weighted sum of 16 tensors", best_seconds([&] { kernels::weighted_sum(sum); }));
  print("products with 16 tensors", best_seconds([&] {
          kernels::channel_products<float, float>({pixels, channels, out.const_data_ptr<float>(),
                                                   factors, sums.mutable_data_ptr<double>()});
        }));
}

int bench_main() {
  use_huge_page_memory();
  set_threads(1);
  const MachinePeaks peaks = measure_peaks();
  std::printf("one core: %.1f GFLOP/s in matrix products, %.1f GB/s copying\n\n", peaks.flops / 1e9,
              peaks.bytes / 1e9);
  print_units<SupernetUnit>("one image, float32: supernet", supernet_cases, peaks);
  print_units<EvaluationUnit>("evaluation network", evaluation_cases, peaks);
  print_pools(peaks);
  print_blends(peaks);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    const bool help = std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h";
    std::fputs(
        "usage: kernel_bench\nTimes the CPU's kernels on one core against what the machine "
        "does at most (docs/kernels.md); it has no options.\n",
        help ? stdout : stderr);
    return help ? 0 : 1;
  }
  return darts::run_main("kernel_bench", bench_main);
}
