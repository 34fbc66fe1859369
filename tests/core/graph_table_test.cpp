#include <darts/core/graph_table.hpp>

#include <ATen/Functions.h>

#include <gtest/gtest.h>

#include <set>

namespace darts {

struct TableInputs {
  at::Tensor x;
  at::Tensor y;  ///< may be undefined
};
struct TableOutputs {
  at::Tensor sum;
};
std::vector<at::Tensor*> tensors_of(TableInputs& inputs) { return {&inputs.x, &inputs.y}; }
std::vector<at::Tensor*> tensors_of(TableOutputs& outputs) { return {&outputs.sum}; }

namespace {

/// Sums, of inputs that it remembers the places of.
class Sums {
 public:
  Sums()
      : table(
            2,
            [this](const TableInputs& inputs) {
              places.insert(inputs.x.const_data_ptr());
              return TableOutputs{inputs.y.defined() ? inputs.x + inputs.y : inputs.x * 1};
            },
            [] { return std::vector<at::Tensor>(); }) {}

  std::set<const void*> places;
  GraphTable<std::int64_t, TableInputs, TableOutputs> table;
};

TEST(GraphTable, RunsEachKindOnInputsOfItsOwn) {
  Sums sums;
  const auto ones = [](std::int64_t size) { return at::ones({size}); };
  const at::Tensor first = sums.table.run(2, {ones(2), ones(2)}).sum;
  const at::Tensor other = sums.table.run(3, {ones(3), {}}).sum;
  const at::Tensor second = sums.table.run(2, {3 * ones(2), ones(2)}).sum;
  EXPECT_TRUE(first.equal(2 * ones(2)));  // not written anew by the second launch
  EXPECT_TRUE(other.equal(ones(3)));
  EXPECT_TRUE(second.equal(4 * ones(2)));
  EXPECT_EQ(sums.places.size(), 2U);
}

TEST(GraphTable, RunsWhatIsOneKindTooManyAsItIs) {
  Sums sums;
  std::vector<at::Tensor> inputs;
  for (std::int64_t size = 1; size < 5; ++size) {
    inputs.push_back(at::ones({size}));
    EXPECT_EQ(sums.table.run(size, {inputs.back(), {}}).sum.numel(), size);
    EXPECT_EQ(sums.places.contains(inputs.back().const_data_ptr()), size > 2);
  }
}

}  // namespace
}  // namespace darts
