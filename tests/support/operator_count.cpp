#include "support/operator_count.hpp"

#include <ATen/record_function.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

namespace darts::testing {
namespace {

/// Neither compute nor move anything.
const std::set<std::string_view> without_kernel = {
    "aten::_reshape_alias", "aten::alias",     "aten::as_strided", "aten::as_strided_",
    "aten::contiguous",     "aten::detach",    "aten::empty",      "aten::empty_like",
    "aten::empty_strided",  "aten::expand",    "aten::expand_as",  "aten::flatten",
    "aten::lift_fresh",     "aten::narrow",    "aten::new_empty",  "aten::new_empty_strided",
    "aten::permute",        "aten::reshape",   "aten::resize_",    "aten::resize_as_",
    "aten::select",         "aten::set_",      "aten::slice",      "aten::split",
    "aten::squeeze",        "aten::t",         "aten::to",         "aten::transpose",
    "aten::unflatten",      "aten::unsqueeze", "aten::view",       "aten::view_as",
    "aten::_unsafe_view",   "aten::unfold",    "aten::zeros",      "aten::result_type",
};

/// One kernel, or a few of one kind, whatever the CPU's form of it is made of.
const std::set<std::string_view> one_kernel = {
    "aten::convolution",
    "aten::convolution_backward",
    "aten::native_batch_norm",
    "aten::batch_norm",
    "aten::native_batch_norm_backward",
    "aten::_foreach_add_",
    "aten::_foreach_copy_",
    "aten::_foreach_zero_",
    "aten::sum",
    "aten::_foreach_lerp_",
};

struct Running {
  std::int64_t launches = 0;
  std::vector<bool> counted;  ///< of the operators that are open, outermost first: something within
  std::int64_t within = 0;    ///< operators of one_kernel that are open
};

/// Record functions take plain functions, without captures.
Running& running() {
  thread_local Running running;
  return running;
}

bool computes(std::string_view name) {
  return name.starts_with("aten::") && !without_kernel.contains(name);
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& call) {
  Running& now = running();
  now.counted.push_back(false);
  now.within += one_kernel.contains(call.name()) ? 1 : 0;
  return nullptr;
}

void end(const at::RecordFunction& call, at::ObserverContext* /*context*/) {
  Running& now = running();
  now.within -= one_kernel.contains(call.name()) ? 1 : 0;
  const bool inner = now.counted.back();
  now.counted.pop_back();
  const bool launch = !inner && now.within == 0 && computes(call.name());
  now.launches += launch ? 1 : 0;
  if (!now.counted.empty() && (launch || inner)) {
    now.counted.back() = true;
  }
}

/// The allocator tells it of all memory that this thread takes and gives back.
class MemoryWatch : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* /*ptr*/, std::int64_t change, std::size_t /*allocated*/,
                         std::size_t /*reserved*/, c10::Device /*device*/) override {
    now_ += change;
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t peak() const { return peak_; }

 private:
  std::int64_t now_ = 0;
  std::int64_t peak_ = 0;
};

}  // namespace

OperatorCount count_operators(const std::function<void()>& work) {
  running() = {};
  const auto watch = std::make_shared<MemoryWatch>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, watch);
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(begin, end).scopes({at::RecordScope::FUNCTION}));
  work();
  at::removeCallback(handle);
  return {running().launches, watch->peak()};
}

}  // namespace darts::testing
