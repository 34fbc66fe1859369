#include "support/golden.hpp"
#include "support/test_paths.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/ops/count.hpp>

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

/// The paper's networks for CIFAR-10 and ImageNet.
EvaluationNetworkOptions full_size(const std::string& genotype, bool imagenet) {
  EvaluationNetworkOptions options;
  options.genotype = load_genotype(testing::configs_folder() / "genotypes" / (genotype + ".json"));
  if (imagenet) {
    options.stem = NetworkStem::imagenet;
    options.cells = 14;
    options.channels = 48;
    options.classes = 1000;
  }
  return options;
}

NetworkCount count_full_size(const std::string& genotype, bool imagenet) {
  const std::int64_t size = imagenet ? 224 : 32;
  return count_network(full_size(genotype, imagenet), size, size);
}

TEST(golden_count_network, PaperSize) {
  const NetworkCount cifar = count_full_size("DARTS_V2", false);
  EXPECT_EQ(cifar.parameters, 3'349'342);
  EXPECT_EQ(cifar.multiply_adds, 528'359'040);
  const NetworkCount imagenet = count_full_size("DARTS_V2", true);
  EXPECT_EQ(imagenet.parameters, 4'718'752);
  EXPECT_EQ(imagenet.multiply_adds, 529'911'552);
}

TEST(golden_count_network, EveryNetworkAsRecorded) {
  int found = 0;
  testing::for_each_golden_file("counts", ".json", [&](const auto& file) {
    const auto entries = nlohmann::ordered_json::parse(read_file(file));
    for (const auto& [key, expected] : entries.items()) {
      const std::size_t slash = key.find('/');
      const std::string kind = key.substr(slash + 1);
      if (kind != "cifar" && kind != "imagenet") {
        continue;
      }
      ++found;
      const NetworkCount count = count_full_size(key.substr(0, slash), kind == "imagenet");
      EXPECT_EQ(count.parameters, expected.at("params").template get<std::int64_t>()) << key;
      EXPECT_EQ(count.multiply_adds, expected.at("macs").template get<std::int64_t>()) << key;
    }
  });
  testing::expect_found(found, "entry GENOTYPE/cifar or GENOTYPE/imagenet of the counts");
}

/// FairDARTS-C and -E, without what the authors' network leaves out: node 1 of the normal cell,
/// which has no edges, and in C an edge from it. Their table says 400 M multiply-adds and 2.59 M
/// parameters, 414 M and 3.12 M with the auxiliary head.
TEST(CountNetwork, NodesWithoutEdgesCostNothing) {
  const std::string c =
      "Genotype(normal=[[('max_pool_3x3', 0), ('sep_conv_5x5', 1)], [], [('dil_conv_3x3', 0), "
      "('dil_conv_5x5', 2)], [('sep_conv_3x3', 0)]], normal_concat=[2, 4, 5], "
      "reduce=[('dil_conv_3x3', 1), ('dil_conv_5x5', 0), ('dil_conv_3x3', 0), ('sep_conv_3x3', 1), "
      "('sep_conv_5x5', 0), ('sep_conv_5x5', 3), ('sep_conv_5x5', 0), ('skip_connect', 1)], "
      "reduce_concat=range(2, 6))";
  const std::string e =
      "Genotype(normal=[[('sep_conv_3x3', 0), ('sep_conv_3x3', 1)], [], [('dil_conv_3x3', 1), "
      "('dil_conv_3x3', 2)], [('dil_conv_3x3', 0), ('dil_conv_5x5', 1)]], normal_concat=[2, 4, 5], "
      "reduce=[('max_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
      "('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('avg_pool_3x3', 0), ('dil_conv_5x5', 1)], "
      "reduce_concat=range(2, 6))";
  EvaluationNetworkOptions options = full_size("DARTS_V2", false);
  options.genotype = genotype_from_notation(c, "C");
  const NetworkCount count_c = count_network(options, 32, 32);
  EXPECT_EQ(count_c.parameters / 10'000, 259);
  EXPECT_NEAR(static_cast<double>(count_c.multiply_adds), 400e6, 1e6);
  options.genotype = genotype_from_notation(e, "E");
  const NetworkCount count_e = count_network(options, 32, 32);
  EXPECT_EQ((count_e.parameters + count_e.auxiliary.parameters) / 10'000, 312);
  EXPECT_NEAR(static_cast<double>(count_e.multiply_adds), 414e6, 1e6);
}

TEST(CountNetwork, PartsAddUpToWhatTheNetworkRuns) {
  EvaluationNetworkOptions options = full_size("AmoebaNet", false);
  options.cells = 5;
  options.channels = 6;
  options.image_channels = 1;
  const NetworkCount count = count_network(options, 36, 32);
  EvaluationNetwork network(options);
  EXPECT_EQ(count.parameters + count.auxiliary.parameters, count_parameters(*network));
  network->eval();
  const c10::NoGradGuard no_grad;
  EXPECT_EQ(count.multiply_adds, count_multiply_adds([&] {
              network->forward(at::zeros({1, 1, 36, 32}));
            }));
  EXPECT_GT(count.auxiliary.multiply_adds, 0);
}

TEST(CountNetwork, DescribesCellsOperationsAndTotal) {
  EvaluationNetworkOptions options = full_size("DARTS_V2", false);
  options.cells = 3;
  options.channels = 4;
  const NetworkCount count = count_network(options, 16, 16);
  EXPECT_EQ(count.auxiliary.parameters, 0);  // too small for it
  const std::string text = describe(count);
  for (const char* part : {"stem ", "cell 0 (normal)", "cell 1 (reduction)", "sep_conv_3x3 ",
                           "preprocess ", "classifier ", "total "}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  const auto json = to_json(count);
  EXPECT_EQ(json.at("parameters").get<std::int64_t>(), count.parameters);
  EXPECT_EQ(json.at("parts").at(1).at("part").get<std::string>(), "preprocess");
  EXPECT_EQ(json.at("parts").at(2).at("part").get<std::string>(), "sep_conv_3x3 0→2");
}

}  // namespace
}  // namespace darts
