#include "search/golden_genotype.hpp"
#include "support/golden.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/search/method.hpp>

#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

at::Tensor matrix(const Json& rows) {
  std::vector<double> values;
  for (const Json& row : rows) {
    for (const Json& value : row) {
      values.push_back(value.get<double>());
    }
  }
  return at::tensor(values, at::kDouble).reshape({static_cast<std::int64_t>(rows.size()), -1});
}

TEST(golden_derive, EveryPairOfAlphasGivesTheOriginalsGenotype) {
  testing::for_each_golden_file("derive", ".json", [](const auto& file) {
    const Json pairs = Json::parse(read_file(file));
    EXPECT_FALSE(pairs.empty());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const Alphas alphas{matrix(pairs[i].at("alphas_normal")),
                          matrix(pairs[i].at("alphas_reduce"))};
      const Genotype expected = testing::golden_genotype(pairs[i].at("genotype"));
      const Genotype derived = derive(alphas, SearchSpace{});
      EXPECT_EQ(derived, expected) << "pair " << i << ": " << to_notation(derived) << " instead of "
                                   << to_notation(expected);
    }
    std::printf("%s: %zu pairs\n", file.filename().c_str(), pairs.size());
  });
}

}  // namespace
}  // namespace darts
