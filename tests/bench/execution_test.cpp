#include "execution.hpp"

#include <darts/core/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::HasSubstr;

const c10::Device cpu(c10::kCPU);
const c10::Device gpu(c10::kCUDA, 1);

std::string error_of(const std::string& execution, const c10::Device& device) {
  try {
    subject_options(execution, {}, device);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(BenchExecution, AloneHasTheDefaults) {
  const SubjectOptions o = subject_options("plain", {16, 8, 64}, cpu);
  EXPECT_EQ(o.execution.execution, Execution::plain);
  EXPECT_EQ(o.execution.precision, Precision::fp32);
  EXPECT_TRUE(o.channels_last);
  EXPECT_FALSE(o.cuda_graph || o.tf32 || o.deterministic);
  EXPECT_EQ(o.size.channels, 16);
  EXPECT_EQ(o.size.cells, 8);
  EXPECT_EQ(o.size.batch, 64);
  EXPECT_EQ(o.device, cpu);
}

TEST(BenchExecution, TakesSettingsBehindIt) {
  const SubjectOptions bf16 = subject_options("fused+bf16+nchw", {}, cpu);
  EXPECT_EQ(bf16.execution.execution, Execution::fused);
  EXPECT_EQ(bf16.execution.precision, Precision::bf16);
  EXPECT_FALSE(bf16.channels_last);

  const SubjectOptions graph = subject_options("merged+graph+tf32", {}, gpu);
  EXPECT_EQ(graph.execution.execution, Execution::merged);
  EXPECT_TRUE(graph.cuda_graph);
  EXPECT_TRUE(graph.tf32);
  EXPECT_FALSE(graph.deterministic);
  EXPECT_EQ(graph.device, gpu);

  EXPECT_TRUE(subject_options("merged+deterministic", {}, gpu).deterministic);
  EXPECT_TRUE(subject_options("plain+bf16+graph", {}, gpu).cuda_graph);
}

TEST(BenchExecution, TakesASearchMethodItsStageAndASpace) {
  const SubjectOptions later = subject_options("fused+p-darts+stage3", {}, cpu);
  EXPECT_EQ(later.method, "p-darts");
  EXPECT_EQ(later.stage, 2);
  EXPECT_EQ(later.space, "darts");
  EXPECT_EQ(subject_options("plain+s1", {}, cpu).space, "s1");
  EXPECT_EQ(error_of("fused+stage2", cpu), "--execution fused+stage2: darts has 1 stage");
  EXPECT_EQ(error_of("fused+p-darts+stage4", cpu),
            "--execution fused+p-darts+stage4: p-darts has 3 stages");
}

TEST(BenchExecution, SaysWhatACpuDoesNotHave) {
  EXPECT_EQ(error_of("merged+graph", cpu),
            "--execution merged+graph: 'graph' is for GPUs; give --device cuda, or leave it out");
  EXPECT_THAT(error_of("plain+bf16+tf32", cpu), HasSubstr("'tf32' is for GPUs"));
  EXPECT_THAT(error_of("plain+deterministic", cpu), HasSubstr("'deterministic' is for GPUs"));
}

TEST(BenchExecution, RefusesOtherWords) {
  EXPECT_THAT(error_of("quick", gpu), HasSubstr("--execution quick: must be one of fused"));
  EXPECT_THAT(error_of("plain+fp64", gpu), HasSubstr("must be one of fp32, bf16"));
  EXPECT_THAT(error_of("", cpu), HasSubstr("must be one of fused"));
}

TEST(BenchExecution, NamesTheTypeOfItsProducts) {
  EXPECT_EQ(product_type(subject_options("plain", {}, gpu)), "fp32");
  EXPECT_EQ(product_type(subject_options("merged+graph+tf32", {}, gpu)), "tf32");
  EXPECT_EQ(product_type(subject_options("merged+tf32+bf16", {}, gpu)), "bf16");
}

}  // namespace
}  // namespace darts
