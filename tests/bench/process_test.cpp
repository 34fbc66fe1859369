#include "process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

using ::testing::HasSubstr;

std::string failure_of(const std::string& command) {
  return run_process(command).value("failed", "");
}

TEST(BenchProcess, ObjectsBecomeOne) {
  const auto told =
      run_process("echo '{\"a\": 1}'; echo some words; echo '[3]'; echo '{\"b\": [2]}'");
  EXPECT_EQ(told.dump(), R"({"a":1,"b":[2]})");
}

TEST(BenchProcess, SaysHowItEnded) {
  EXPECT_EQ(failure_of("exit 3"), "ended with status 3");
  EXPECT_THAT(failure_of("kill -KILL $$"), HasSubstr("too little memory"));
  EXPECT_THAT(failure_of("sh -c 'kill -KILL $$'; exit $?"), HasSubstr("too little memory"));
  EXPECT_THAT(failure_of("kill -SEGV $$"), HasSubstr("ended by signal 11 ("));
}

TEST(BenchProcess, KnowsItsOwnReasonBest) {
  EXPECT_EQ(failure_of("echo '{\"failed\": \"no room\"}'; exit 1"), "no room");
}

TEST(BenchProcess, KeepsWhatWasToldBeforeTheEnd) {
  const auto told =
      run_process(R"(echo '{"seconds": [1.5]}'; printf '{"use": {"ker'; kill -ABRT $$)");
  EXPECT_EQ(told.at("seconds").dump(), "[1.5]");
  EXPECT_FALSE(told.contains("use"));
  EXPECT_THAT(told.at("failed").get<std::string>(), HasSubstr("ended by signal 6"));
}

}  // namespace
}  // namespace darts
