#include "core/expect_error.hpp"

#include <darts/core/doing.hpp>
#include <darts/core/machine_memory.hpp>
#include <darts/core/text.hpp>
#include <darts/run/memory_need.hpp>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double gib = 1073741824.0;
const c10::Device cpu(c10::kCPU);

MemoryNeed need(double weights, double activations, double modules = 0.0, double images = 0.0) {
  return {"the search", "space.cells", weights, activations, modules, images};
}

TEST(MemoryNeed, ThatTheMachineHasIsNoError) { check_memory(need(1024, 1024), cpu); }

TEST(MemoryNeed, BeyondTheMachineIsRefusedWithWhatToLower) {
  const std::string there = format_bytes(machine_memory().value());
  for (const MemoryNeed& large : {need(4e6 * gib, gib), need(gib, 4e6 * gib),
                                  need(0, gib, 4e6 * gib), need(0, 0, gib, 4e6 * gib)}) {
    try {
      check_memory(large, cpu);
      ADD_FAILURE() << "not refused";
    } catch (const MemoryError& e) {
      EXPECT_THAT(e.what(), AllOf(StartsWith("the search needs at least 3.8 PiB of memory, "),
                                  HasSubstr("the machine has " + there)));
      EXPECT_EQ(e.advice, "lower space.cells");
    }
  }
  EXPECT_THAT(testing::error_of([] { check_memory(need(1e300, 0), cpu); }), HasSubstr("EiB"));
}

TEST(MemoryNeed, IsDescribedBesideWhatIsThere) {
  EXPECT_EQ(describe(need(gib, 2 * gib, gib), cpu),
            "memory: at least 4.0 GiB (weights 1.0 GiB, activations 2.0 GiB); the machine has " +
                format_bytes(machine_memory().value()));
  EXPECT_THAT(
      describe(need(gib, gib, 0, 2 * gib), cpu),
      StartsWith("memory: at least 4.0 GiB (weights 1.0 GiB, activations 1.0 GiB, images 2.0 "
                 "GiB);"));
}

TEST(MemoryNeed, Bfloat16HalvesActivations) {
  EXPECT_EQ(bytes_of_activation(Precision::fp32), 2 * bytes_of_activation(Precision::bf16));
}

}  // namespace
}  // namespace darts
