#include "core/expect_error.hpp"

#include <darts/search/search_checkpoint.hpp>

#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Of a search that offers two operations on each of two edges, with its meta data changed.
Checkpoint example(
    const at::Tensor& alphas_normal,
    const std::function<void(nlohmann::json&)>& change = [](nlohmann::json&) {}) {
  nlohmann::json meta{{"kind", "search"},
                      {"primitives", {"skip_connect", "sep_conv_3x3"}},
                      {"edges_per_node", nlohmann::json::array({2})}};
  change(meta);
  Checkpoint checkpoint;
  checkpoint.file = "some.safetensors";
  checkpoint.meta = meta.dump();
  checkpoint.tensors = {{"model.alphas_normal", alphas_normal},
                        {"model.alphas_reduce", at::zeros({2, 2})}};
  return checkpoint;
}

TEST(SearchCheckpoint, AlphasHaveAColumnForEveryOperation) {
  EXPECT_EQ(theta_of(example(at::zeros({2, 2}))).theta.alphas().normal.numel(), 4);
  for (const at::Tensor& alphas : {at::zeros({2, 3}), at::zeros({4}), at::zeros({}),
                                   at::zeros({2, 2}, at::kLong), at::zeros({2, 1})}) {
    EXPECT_THAT(testing::error_of([&] { theta_of(example(alphas)); }),
                AllOf(HasSubstr("some.safetensors: alphas_normal must be a matrix"),
                      HasSubstr("2 columns expected")));
  }
}

/// A file of a few bytes may say so; nodes for so many edges would be counted for days.
TEST(SearchCheckpoint, RowsOfNothingAreNoAlphas) {
  EXPECT_THAT(testing::error_of([] {
                theta_of(example(at::zeros({std::int64_t{1} << 58, 0})));
              }),
              HasSubstr("alphas_normal must be a matrix"));
}

TEST(SearchCheckpoint, AlphasHaveARowForEveryEdgeThatOffersOperations) {
  const Checkpoint checkpoint = example(at::zeros({2, 2}), [](nlohmann::json& meta) {
    meta["primitives"] = nlohmann::json::parse(
        R"({"normal": [["skip_connect", "none"]], "reduce": ["skip_connect", "none"]})");
  });
  EXPECT_THAT(testing::error_of([&] { theta_of(checkpoint); }),
              HasSubstr("has 2 edges; operations are given for 1"));
}

TEST(SearchCheckpoint, ThetaWithoutAlphasIsAnError) {
  const Checkpoint checkpoint =
      example(at::zeros({2, 2}), [](nlohmann::json& meta) { meta["theta"] = {"alphas_reduce"}; });
  EXPECT_THAT(testing::error_of([&] { theta_of(checkpoint); }),
              HasSubstr("\"theta\" does not name alphas_normal"));
}

}  // namespace
}  // namespace darts
