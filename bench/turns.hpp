#pragma once

#include "arguments.hpp"
#include "report.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <tuple>

namespace darts {

/// Takes the measurements of a run, each in a process of its own.
class Turns {
 public:
  /// Measures the ceilings, on a GPU and for a report. Both arguments must outlive this object.
  explicit Turns(const Arguments& arguments);

  /// Times all executions of a work with a size in turns, so that a drift of the machine meets all
  /// of them. `on_end` gets each result when it is complete, with that of the first execution.
  void take(const std::string& work, const NetworkSize& size,
            const std::function<void(const Result&, const Result& first)>& on_end);

  /// Empty where none were asked for, or where they failed.
  const std::optional<Ceilings>& ceilings() const { return ceilings_; }
  /// Throws Error unless all that was tried gave figures.
  void check() const;

 private:
  Result new_result(const std::string& work, const std::string& execution, const NetworkSize& size);
  void measure(Result& result);
  bool out_of_time() const;

  const Arguments& arguments_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::string ceilings_failed_;
  std::optional<Ceilings> ceilings_;
  Report report_;
  /// Of works, by channels and cells, with a batch of one.
  std::map<std::tuple<std::string_view, std::int64_t, std::int64_t>, double> operations_;
};

}  // namespace darts
