#pragma once

#include "ceilings.hpp"
#include "counting_ranks.hpp"
#include "device_use.hpp"
#include "execution.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace darts {

/// The figures of one work, run in one way with one size.
struct Result {
  std::string work;
  std::string execution;
  NetworkSize size;
  double operations = 0.0;        ///< of operations_of(); 0: not counted
  std::optional<double> ceiling;  ///< operations a second of the execution's products, at most

  std::vector<double> seconds;  ///< of every timed step
  std::int64_t peak_bytes = 0;
  std::optional<DeviceUse> use;        ///< of a step, on a GPU
  std::optional<Exchanged> exchanged;  ///< in a step, of ranks
  std::string not_traced;              ///< why there is no `use`, on a GPU
  std::string failed;                  ///< why there are no figures: the reason, on one line
  std::string skipped;                 ///< why it was not tried

  bool has_figures() const { return !seconds.empty() && failed.empty(); }

  /// Takes what a process said of its measurement: "seconds" and "peak_bytes", then "use" or
  /// "not_traced"; or "failed", which after the times is why there is no trace. Times add up, the
  /// largest peak stays.
  void add(const nlohmann::ordered_json& told);

  double images_per_second() const;
  std::optional<double> idle() const;
  /// The time over that of the operations at the ceiling.
  std::optional<double> times_arithmetic() const;
};

/// One object of a report's "results". What is not known is null.
nlohmann::ordered_json to_json(const Result& result);

nlohmann::ordered_json to_json(const DeviceUse& use);
DeviceUse use_of(const nlohmann::ordered_json& json);

}  // namespace darts
