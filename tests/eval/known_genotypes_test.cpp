#include <darts/eval/count_network.hpp>
#include <darts/eval/known_genotypes.hpp>
#include <darts/eval/memory_estimate.hpp>
#include <darts/run/load_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace darts {
namespace {

using ::testing::HasSubstr;

/// Those whose network here has another number of parameters than is stated, by how many millions
/// (docs/fidelity.md).
const std::map<std::string, double> differences{{"DARTS_V1", -0.131}, {"SDARTS_RS", 0.206}};

TEST(KnownGenotypes, HaveAsManyParametersAsTheirAuthorsState) {
  for (const KnownGenotype& known : known_genotypes()) {
    if (!known.stated_parameters) {
      continue;
    }
    const double millions = static_cast<double>(known.parameters) / 1e6;
    const double difference = millions - *known.stated_parameters;
    const auto expected = differences.find(known.genotype.name);
    if (expected == differences.end()) {
      const double tenths = 10.0 * *known.stated_parameters;
      const bool to_a_tenth = std::abs(tenths - std::round(tenths)) < 1e-6;
      EXPECT_LE(std::abs(difference), to_a_tenth ? 0.051 : 0.0151)
          << known.genotype.name << ": " << millions;
    } else {
      EXPECT_NEAR(difference, expected->second, 0.005) << known.genotype.name;
    }
  }
}

TEST(KnownGenotypes, ParametersBySizeAreThoseOfTheNetwork) {
  for (const std::string name : {"DARTS_V2", "AmoebaNet", "PC_DARTS_imagenet"}) {
    const auto config =
        load_recipe<TrainConfig>(name == "PC_DARTS_imagenet" ? "imagenet" : "cifar10");
    const Genotype genotype = load_genotype(name);
    const auto image = image_shape(config, {});
    const NetworkCount built = count_network(config, genotype, image);
    const ParametersBySize counted =
        parameters_by_size(network_options(config, genotype, image.channels, image.classes));
    EXPECT_EQ(counted.network, built.parameters) << name;
    EXPECT_EQ(counted.auxiliary, built.auxiliary.parameters) << name;
  }
}

TEST(KnownGenotypes, AreListedWithWhatIsStatedOfThem) {
  const std::string text = describe(known_genotypes());
  EXPECT_THAT(text, HasSubstr("\nDARTS_V2           DARTS      2.76 ± 0.09"));
}

}  // namespace
}  // namespace darts
