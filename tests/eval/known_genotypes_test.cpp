#include <darts/eval/known_genotypes.hpp>

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
      EXPECT_LE(std::abs(difference), 0.051) << known.genotype.name << ": " << millions;
    } else {
      EXPECT_NEAR(difference, expected->second, 0.005) << known.genotype.name;
    }
  }
}

TEST(KnownGenotypes, AreListedWithWhatIsStatedOfThem) {
  const std::string text = describe(known_genotypes());
  EXPECT_THAT(text, HasSubstr("\nDARTS_V2           DARTS      2.76 ± 0.09"));
}

}  // namespace
}  // namespace darts
