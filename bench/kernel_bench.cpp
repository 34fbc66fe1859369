// kernel_bench: the speed of the kernels behind the fused execution on one core, against what this
// machine can do at most: the best of LibTorch's matrix products and of copying memory, measured in
// the same run.

#include "kernels/blend.hpp"
#include "kernels/separable.hpp"
#include "machine_peaks.hpp"

#include <darts/core/device.hpp>
#include <darts/core/huge_page_memory.hpp>
#include <darts/core/main.hpp>

#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cstdio>

namespace {

using namespace darts;
using kernels::PaddedImage;
using kernels::SeparableShape;

constexpr std::int64_t padding = 4;

/// A unit of the supernet: its size in the paper's supernet, and its convolution.
struct Case {
  std::int64_t size;
  std::int64_t channels;
  std::int64_t kernel;
  std::int64_t stride;
  std::int64_t dilation;
};

constexpr Case cases[] = {
    {32, 16, 3, 1, 1}, {32, 16, 5, 1, 1}, {32, 16, 3, 1, 2}, {32, 16, 5, 1, 2}, {16, 32, 3, 1, 1},
    {16, 32, 5, 1, 1}, {8, 64, 3, 1, 1},  {8, 64, 5, 1, 2},  {32, 32, 3, 2, 1}, {32, 32, 5, 2, 1}};

/// One image's tensors for a case.
class UnitBench {
 public:
  explicit UnitBench(const Case& c) {
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
  static float* data(const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }
  PaddedImage<float> image(const at::Tensor& tensor) const {
    return {data(tensor), size_, size_, shape_.in_channels, padding};
  }

  SeparableShape shape_;
  std::int64_t size_ = 0;
  at::Tensor padded_, room_, image_, output_, depthwise_, pointwise_;
  at::Tensor grad_depthwise_, grad_pointwise_, coefficients_, sums_, scratch_;
};

void print_units(const MachinePeaks& peaks) {
  std::printf("%-34s %21s %21s %21s\n", "one image, float32", "forward", "gradient of x",
              "gradients of x and w");
  for (const Case& c : cases) {
    UnitBench bench(c);
    std::printf("%lldx%lld, %lld channels, %lldx%lld%s%s", static_cast<long long>(c.size),
                static_cast<long long>(c.size), static_cast<long long>(c.channels),
                static_cast<long long>(c.kernel), static_cast<long long>(c.kernel),
                c.stride > 1 ? ", stride 2" : "          ",
                c.dilation > 1 ? ", dilated" : "         ");
    const auto print = [&](double seconds, double passes) {
      const double flops = passes * 2.0 * bench.multiply_adds() / seconds;
      std::printf("  %5.1f us %5.1f GF/s %2.0f%%", 1e6 * seconds, flops / 1e9,
                  100.0 * flops / peaks.flops);
    };
    print(bench.forward(), 1.0);
    print(bench.backward(false), 1.0);
    print(bench.backward(true), 2.0);
    std::printf("\n");
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
    const double rate = static_cast<double>((count + 1) * out.nbytes()) / seconds;
    std::printf("%-34s %6.1f ms, %5.1f GB/s, %3.0f%% of copying\n", name, 1e3 * seconds, rate / 1e9,
                100.0 * rate / peaks.bytes);
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
  print_units(peaks);
  std::printf("\n");
  print_blends(peaks);
  return 0;
}

}  // namespace

int main() { return darts::run_main("kernel_bench", bench_main); }
