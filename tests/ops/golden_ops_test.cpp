#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"

#include <darts/ops/primitive.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::Comparison;
using testing::Golden;

constexpr double tolerance = 1e-9;

/// The number at the end of "stride2".
std::int64_t number_after(const std::string& text, const std::string& word) {
  const auto at = text.find(word);
  EXPECT_NE(at, std::string::npos) << text;
  return std::stoll(text.substr(at + word.size()));
}

/// Where operations are run, and how images lie in memory there.
struct Place {
  c10::Device device;
  c10::MemoryFormat format;
};

/// `key` is NAME/strideS/affineA.
void check_operation(const std::string& key, const Golden& golden, const Place& place,
                     Comparison& comparison) {
  const auto& [device, format] = place;
  const at::Tensor x = golden.at("x").clone().to(device).contiguous(format).requires_grad_();
  OperationOptions options;
  options.channels = x.size(1);
  options.stride = number_after(key, "/stride");
  options.affine = number_after(key, "/affine") != 0;
  torch::nn::AnyModule operation = Primitive::parse(key.substr(0, key.find('/'))).make(options);
  testing::make_double(*operation.ptr());
  testing::load_state(*operation.ptr(), testing::part_of(golden, "param"));
  operation.ptr()->to(device);
  operation.ptr()->train();

  const at::Tensor y = operation.forward<at::Tensor>(x);
  comparison.expect_close(y, golden.at("y"), tolerance, key + "/y");
  y.backward(golden.at("grad_y").to(device).contiguous(format));
  comparison.expect_close(x.grad(), golden.at("grad_x"), tolerance, key + "/grad_x");
  const Golden state = testing::state_of(*operation.ptr());
  for (const auto& [name, gradient] : testing::part_of(golden, "grad")) {
    ASSERT_TRUE(state.contains(name)) << key << " has no parameter " << name;
    comparison.expect_close(state.at(name).grad(), gradient, tolerance, key + "/grad/" + name);
  }
}

void check_files(const Place& place) {
  testing::for_each_golden_file("ops", ".pt", [&](const auto& file) {
    const Golden golden = testing::read_golden(file);
    Comparison comparison(testing::title_of(file, {place.device}));
    const auto groups = testing::groups_of(golden, 3);
    EXPECT_FALSE(groups.empty());
    for (const std::string& key : groups) {
      check_operation(key, testing::part_of(golden, key), place, comparison);
    }
  });
}

constexpr auto planes = c10::MemoryFormat::Contiguous;
constexpr auto channels_last = c10::MemoryFormat::ChannelsLast;

TEST(golden_ops, EveryOperationAsRecorded) { check_files({c10::kCPU, planes}); }

TEST(golden_ops, EveryOperationAsRecordedWithChannelsLast) {
  check_files({c10::kCPU, channels_last});
}

using GoldenOpsCuda = testing::CudaTest;

TEST_F(GoldenOpsCuda, EveryOperationAsRecorded) { check_files({testing::gpu(), planes}); }

TEST_F(GoldenOpsCuda, EveryOperationAsRecordedWithChannelsLast) {
  check_files({testing::gpu(), channels_last});
}

}  // namespace
}  // namespace darts
