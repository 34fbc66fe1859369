#include "core/expect_error.hpp"

#include <darts/search/derive_stored.hpp>
#include <darts/search/search_methods.hpp>
#include <darts/search/selection.hpp>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <utility>
#include <vector>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

SearchSpace two_nodes() {
  SearchSpace space;
  space.nodes = 2;
  space.primitives = everywhere(parse_primitives({"skip_connect", "sep_conv_3x3"}));
  return space;
}

Theta alphas_of(std::int64_t normal_edges, std::int64_t reduce_edges) {
  return Theta({at::zeros({normal_edges, 2}), at::zeros({reduce_edges, 2})});
}

/// With decisions, which are the same for both cells.
Theta selected(const std::vector<double>& columns) {
  Theta theta = alphas_of(5, 5);
  for (const CellType type : cell_types) {
    theta.add(theta_name("selected", type), at::tensor(columns));
  }
  return theta;
}

std::string error_of_selected(const std::vector<double>& columns) {
  return testing::error_of([&] { derive_stored(SearchMethod(), selected(columns), two_nodes()); });
}

TEST(DeriveStored, IsWhatTheMethodDerivesOrASelectionDecided) {
  EXPECT_EQ(derive_stored(SearchMethod(), alphas_of(5, 5), two_nodes()),
            SearchMethod().derive(alphas_of(5, 5), two_nodes()));
  const Theta theta = selected({0, 1, 1, dropped, 1});
  EXPECT_EQ(derive_stored(SearchMethod(), theta, two_nodes()),
            selected_genotype(theta, two_nodes()));
}

/// By every method: some derive cells of as many nodes as the space has, whatever alpha has.
TEST(DeriveStored, AlphasOfOtherCellsAreAnError) {
  for (const SearchMethodRow& row : search_methods()) {
    SCOPED_TRACE(row.name);
    for (const auto& [normal, reduce] : {std::pair(5, 2), std::pair(2, 5), std::pair(9, 9)}) {
      EXPECT_THAT(testing::error_of([&, n = normal, r = reduce] {
                    derive_stored(*row.make(), alphas_of(n, r), two_nodes());
                  }),
                  AllOf(HasSubstr("its alphas_"), HasSubstr("of shape [5, 2], got")));
    }
  }
}

TEST(DeriveStored, WhatTheMethodDerivesFromHasToBeThere) {
  EXPECT_THAT(testing::error_of(
                  [] { derive_stored(*make_method("pc-darts"), alphas_of(5, 5), two_nodes()); }),
              HasSubstr("its theta has no betas_normal"));
}

TEST(DeriveStored, DecisionsHaveToBeOfTheSpace) {
  EXPECT_THAT(error_of_selected({0, 1}), HasSubstr("its selected_normal must be"));
  for (const double column : {2.0, 1e300, -3.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(error_of_selected({0, column, 1, dropped, 1}),
                HasSubstr("edge 1 is decided to have an operation that it does not offer"));
  }
  EXPECT_THAT(error_of_selected({dropped, dropped, dropped, dropped, dropped}),
              HasSubstr("has no edges"));
}

}  // namespace
}  // namespace darts
