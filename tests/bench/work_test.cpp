#include "work.hpp"

#include "support/test_paths.hpp"

#include <darts/core/error.hpp>
#include <darts/ops/count.hpp>

#include <ATen/record_function.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

namespace darts {
namespace {

using ::testing::HasSubstr;

constexpr NetworkSize tiny{2, 3, 2};
constexpr std::int64_t paper_supernet = 300255744;  // multiply-adds of an image
constexpr std::int64_t paper_network = 528359040;  // DARTS_V2, CIFAR-10, without its auxiliary head

/// Finds the built-in genotypes wherever the build lies.
class BenchWork : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("DARTS_CONFIG_DIR", testing::configs_folder().c_str(), 1); }
};

/// Calls of convolutions on their way forward and backward.
struct Convolutions {
  std::int64_t forward = 0;
  std::int64_t to_inputs = 0;
  std::int64_t to_weights = 0;
};

Convolutions& counted() {
  static Convolutions count;
  return count;
}

Convolutions convolutions_of(const std::function<void()>& work) {
  counted() = {};
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(
          [](const at::RecordFunction& call) -> std::unique_ptr<at::ObserverContext> {
            const std::string_view name = call.name();
            if (name == "aten::convolution") {
              ++counted().forward;
            } else if (name == "aten::convolution_backward") {
              const auto mask = call.inputs().back().toBoolList();
              counted().to_inputs += mask[0] ? 1 : 0;
              counted().to_weights += mask[1] ? 1 : 0;
            }
            return nullptr;
          })
          .needsInputs(true)
          .scopes({at::RecordScope::FUNCTION}));
  work();
  at::removeCallback(handle);
  return counted();
}

TEST_F(BenchWork, IsFoundByItsName) {
  std::set<std::string_view> names;
  for (const Work& work : works()) {
    EXPECT_TRUE(names.insert(work.name).second) << work.name;
    EXPECT_EQ(&find_work(work.name), &work);
  }
  EXPECT_THROW(find_work("third"), Error);
  try {
    find_work("third");
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("unknown work 'third'; there are first, second, joint"));
  }
}

TEST_F(BenchWork, PassesForwardAreThoseOfItsArithmetic) {
  for (const Work& work : works()) {
    const auto timed = work.prepare(subject_options("plain", tiny, c10::kCPU));
    EXPECT_EQ(count_multiply_adds(timed),
              work.passes.forward * tiny.batch * work.multiply_adds(tiny))
        << work.name;
  }
}

TEST_F(BenchWork, PassesBackwardAreThoseThatItTakes) {
  for (const Work& work : works()) {
    const auto timed = work.prepare(subject_options("plain", tiny, c10::kCPU));
    const Convolutions calls = convolutions_of(timed);
    ASSERT_GT(calls.forward, 0);
    const std::int64_t once = calls.forward / work.passes.forward;
    EXPECT_EQ(calls.to_weights, work.passes.to_weights * once) << work.name;
    // The first layers' gradients go nowhere.
    EXPECT_LE(calls.to_inputs, work.passes.to_inputs * once) << work.name;
    EXPECT_GE(calls.to_inputs, work.passes.to_inputs * once * 7 / 10) << work.name;
  }
}

TEST_F(BenchWork, OperationsAreTwoForEachMultiplyAdd) {
  const NetworkSize size{16, 8, 64};
  const auto images = 2.0 * 64.0 * static_cast<double>(paper_supernet);
  EXPECT_EQ(operations_of(find_work("forward"), size), images);
  EXPECT_EQ(operations_of(find_work("alpha"), size), 2.0 * images);
  EXPECT_EQ(operations_of(find_work("w"), size), 3.0 * images);
  EXPECT_EQ(operations_of(find_work("joint"), size), 3.0 * images);
  EXPECT_EQ(operations_of(find_work("first"), size), 5.0 * images);
  EXPECT_EQ(operations_of(find_work("second"), size), 13.0 * images);
}

TEST_F(BenchWork, TrainingHasAnAuxiliaryHead) {
  const NetworkSize size{36, 20, 1};
  const double test = operations_of(find_work("test"), size);
  const double training = operations_of(find_work("evaluation"), size);
  EXPECT_EQ(test, 2.0 * static_cast<double>(paper_network));
  EXPECT_GT(training, 3.0 * test);
  EXPECT_LT(training, 3.1 * test);
}

}  // namespace
}  // namespace darts
