#include "core/child_process.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/core/machine_memory.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <string>

namespace darts {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t gib = std::uint64_t{1} << 30U;

/// A machine of 24 GiB without swap.
class MachineMemory : public ::testing::Test {
 protected:
  MachineMemory() { write("proc/meminfo", "MemTotal:  25165824 kB\nMemFree: 1024 kB\n"); }

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((folder_ / file).parent_path());
    testing::write_text(folder_ / file, text);
  }
  std::optional<std::uint64_t> memory() const {
    return machine_memory({folder_ / "proc", folder_ / "cgroup"});
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(MachineMemory, IsTheMachinesWithItsSwap) {
  EXPECT_EQ(memory(), 24 * gib);
  write("proc/meminfo", "MemTotal:  25165824 kB\nSwapTotal:  2097152 kB\n");
  EXPECT_EQ(memory(), 26 * gib);
}

TEST_F(MachineMemory, IsNotKnownWhereNothingTells) {
  EXPECT_EQ(machine_memory({"/nowhere", "/nowhere"}), std::nullopt);
}

TEST_F(MachineMemory, EndsAtTheLimitOfTheControlGroup) {
  write("proc/self/cgroup", "0::/user/session\n");
  write("cgroup/user/session/memory.max", "max\n");
  EXPECT_EQ(memory(), 24 * gib);
  write("cgroup/user/session/memory.max", std::to_string(8 * gib) + "\n");
  EXPECT_EQ(memory(), 8 * gib);
  write("proc/meminfo", "MemTotal:  25165824 kB\nSwapTotal:  2097152 kB\n");
  EXPECT_EQ(memory(), 10 * gib);
}

TEST_F(MachineMemory, EndsAtTheLimitOfAGroupAroundIt) {
  write("proc/self/cgroup", "0::/user/session\n");
  write("cgroup/user/session/memory.max", std::to_string(8 * gib));
  write("cgroup/user/memory.max", std::to_string(4 * gib));
  EXPECT_EQ(memory(), 4 * gib);
  write("cgroup/memory.max", std::to_string(2 * gib));  // a container sees its own as the root
  EXPECT_EQ(memory(), 2 * gib);
}

TEST_F(MachineMemory, EndsAtTheLimitOfAGroupOfVersion1) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/b\n");
  write("cgroup/memory/b/memory.limit_in_bytes", std::to_string(6 * gib));
  EXPECT_EQ(memory(), 6 * gib);
  // What version 1 says where there is no limit.
  write("cgroup/memory/b/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(memory(), 24 * gib);
}

TEST_F(MachineMemory, EndsAtTheLimitOfTheAddressSpace) {
  EXPECT_EQ(testing::run_child([this] {
              const rlimit limit{3 * gib, 3 * gib};
              ::setrlimit(RLIMIT_AS, &limit);
              return memory() == 3 * gib ? 0 : 1;
            }),
            0);
}

TEST(DeviceMemory, OfTheCpuIsTheMachines) {
  EXPECT_EQ(device_memory(c10::Device(c10::kCPU)), machine_memory());
  EXPECT_GT(machine_memory().value_or(0), gib / 16);
}

}  // namespace
}  // namespace darts
