#include <darts/core/error.hpp>
#include <darts/core/main.hpp>

#include <c10/util/Exception.h>

#include <gtest/gtest.h>

#include <functional>
#include <new>
#include <sstream>
#include <stdexcept>

namespace darts {
namespace {

/// What a program prints whose body throws; fails unless its status is 1.
template <class Exception>
std::string printed(const Exception& exception) {
  std::ostringstream errors;
  const int status = run_main(
      "darts_search", [&]() -> int { throw exception; }, errors);
  EXPECT_EQ(status, 1);
  return errors.str();
}

TEST(RunMain, ReturnsTheStatusOfItsBody) {
  std::ostringstream errors;
  EXPECT_EQ(run_main(
                "darts_search", [] { return 0; }, errors),
            0);
  EXPECT_EQ(run_main(
                "darts_search", [] { return 7; }, errors),
            7);
  EXPECT_EQ(errors.str(), "");
}

TEST(RunMain, PrintsAnErrorInFullOnOneLine) {
  EXPECT_EQ(printed(Error("x.yaml:3: w.momentum: expected a number,\ngot \"fast\"")),
            "error: x.yaml:3: w.momentum: expected a number, got \"fast\"\n");
}

TEST(RunMain, CutsOtherExceptionsAtTheirFirstNewline) {
  EXPECT_EQ(printed(std::runtime_error("CUDA out of memory.\nException raised from f:\nframe #0")),
            "error: CUDA out of memory.\n");
  EXPECT_EQ(printed(std::runtime_error("\nsecond line")), "error: second line\n");
  EXPECT_EQ(printed(std::runtime_error("")), "error: unknown error\n");
}

TEST(RunMain, ExplainsThatMemoryIsOut) {
  EXPECT_EQ(printed(std::bad_alloc()),
            "error: out of memory; use a smaller batch or network, or a larger machine\n");
}

/// As CUDACachingAllocator.cpp words it.
constexpr const char* allocator_message =
    "CUDA out of memory. Tried to allocate 20.50 GiB. GPU 1 has a total capacity of 79.10 GiB of "
    "which 3.25 GiB is free. Including non-PyTorch memory, this process has 75.80 GiB memory in "
    "use. "
    "Of the allocated memory 70.00 GiB is allocated by PyTorch.\nException raised from malloc";

TEST(RunMain, SaysWhatToLowerWhereTheGpusMemoryDoesNotSuffice) {
  const auto said = [](const std::function<int()>& body) {
    std::ostringstream errors;
    EXPECT_EQ(run_main({"darts_search", "lower search.batch_size"}, body, errors), 1);
    return errors.str();
  };
  EXPECT_EQ(
      said([]() -> int { TORCH_CHECK_WITH(OutOfMemoryError, false, allocator_message); }),
      "error: out of memory on cuda:1 (Tried to allocate 20.50 GiB; GPU 1 has a total capacity "
      "of 79.10 GiB of which 3.25 GiB is free); lower search.batch_size\n");
  EXPECT_EQ(said([]() -> int { TORCH_CHECK_WITH(OutOfMemoryError, false, "no more"); }),
            "error: out of memory on the GPU; lower search.batch_size\n");
  EXPECT_EQ(
      said([]() -> int { TORCH_CHECK(false, "CUDNN_STATUS_ALLOC_FAILED\nframe"); }),
      "error: out of memory on the GPU (CUDNN_STATUS_ALLOC_FAILED); lower search.batch_size\n");
  EXPECT_EQ(said([]() -> int { TORCH_CHECK(false, "expected 3 channels\nframe"); }),
            "error: expected 3 channels\n");
  EXPECT_EQ(said([]() -> int { throw std::bad_alloc(); }),
            "error: out of memory; lower search.batch_size\n");
}

TEST(RunMain, CallsALogicErrorABug) {
  EXPECT_EQ(printed(std::logic_error("field x is declared twice")),
            "error: field x is declared twice (a bug in darts_search; please report it)\n");
  EXPECT_EQ(printed(42), "error: unknown exception (a bug in darts_search; please report it)\n");
}

TEST(RunMain, PrintsToStandardErrorByDefault) {
  testing::internal::CaptureStderr();
  const int status = run_main("darts_search", []() -> int { throw Error("no such file"); });
  EXPECT_EQ(status, 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error: no such file\n");
}

}  // namespace
}  // namespace darts
