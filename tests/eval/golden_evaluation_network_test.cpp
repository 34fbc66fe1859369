#include "support/golden.hpp"
#include "support/module_helpers.hpp"

#include <darts/eval/evaluation_network.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::Comparison;
using testing::Golden;

constexpr double exact = 1e-9;

/// scale · sin(0.37 · i), i the flat index.
at::Tensor wave(at::IntArrayRef shape, double scale) {
  return (scale * at::sin(0.37 * at::arange(c10::multiply_integers(shape), at::kDouble)))
      .reshape(shape);
}

std::vector<std::int64_t> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kLong).contiguous();
  const auto* first = values.const_data_ptr<std::int64_t>();
  return {first, first + values.numel()};
}

std::string text_of(const at::Tensor& bytes) {
  std::string text;
  for (const std::int64_t byte : values_of(bytes)) {
    text += static_cast<char>(byte);
  }
  return text;
}

/// A genotype as the golden files hold it: the fields of ours without its heading.
Genotype genotype_of(const Golden& golden) {
  std::string text = text_of(golden.at("genotype_json"));
  text.replace(text.find('{'), 1,
               R"({"format": "darts-genotype", "version": 1, "name": "golden", )");
  return genotype_from_json(text, "golden file");
}

struct Case {
  EvaluationNetwork network{nullptr};
  at::Tensor images;
};

Case case_of(const Golden& golden, NetworkStem stem) {
  const std::vector<std::int64_t> meta = values_of(golden.at("meta"));  // C, layers, classes, N, HW
  EvaluationNetworkOptions options;
  options.genotype = genotype_of(golden);
  options.stem = stem;
  options.channels = meta.at(0);
  options.cells = meta.at(1);
  options.classes = meta.at(2);
  EvaluationNetwork network(options);
  testing::make_double(*network);
  Golden state = testing::part_of(golden, "init");
  for (const auto& [name, shape] : testing::part_of(golden, "wave_shape")) {
    state.insert_or_assign(name, wave(values_of(shape), 0.05));
  }
  testing::load_state(*network, state);
  const auto x = golden.find("x");
  const std::int64_t size = meta.at(4);
  return {network, x != golden.end() ? x->second : wave({meta.at(3), 3, size, size}, 1.0)};
}

/// Gradients of large tensors are recorded as their sum and 2-norm.
void compare_gradients(const EvaluationNetwork& network, const Golden& expected,
                       Comparison& comparison) {
  std::size_t compared = 0;
  for (const auto& item : network->named_parameters()) {
    const auto recorded = expected.find(item.key());
    ASSERT_NE(recorded, expected.end()) << item.key();
    at::Tensor gradient = item.value().grad();
    if (recorded->second.sizes() != gradient.sizes()) {
      gradient = at::stack({gradient.sum(), gradient.norm()});
    }
    comparison.expect_close(gradient, recorded->second, exact, "grad/" + item.key());
    ++compared;
  }
  EXPECT_EQ(compared, expected.size());
}

void check(const std::filesystem::path& file, NetworkStem stem) {
  const Golden golden = testing::read_golden(file);
  Comparison comparison(file.filename().string());
  auto [network, images] = case_of(golden, stem);
  const auto output = network->forward(images);
  const at::Tensor& labels = golden.at("y");
  const at::Tensor loss = at::cross_entropy_loss(output.logits, labels) +
                          0.4 * at::cross_entropy_loss(output.auxiliary, labels);
  loss.backward();
  comparison.expect_close(output.logits, golden.at("logits"), exact, "logits");
  comparison.expect_close(output.auxiliary, golden.at("logits_aux"), exact, "logits_aux");
  comparison.expect_close(loss, golden.at("loss"), exact, "loss");
  compare_gradients(network, testing::part_of(golden, "grad"), comparison);
  const c10::NoGradGuard no_grad;
  network->eval();
  const auto after = network->forward(images);
  EXPECT_FALSE(after.auxiliary.defined());
  comparison.expect_close(after.logits, golden.at("eval_logits_after"), exact, "eval_logits_after");
}

TEST(golden_evaluation_network, Cifar) {
  testing::for_each_golden_file("eval_cifar_", ".pt",
                                [](const auto& file) { check(file, NetworkStem::cifar); });
}

TEST(golden_evaluation_network, ImageNet) {
  testing::for_each_golden_file("eval_imagenet_", ".pt",
                                [](const auto& file) { check(file, NetworkStem::imagenet); });
}

}  // namespace
}  // namespace darts
