#include "search/small_search.hpp"

#include <darts/cell/topology.hpp>
#include <darts/search/supernet.hpp>

#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::random_normal;
using testing::small_options;
using testing::state_of;

TEST(Supernet, TakesAnySize) {
  for (const std::int64_t nodes : {1, 3}) {
    for (const std::int64_t cells : {1, 2, 3, 5}) {
      for (const std::int64_t image_channels : {1, 3}) {
        SupernetOptions options;
        options.nodes = nodes;
        options.cells = cells;
        options.channels = 2 + image_channels;
        options.classes = 3 * image_channels + cells;
        options.image_channels = image_channels;
        Supernet supernet(options);
        EXPECT_EQ(supernet->alphas().normal.sizes(), at::IntArrayRef({edge_count(nodes), 8}));
        const at::Tensor logits =
            testing::logits_of(*supernet, at::zeros({2, image_channels, 9, 12}));
        EXPECT_EQ(logits.sizes(), at::IntArrayRef({2, options.classes}));
      }
    }
  }
}

TEST(Supernet, TakesAnyPrimitives) {
  SupernetOptions options = small_options();
  options.primitives =
      everywhere(parse_primitives({"sep_conv_7x7", "conv_7x1_1x7", "skip_connect"}));
  Supernet supernet(options);
  EXPECT_EQ(supernet->alphas().reduce.sizes(), at::IntArrayRef({5, 3}));
  EXPECT_EQ(testing::logits_of(*supernet, at::zeros({1, 3, 8, 8})).size(1), 4);
}

TEST(Supernet, RejectsImagesOfTheWrongShape) {
  Supernet supernet(small_options());
  EXPECT_THROW(testing::logits_of(*supernet, at::zeros({2, 1, 8, 8})), c10::Error);
  EXPECT_THROW(testing::logits_of(*supernet, at::zeros({3, 8, 8})), c10::Error);
}

TEST(Supernet, ReductionsStandAtOneAndTwoThirds) {
  SupernetOptions options = small_options();
  options.cells = 8;
  Supernet supernet(options);
  const auto state = state_of(*supernet);
  for (int cell = 0; cell < 8; ++cell) {
    const std::string prefix = "cells." + std::to_string(cell);
    const bool reduction = state.contains(prefix + "._ops.0._ops.3.conv_1.weight");
    EXPECT_EQ(reduction, cell == 2 || cell == 5) << cell;
    const std::int64_t channels = state.at(prefix + ".preprocess1.op.1.weight").size(0);
    EXPECT_EQ(channels, cell < 2 ? 2 : (cell < 5 ? 4 : 8)) << cell;
    EXPECT_EQ(state.contains(prefix + ".preprocess0.conv_1.weight"), cell == 3 || cell == 6)
        << cell;
  }
}

/// As PC-DARTS's search network for ImageNet.
TEST(Supernet, TheStemForPhotographsIsThreeConvolutions) {
  SupernetOptions options = small_options();
  options.stem = NetworkStem::imagenet;
  options.channels = 2;
  options.stem_multiplier = 3;
  Supernet supernet(options);
  const auto state = state_of(*supernet);
  EXPECT_EQ(state.at("stem0.0.weight").sizes(), at::IntArrayRef({3, 3, 3, 3}));
  EXPECT_EQ(state.at("stem0.3.weight").sizes(), at::IntArrayRef({6, 3, 3, 3}));
  EXPECT_EQ(state.at("stem1.1.weight").sizes(), at::IntArrayRef({6, 6, 3, 3}));
  EXPECT_TRUE(state.contains("cells.0.preprocess0.conv_1.weight"));  // stem1 halves its input
  EXPECT_FALSE(state.contains("stem.0.weight"));
  EXPECT_EQ(testing::logits_of(*supernet, at::zeros({2, 3, 64, 64})).size(0), 2);
  Supernet copy(std::dynamic_pointer_cast<SupernetImpl>(supernet->clone()));
  EXPECT_EQ(state_of(*copy).size(), state.size());
}

TEST(Supernet, TheStemsBatchNormsHaveScaleAndShiftUnlessToldOtherwise) {
  for (const NetworkStem stem : {NetworkStem::cifar, NetworkStem::imagenet}) {
    SupernetOptions options = small_options();
    options.stem = stem;
    Supernet affine(options);
    options.stem_affine = false;
    Supernet plain(options);
    const auto learn = [](Supernet& supernet) {
      const auto names = supernet->weight_names();
      return std::ranges::count_if(names, [](const std::string& name) {
        return name.starts_with("stem") && name.ends_with(".bias");
      });
    };
    EXPECT_EQ(learn(affine), stem == NetworkStem::cifar ? 1 : 3);
    EXPECT_EQ(learn(plain), 0);
    initialize_supernet(plain, 3);
    initialize_supernet(affine, 3);  // which begins with scales of 1 and shifts of 0
    testing::make_double(*plain);
    testing::make_double(*affine);
    const at::Tensor images = random_normal({2, 3, 32, 32}, 8);
    const at::Tensor logits = testing::logits_of(*plain, images);
    const at::Tensor expected = testing::logits_of(*affine, images);
    EXPECT_LT(testing::relative_error(logits, expected), 1e-12);
    logits.pow(2).sum().backward();
    expected.pow(2).sum().backward();
    const std::string first = stem == NetworkStem::cifar ? "stem.0.weight" : "stem0.0.weight";
    const auto gradient = [&first](Supernet& supernet) {
      return supernet->named_parameters().find(first)->grad();
    };
    EXPECT_LT(testing::relative_error(gradient(plain), gradient(affine)), 1e-10);
  }
}

TEST(Supernet, WeightsAreAllParametersButAlpha) {
  Supernet supernet(small_options());
  const auto weights = supernet->weights();
  const auto names = supernet->weight_names();
  ASSERT_EQ(weights.size(), names.size());
  EXPECT_EQ(weights.size() + 2, supernet->parameters().size());
  const auto state = state_of(*supernet);
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_TRUE(weights[i].is_same(state.at(names[i]))) << names[i];
    EXPECT_EQ(names[i].find("alphas"), std::string::npos);
  }
  EXPECT_TRUE(supernet->alphas().normal.is_same(state.at("alphas_normal")));
  EXPECT_TRUE(supernet->alphas().reduce.is_same(state.at("alphas_reduce")));
}

TEST(Supernet, InitialisationIsAFunctionOfTheSeed) {
  Supernet a(small_options());
  Supernet b(small_options());
  Supernet c(small_options());
  initialize_supernet(a, 4);
  initialize_supernet(b, 4);
  initialize_supernet(c, 5);
  for (const std::string name : {"stem.0.weight", "classifier.bias", "alphas_normal",
                                 "alphas_reduce", "cells.1._ops.0._ops.4.op.1.weight"}) {
    EXPECT_TRUE(state_of(*a).at(name).equal(state_of(*b).at(name))) << name;
    EXPECT_FALSE(state_of(*a).at(name).equal(state_of(*c).at(name))) << name;
  }
  EXPECT_FALSE(a->alphas().normal.equal(a->alphas().reduce));
}

TEST(Supernet, InitialAlphasAreSmallAndNormal) {
  SupernetOptions options = small_options();
  options.nodes = 12;
  options.channels = 2;
  options.cells = 1;
  Supernet supernet(options);
  initialize_supernet(supernet, 4);
  const at::Tensor alpha = supernet->alphas().normal.detach();  // 90×8
  EXPECT_NEAR(alpha.std().item<double>(), 1e-3, 1e-4);
  EXPECT_NEAR(alpha.mean().item<double>(), 0.0, 1.5e-4);
  EXPECT_LT(alpha.abs().max().item<double>(), 5e-3);
}

TEST(Supernet, ChannelsLastImagesGiveTheSameLogits) {
  Supernet supernet = testing::small_supernet();
  const at::Tensor images = random_normal({2, 3, 10, 10}, 8);
  const at::Tensor expected = testing::logits_of(*supernet, images);
  const at::Tensor last =
      testing::logits_of(*supernet, images.contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT(testing::relative_error(last, expected), 1e-12);
}

TEST(Supernet, AnImagesLogitsInEvalModeDoNotDependOnTheOthers) {
  Supernet supernet = testing::small_supernet();
  testing::logits_of(*supernet, random_normal({4, 3, 8, 8}, 7));
  supernet->eval();
  const at::Tensor images = random_normal({3, 3, 8, 8}, 8);
  const at::Tensor together = testing::logits_of(*supernet, images);
  const at::Tensor alone = testing::logits_of(*supernet, images.slice(0, 1, 2));
  EXPECT_LT(testing::relative_error(alone, together.slice(0, 1, 2)), 1e-12);
}

TEST(Supernet, ClonesComputeTheSameOnTensorsOfTheirOwn) {
  Supernet supernet = testing::small_supernet();
  const at::Tensor images = random_normal({2, 3, 8, 8}, 8);
  testing::logits_of(*supernet, images);  // statistics that are not the initial ones
  const auto copy = std::dynamic_pointer_cast<SupernetImpl>(std::as_const(*supernet).clone());
  ASSERT_NE(copy, nullptr);
  const auto own = state_of(*copy);
  for (const auto& [name, tensor] : state_of(*supernet)) {
    ASSERT_TRUE(own.contains(name)) << name;
    EXPECT_TRUE(own.at(name).equal(tensor)) << name;
    EXPECT_FALSE(own.at(name).is_alias_of(tensor)) << name;
  }
  EXPECT_TRUE(copy->alphas().normal.is_same(own.at("alphas_normal")));
  EXPECT_TRUE(testing::logits_of(*copy, images).equal(testing::logits_of(*supernet, images)));
  supernet->eval();
  const auto in_eval = std::dynamic_pointer_cast<SupernetImpl>(std::as_const(*supernet).clone());
  EXPECT_TRUE(testing::logits_of(*in_eval, images).equal(testing::logits_of(*supernet, images)));

  const c10::NoGradGuard no_grad;
  for (const at::Tensor& weight : copy->weights()) {
    weight.mul_(2.0);
  }
  EXPECT_FALSE(testing::logits_of(*copy, images).equal(testing::logits_of(*supernet, images)));
}

}  // namespace
}  // namespace darts
