#include "operator_times.hpp"

#include "phase.hpp"

#include <ATen/record_function.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace darts {
namespace {

using Clock = std::chrono::steady_clock;

/// LibTorch's operators and their nodes of the backward pass by a part of the name, in lower case
/// and without underscores; the first that fits counts.
struct Kind {
  std::string_view part;
  std::string_view name;
};

constexpr Kind kinds[] = {{"conv", "convolution"},
                          {"batchnorm", "batch norm"},
                          {"pool", "pooling"},
                          {"mm", "matrix product"},
                          {"matmul", "matrix product"},
                          {"linear", "matrix product"},
                          {"relu", "ReLU"},
                          {"threshold", "ReLU"},
                          {"softmax", "softmax and loss"},
                          {"nllloss", "softmax and loss"},
                          {"crossentropy", "softmax and loss"},
                          {"copy", "copies"},
                          {"clone", "copies"},
                          {"contiguous", "copies"},
                          {"::cat", "copies"},
                          {"catbackward", "copies"},
                          {"stack", "copies"},
                          {"empty", "new tensors"},
                          {"zero", "new tensors"},
                          {"ones", "new tensors"},
                          {"fill", "new tensors"},
                          {"norm", "sums and norms"},
                          {"sum", "sums and norms"},
                          {"mean", "sums and norms"},
                          {"add", "element by element"},
                          {"mul", "element by element"},
                          {"sub", "element by element"},
                          {"div", "element by element"},
                          {"sqrt", "element by element"},
                          {"view", "views"},
                          {"reshape", "views"},
                          {"expand", "views"},
                          {"asstrided", "views"},
                          {"select", "views"},
                          {"slice", "views"},
                          {"narrow", "views"},
                          {"split", "views"},
                          {"transpose", "views"},
                          {"permute", "views"},
                          {"detach", "views"}};

std::string simplified(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '_') {
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return text;
}

/// What a reader is told of an operator, and what is added up.
std::string name_of(std::string_view name) {
  constexpr std::string_view engine = "autograd::engine::evaluate_function: ";
  if (name.starts_with(engine)) {
    name.remove_prefix(engine.size());
  }
  constexpr std::string_view node = "torch::autograd::CppNode<";
  if (name.starts_with(node)) {  // and the whole type of an autograd function
    name.remove_prefix(name.rfind(':') + 1);
    return "autograd: " + std::string(name.substr(0, name.find('>')));
  }
  if (name.starts_with("darts::") || name.find(": ") != std::string_view::npos) {
    return std::string(name);
  }
  const std::string text = simplified(name);
  const auto* const kind = std::ranges::find_if(
      kinds, [&text](const Kind& row) { return text.find(row.part) != std::string::npos; });
  if (kind == std::end(kinds)) {
    return "LibTorch: " + std::string(name);
  }
  const bool is_backward = text.find("backward") != std::string::npos;
  return "LibTorch: " + std::string(kind->name) + (is_backward ? ", backward" : "");
}

/// What our own operators say in their inputs: multiply-adds and, if they are Phases, bytes.
std::optional<Cost> cost_of(const at::RecordFunction& record) {
  const auto inputs = record.inputs();
  const bool says = !inputs.empty() && inputs.size() <= 2 && !record.operator_name() &&
                    std::ranges::all_of(inputs, &c10::IValue::isInt);
  if (!says) {
    return std::nullopt;
  }
  return Cost{inputs[0].toInt(), inputs.size() == 2 ? inputs[1].toInt() : 0};
}

/// A call that has begun.
struct Call : at::ObserverContext {
  Call* outer = nullptr;  ///< in the same thread
  Clock::time_point start;
  Clock::duration within{};  ///< of the calls in it
  std::optional<Cost> cost;
  bool counts_within = false;  ///< a call in it has a cost
};

Call*& innermost_call() {
  thread_local Call* call = nullptr;
  return call;
}

/// Collects from all threads while it lives.
class Recording {
 public:
  Recording() {
    active() = this;
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback(begin_call, end_call)
            .needsInputs(true)
            .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  }
  ~Recording() {
    at::removeCallback(handle_);
    active() = nullptr;
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  std::vector<OperatorTime> times() {
    const std::lock_guard lock(mutex_);
    std::map<std::string, OperatorTime> kinds_of;
    for (const auto& [name, time] : times_) {
      OperatorTime& kind = kinds_of[name_of(name)];
      kind.seconds += time.seconds;
      kind.calls += time.calls;
      kind.multiply_adds += time.multiply_adds;
      kind.bytes += time.bytes;
    }
    std::vector<OperatorTime> list;
    for (auto& [name, time] : kinds_of) {
      time.name = name;
      list.push_back(time);
    }
    return list;
  }

 private:
  /// Callbacks are plain functions: they find the recording here.
  static std::atomic<Recording*>& active() {
    static std::atomic<Recording*> recording = nullptr;
    return recording;
  }

  static std::unique_ptr<at::ObserverContext> begin_call(const at::RecordFunction& record) {
    auto call = std::make_unique<Call>();
    call->cost = cost_of(record);
    call->outer = std::exchange(innermost_call(), call.get());
    call->start = Clock::now();
    return call;
  }

  static void end_call(const at::RecordFunction& record, at::ObserverContext* context) {
    const auto& call = static_cast<const Call&>(*context);
    const Clock::duration elapsed = Clock::now() - call.start;
    innermost_call() = call.outer;
    if (call.outer != nullptr) {
      call.outer->within += elapsed;
      call.outer->counts_within =
          call.outer->counts_within || call.counts_within || call.cost.has_value();
    }
    active().load()->add(record.name(), elapsed - call.within,
                         call.counts_within ? Cost{} : call.cost.value_or(Cost{}));
  }

  void add(const char* name, Clock::duration time, const Cost& cost) {
    const std::lock_guard lock(mutex_);
    OperatorTime& total = times_[name];
    total.seconds += std::chrono::duration<double>(time).count();
    ++total.calls;
    total.multiply_adds += cost.multiply_adds;
    total.bytes += cost.bytes;
  }

  at::CallbackHandle handle_ = at::INVALID_CALLBACK_HANDLE;
  std::mutex mutex_;
  std::map<std::string, OperatorTime> times_;
};

/// A rate and its share of a peak; nothing where nothing was counted.
std::string rate(std::int64_t count, double seconds, double unit, double peak) {
  if (count == 0 || seconds <= 0.0) {
    return std::string(15, ' ');
  }
  char text[40];
  const double value = unit * static_cast<double>(count) / seconds;
  std::snprintf(text, sizeof text, "%8.1f %4.0f %%", value / 1e9, 100.0 * value / peak);
  return text;
}

std::string line(const OperatorTime& time, const Profile& profile, const MachinePeaks& peaks) {
  const auto repetitions = static_cast<double>(profile.repetitions);
  char numbers[80];
  std::snprintf(numbers, sizeof numbers, "%6.1f %% %9.2f %8.0f ",
                100.0 * time.seconds / profile.seconds, 1e3 * time.seconds / repetitions,
                static_cast<double>(time.calls) / repetitions);
  constexpr double operations_of_a_multiply_add = 2.0;
  return numbers +
         rate(time.multiply_adds, time.seconds, operations_of_a_multiply_add, peaks.flops) +
         rate(time.bytes, time.seconds, 1.0, peaks.bytes) + "  " + time.name + "\n";
}

}  // namespace

Profile profile(const std::function<void()>& work, std::int64_t repetitions) {
  Profile result;
  result.repetitions = repetitions;
  Recording recording;
  const auto start = Clock::now();
  for (std::int64_t i = 0; i < repetitions; ++i) {
    work();
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  result.operators = recording.times();
  double outside = result.seconds;
  for (const OperatorTime& time : result.operators) {
    outside -= time.seconds;
  }
  if (outside > 0.0) {  // it is not where threads overlap
    result.operators.push_back({"(under no operator)", outside, repetitions});
  }
  std::ranges::stable_sort(result.operators, std::greater(), &OperatorTime::seconds);
  return result;
}

std::string describe(const Profile& profile, const MachinePeaks& peaks, std::size_t most) {
  std::string text = "   share        ms    calls  GFLOP/s of peak    GB/s of peak\n";
  OperatorTime rest{"(the rest)"};
  for (std::size_t i = 0; i < profile.operators.size(); ++i) {
    const OperatorTime& time = profile.operators[i];
    if (i < most) {
      text += line(time, profile, peaks);
    } else {
      rest.seconds += time.seconds;
      rest.calls += time.calls;
    }
  }
  return text + (rest.calls > 0 ? line(rest, profile, peaks) : "");
}

}  // namespace darts
