#include "core/child_process.hpp"
#include "core/expect_error.hpp"
#include "support/test_devices.hpp"

#include <darts/core/device.hpp>
#include <darts/core/environment.hpp>
#include <darts/core/processors.hpp>

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

namespace darts {
namespace {

using ::testing::AnyOf;
using testing::error_of;
using testing::has_gpu;
using ::testing::HasSubstr;

TEST(Device, IsChosenByName) {
  EXPECT_EQ(choose_device("cpu"), at::Device(at::kCPU));
  EXPECT_EQ(choose_device("auto"), has_gpu() ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU));
  for (const char* text : {"", "gpu", "cud", "cuda:", "cuda:-1", "cuda:1x", "cuda1", "CPU"}) {
    EXPECT_THAT(error_of([&] { choose_device(text); }), HasSubstr("is no device; give auto, cpu"));
  }
}

TEST(Device, SaysWhyThereIsNoGpu) {
  if (has_gpu()) {
    EXPECT_THAT(error_of([] { choose_device("cuda:99"); }), HasSubstr("this machine has "));
    GTEST_SKIP() << "this machine has a GPU";
  }
  EXPECT_THAT(error_of([] { choose_device("cuda:1"); }),
              AnyOf(HasSubstr("cannot use cuda:1: this program was built without CUDA"),
                    HasSubstr("cannot use cuda:1: there is no usable GPU in this machine")));
}

/// LibTorch's pool would wait for ever for a thread that did not start.
TEST(Device, SaysThatThreadsCannotBeStarted) {
  EXPECT_EQ(testing::run_child([] {
              const rlimit limit{};
              ::setrlimit(RLIMIT_AS, &limit);  // no stack finds a place
              const std::string message = error_of([] { set_threads(100); });
              return message.find("cannot start 100 threads: ") == 0 ? 0 : 1;
            }),
            0);
}

TEST(Device, ThreadsAreSet) {
  const int before = at::get_num_threads();
  set_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  set_threads(0);
  EXPECT_EQ(at::get_num_threads(), usable_processors());
  EXPECT_THROW(set_threads(-1), c10::Error);
  set_threads(before);
}

TEST(Device, DeterminismIsSwitched) {
  const auto& context = at::globalContext();
  set_deterministic(true);
  EXPECT_TRUE(context.deterministicAlgorithms());
  EXPECT_TRUE(context.deterministicAlgorithmsWarnOnly());
  EXPECT_TRUE(context.deterministicCuDNN());
  EXPECT_FALSE(context.benchmarkCuDNN());
  EXPECT_FALSE(context.deterministicFillUninitializedMemory());
  set_deterministic(false);
  EXPECT_FALSE(context.deterministicAlgorithms());
  EXPECT_FALSE(context.deterministicCuDNN());
  EXPECT_TRUE(context.benchmarkCuDNN());
}

TEST(Device, Tf32IsSwitchedForProductsAndConvolutions) {
  const auto& context = at::globalContext();
  set_tf32(true);
  EXPECT_TRUE(context.allowTF32CuDNN());
  EXPECT_TRUE(context.allowTF32CuBLAS());
  set_tf32(false);
  EXPECT_FALSE(context.allowTF32CuDNN());
  EXPECT_FALSE(context.allowTF32CuBLAS());
}

TEST(Autocast, HoldsWithinItsGuardsOnly) {
  const at::Device cpu(at::kCPU);
  const at::Tensor a = at::ones({4, 4});
  const auto dtype = [&] { return at::mm(a, a).scalar_type(); };
  const auto dtype_before = at::autocast::get_autocast_dtype(at::kCPU);
  {
    const AutocastGuard off(cpu, Precision::fp32);
    EXPECT_EQ(dtype(), at::kFloat);
    {
      const AutocastGuard on(cpu, Precision::bf16);
      EXPECT_EQ(dtype(), at::kBFloat16);
      {
        const AutocastGuard again(cpu, Precision::bf16);
        EXPECT_EQ(dtype(), at::kBFloat16);
      }
      EXPECT_EQ(dtype(), at::kBFloat16);
    }
    EXPECT_EQ(dtype(), at::kFloat);
  }
  EXPECT_EQ(at::autocast::get_autocast_dtype(at::kCPU), dtype_before);
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
}

TEST(Autocast, RemembersNoCastOfWBeyondTheGuard) {
  const at::Device cpu(at::kCPU);
  at::Tensor w = at::ones({2, 2}).requires_grad_();
  const auto product = [&] {
    const AutocastGuard guard(cpu, Precision::bf16);
    return at::mm(at::ones({2, 2}), w)[0][0].item<float>();
  };
  EXPECT_EQ(product(), 2.0F);
  w.detach().fill_(3.0);
  EXPECT_EQ(product(), 6.0F);
}

TEST(Device, PeakMemoryGrows) {
  const at::Device cpu(at::kCPU);
  const std::int64_t before = peak_memory_bytes(cpu);
  EXPECT_GT(before, 10'000'000);
  const at::Tensor large = at::ones({1LL << 27});  // 512 MiB
  EXPECT_GT(peak_memory_bytes(cpu), 500'000'000);
  EXPECT_GE(peak_memory_bytes(cpu), before);
}

using DeviceCuda = testing::CudaTest;

TEST_F(DeviceCuda, PeakMemory) {
  const at::Device gpu = choose_device("cuda");
  const at::Tensor large = at::ones({1LL << 20}, gpu);
  EXPECT_GE(peak_memory_bytes(gpu), 4LL << 20);
}

TEST_F(DeviceCuda, IsDescribed) {
  const auto about = describe_environment(testing::gpu()).at("device");
  EXPECT_EQ(about.at("name"), "cuda:0");
  EXPECT_FALSE(about.at("card").get<std::string>().empty());
  EXPECT_THAT(about.at("compute_capability").get<std::string>(), HasSubstr("."));
  EXPECT_GT(about.at("memory_bytes"), 1e9);
}

TEST(Environment, IsDescribed) {
  const auto about = describe_environment(at::Device(at::kCPU));
  EXPECT_EQ(about["program"]["version"], std::string(program_version()));
  EXPECT_FALSE(about["program"]["git_revision"].get<std::string>().empty());
  EXPECT_FALSE(about["libtorch"].get<std::string>().empty());
  EXPECT_EQ(about["device"]["name"], "cpu");
  EXPECT_EQ(about["threads"], at::get_num_threads());
  for (const char* key : {"cuda", "cudnn", "compiler", "host", "cpu", "processors"}) {
    EXPECT_TRUE(about.contains(key)) << key;
  }
}

TEST(Environment, NamesNoCardWithoutAGpu) {
  EXPECT_FALSE(describe_environment(at::Device(at::kCPU))["device"].contains("card"));
}

}  // namespace
}  // namespace darts
