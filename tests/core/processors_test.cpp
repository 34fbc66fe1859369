#include "core/temporary_folder.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/processors.hpp>

#include <gtest/gtest.h>
#include <sched.h>

namespace darts {
namespace {

namespace fs = std::filesystem;

class GrantedProcessors : public ::testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((folder_ / file).parent_path());
    write_file_atomically(folder_ / file, text);
  }
  double granted() const { return granted_processors(folder_ / "self", folder_ / "groups"); }

  testing::TemporaryFolder folder_;
};

TEST_F(GrantedProcessors, AreTheLeastOfAGroupAndThoseAboveIt) {
  write("self", "0::/service/run\n");
  EXPECT_EQ(granted(), 0.0);
  write("groups/service/run/cpu.max", "max 100000\n");
  EXPECT_EQ(granted(), 0.0);
  write("groups/service/cpu.max", "150000 100000\n");
  EXPECT_EQ(granted(), 1.5);
  write("groups/service/run/cpu.max", "400000 100000\n");
  EXPECT_EQ(granted(), 1.5);
  write("groups/cpu.max", "50000 100000\n");
  EXPECT_EQ(granted(), 0.5);
}

/// As within a container, which sees its own group as the root.
TEST_F(GrantedProcessors, MayBeLimitedAtTheRoot) {
  write("self", "0::/\n");
  write("groups/cpu.max", "200000 100000\n");
  EXPECT_EQ(granted(), 2.0);
}

TEST_F(GrantedProcessors, OfVersionOneHaveFilesOfTheirOwn) {
  write("self", "5:memory:/a\n4:cpu,cpuacct:/a/b\n0::/a\n");
  write("groups/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  write("groups/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(granted(), 0.0);
  write("groups/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n");
  write("groups/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(granted(), 3.0);
}

TEST_F(GrantedProcessors, AreWithoutLimitWhereNothingIsKnown) {
  EXPECT_EQ(granted(), 0.0);
  for (const char* text : {"", "\n", "nonsense", "0::", "0::/../../etc"}) {
    write("self", text);
    EXPECT_EQ(granted(), 0.0) << text;
  }
  write("self", "0::/a\n");
  for (const char* text : {"", "0 100000", "-5 100000", "7", "5 0", "x y"}) {
    write("groups/a/cpu.max", text);
    EXPECT_EQ(granted(), 0.0) << text;
  }
}

TEST(UsableProcessors, AreNoMoreThanTheAffinityAllows) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(usable_processors(), 1);
  EXPECT_LE(usable_processors(), CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(usable_processors(), 1);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
}

TEST(ShortTimeSlices, MayBeAskedForAgainAndAgain) {
  use_short_time_slices();
  use_short_time_slices();
}

}  // namespace
}  // namespace darts
