#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/threads.hpp"

#include <darts/cell/evaluation_cell.hpp>
#include <darts/ops/count.hpp>

#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

#include <ostream>

namespace darts {
namespace {

using testing::random_normal;

CellGenotype genotype(const std::vector<std::vector<std::pair<const char*, std::int64_t>>>& nodes,
                      std::vector<std::int64_t> concat) {
  CellGenotype cell;
  for (const auto& edges : nodes) {
    auto& node = cell.nodes.emplace_back();
    for (const auto& [operation, from] : edges) {
      node.push_back({Primitive::parse(operation), from});
    }
  }
  cell.concat = std::move(concat);
  return cell;
}

/// A cell and the size of its second input; the first is twice as large after a reduction.
struct Setting {
  std::string name;
  CellGenotype genotype;
  bool reduction = false;
  bool reduction_prev = false;
  std::int64_t images = 3;
  std::int64_t channels = 5;
  std::int64_t height = 7;
  std::int64_t width = 6;

  friend void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }
};

/// A trained cell (its running statistics have moved) in evaluation mode.
EvaluationCell make_cell(const Setting& s, at::ScalarType type) {
  EvaluationCellOptions o;
  o.genotype = s.genotype;
  o.channels_prev_prev = 4;
  o.channels_prev = 9;
  o.channels = s.channels;
  o.reduction = s.reduction;
  o.reduction_prev = s.reduction_prev;
  EvaluationCell cell(o);
  testing::make_double(*cell);
  testing::randomize_parameters(*cell, 0.5, 7);
  const std::int64_t larger = s.reduction_prev ? 2 : 1;
  cell->set_execution(Execution::plain);
  cell->forward(random_normal({4, 4, 8 * larger, 8 * larger}, 1), random_normal({4, 9, 8, 8}, 2));
  cell->set_execution(Execution::fused);
  cell->eval();
  if (type == at::kFloat) {
    const c10::NoGradGuard no_grad;
    for (auto& tensor : cell->parameters()) {
      tensor.set_data(tensor.to(type));
    }
    for (auto& tensor : cell->buffers()) {
      tensor.set_data(tensor.is_floating_point() ? tensor.to(type) : tensor);
    }
  }
  return cell;
}

struct Inputs {
  explicit Inputs(const Setting& s, at::ScalarType type = at::kDouble) {
    const std::int64_t larger = s.reduction_prev ? 2 : 1;
    s0 = random_normal({s.images, 4, larger * s.height, larger * s.width}, 3).to(type);
    s1 = random_normal({s.images, 9, s.height, s.width}, 4).to(type);
  }
  at::Tensor s0, s1;
};

at::Tensor run(EvaluationCell& cell, const Inputs& in, Execution execution = Execution::fused) {
  const c10::NoGradGuard no_grad;
  cell->set_execution(execution);
  return cell->forward(in.s0, in.s1);
}

void expect_near(const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  EXPECT_LT((actual.to(at::kDouble) - expected).abs().max().item<double>(),
            tolerance * expected.abs().max().item<double>());
}

class EvaluationCellTest : public ::testing::TestWithParam<Setting> {};

TEST_P(EvaluationCellTest, TestsFusedAsPlain) {
  EvaluationCell cell = make_cell(GetParam(), at::kDouble);
  const Inputs in(GetParam());
  expect_near(run(cell, in), run(cell, in, Execution::plain), 1e-12);
}

TEST_P(EvaluationCellTest, TestsFusedInFloat32NearPlainInFloat64) {
  EvaluationCell wide = make_cell(GetParam(), at::kDouble);
  const at::Tensor expected = run(wide, Inputs(GetParam()), Execution::plain);
  EvaluationCell cell = make_cell(GetParam(), at::kFloat);
  expect_near(run(cell, Inputs(GetParam(), at::kFloat)), expected, 1e-4);
}

TEST_P(EvaluationCellTest, TestsDoNotDependOnThreadsNorOtherImages) {
  EvaluationCell cell = make_cell(GetParam(), at::kFloat);
  Inputs in(GetParam(), at::kFloat);
  testing::expect_independent_of_threads([&] { return testing::Golden{{"out", run(cell, in)}}; });
  const at::Tensor expected = run(cell, in);
  in.s0 = in.s0.slice(0, GetParam().images - 1);
  in.s1 = in.s1.slice(0, GetParam().images - 1);
  expect_near(run(cell, in), expected.slice(0, GetParam().images - 1).to(at::kDouble), 1e-5);
}

TEST_P(EvaluationCellTest, TestsInputsInAnyLayout) {
  EvaluationCell cell = make_cell(GetParam(), at::kDouble);
  Inputs in(GetParam());
  const at::Tensor expected = run(cell, in, Execution::plain);
  in.s0 = in.s0.contiguous(at::MemoryFormat::ChannelsLast);
  in.s1 = in.s1.transpose(2, 3).contiguous().transpose(2, 3);
  expect_near(run(cell, in), expected, 1e-12);
}

TEST_P(EvaluationCellTest, TestsTellTheirMultiplyAdds) {
  EvaluationCell cell = make_cell(GetParam(), at::kDouble);
  const Inputs in(GetParam());
  EXPECT_EQ(count_multiply_adds([&] { run(cell, in); }),
            count_multiply_adds([&] { run(cell, in, Execution::plain); }));
}

/// Inputs whose sizes do not go together: the plain way says so.
TEST(EvaluationCell, RefusesInputsOfUnequalSizes) {
  const Setting setting{"", genotype({{{"skip_connect", 0}, {"sep_conv_3x3", 1}}}, {2})};
  EvaluationCell cell = make_cell(setting, at::kDouble);
  Inputs in(setting);
  in.s0 = in.s0.slice(2, 1);
  EXPECT_THROW(run(cell, in), c10::Error);
}

const CellGenotype normal = genotype({{{"sep_conv_3x3", 0}, {"sep_conv_3x3", 1}},
                                      {{"sep_conv_5x5", 0}, {"skip_connect", 1}},
                                      {{"skip_connect", 1}, {"skip_connect", 0}},
                                      {{"skip_connect", 3}, {"dil_conv_3x3", 2}}},
                                     {2, 3, 4, 5});
const CellGenotype reduce = genotype({{{"max_pool_3x3", 0}, {"max_pool_3x3", 1}},
                                      {{"skip_connect", 2}, {"avg_pool_3x3", 1}},
                                      {{"max_pool_3x3", 0}, {"skip_connect", 2}},
                                      {{"skip_connect", 0}, {"sep_conv_7x7", 1}}},
                                     {2, 3, 4, 5});
const std::vector<Setting> settings = {
    {"normal", normal},
    {"reduction", reduce, true},
    {"after_reduction", normal, false, true},
    {"two_reductions", reduce, true, true},
    {"paper_channels", normal, false, false, 2, 36, 9, 16},
    {"many_images", normal, false, false, 70, 3, 3, 3},
    {"one_channel", normal, false, false, 1, 1, 5, 5},
    {"one_pixel", reduce, true, false, 2, 4, 1, 1},
    {"some_concatenated", genotype({{{"sep_conv_3x3", 0}, {"avg_pool_3x3", 0}},
                                    {{"dil_conv_5x5", 2}, {"max_pool_3x3", 2}},
                                    {{"skip_connect", 3}, {"skip_connect", 3}}},
                                   {4, 2})},
    {"three_edges", genotype({{{"skip_connect", 0}, {"skip_connect", 1}, {"sep_conv_3x3", 0}},
                              {{"skip_connect", 2}}},
                             {3})},
    {"nodes_without_edges", genotype({{},
                                      {{"sep_conv_3x3", 0}},
                                      {},
                                      {{"skip_connect", 3}, {"avg_pool_3x3", 1}, {"none", 0}},
                                      {}},
                                     {3, 5})},
    {"reduction_without_edges", genotype({{{"skip_connect", 1}}, {}}, {2}), true},
    {"without_kernels", genotype({{{"conv_7x1_1x7", 0}, {"sep_conv_3x3", 1}}}, {2})},
};
INSTANTIATE_TEST_SUITE_P(Settings, EvaluationCellTest, ::testing::ValuesIn(settings),
                         [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace darts
