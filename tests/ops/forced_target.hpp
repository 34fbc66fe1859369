#pragma once

#include <gtest/gtest.h>
#include <hwy/detect_targets.h>
#include <hwy/targets.h>

#include <cstdint>

namespace darts::testing {

/// Chooses instruction sets for as long as it lives.
class ForcedTarget {
 public:
  explicit ForcedTarget(std::int64_t target) { use(target); }
  ~ForcedTarget() { use(0); }
  ForcedTarget(const ForcedTarget&) = delete;
  ForcedTarget& operator=(const ForcedTarget&) = delete;

 private:
  static void use(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    // The kernels look at the choice that was made at their first call.
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

/// Calls `action` under every instruction set that this machine has and the kernels are compiled
/// for, the portable one included.
template <class Action>
void for_each_target(const Action& action) {
  int tried = 0;
  std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  for (; targets != 0; targets &= targets - 1) {
    const std::int64_t target = targets & -targets;
    SCOPED_TRACE(hwy::TargetName(target));
    const ForcedTarget forced(target);
    action();
    ++tried;
  }
  EXPECT_GE(tried, 1);
}

}  // namespace darts::testing
