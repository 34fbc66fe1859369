#include "result.hpp"

#include "step_times.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>

namespace darts {
namespace {

using nlohmann::ordered_json;

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json or_null(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

ordered_json to_json(const std::vector<KernelUse>& kernels) {
  ordered_json all = ordered_json::array();
  for (const KernelUse& kernel : kernels) {
    all.push_back({{"name", kernel.name}, {"count", kernel.count}, {"seconds", kernel.seconds}});
  }
  return all;
}

}  // namespace

void Result::add(const ordered_json& told) {
  const bool timed = told.contains("seconds");
  const std::string reason = told.value("failed", "");
  failed = timed ? "" : reason;
  not_traced = timed ? told.value("not_traced", reason) : "";
  if (timed) {
    const auto more = told.at("seconds").get<std::vector<double>>();
    seconds.insert(seconds.end(), more.begin(), more.end());
    peak_bytes = std::max(peak_bytes, told.at("peak_bytes").get<std::int64_t>());
  }
  if (told.contains("exchanged")) {
    const ordered_json& per_step = told.at("exchanged");
    exchanged = Exchanged{per_step.at("sums"), per_step.at("bytes"), per_step.at("seconds")};
  }
  if (told.contains("use")) {
    use = use_of(told.at("use"));
  }
}

double Result::images_per_second() const {
  return static_cast<double>(size.batch) / median(seconds);
}

std::optional<double> Result::idle() const {
  return use ? std::optional(idle_share(*use, median(seconds))) : std::nullopt;
}

std::optional<double> Result::times_arithmetic() const {
  if (operations <= 0.0 || !ceiling) {
    return std::nullopt;
  }
  return median(seconds) * *ceiling / operations;
}

ordered_json to_json(const DeviceUse& use) {
  return {{"kernels", use.kernels},
          {"copies", use.copies},
          {"launches", use.launches},
          {"busy_seconds", use.busy_seconds},
          {"heaviest_kernels", to_json(use.heaviest)}};
}

DeviceUse use_of(const ordered_json& json) {
  DeviceUse use{json.at("kernels"), json.at("copies"), json.at("launches"),
                json.at("busy_seconds")};
  for (const ordered_json& kernel : json.at("heaviest_kernels")) {
    use.heaviest.push_back({kernel.at("name"), kernel.at("count"), kernel.at("seconds")});
  }
  return use;
}

ordered_json to_json(const Result& r) {
  const bool any = r.has_figures();
  const auto known = [any](const std::function<ordered_json()>& value) {
    return any ? value() : ordered_json();
  };
  const auto of_use = [&](auto DeviceUse::*figure) {
    return any && r.use ? ordered_json((*r.use).*figure) : ordered_json();
  };
  return {{"work", r.work},
          {"execution", r.execution},
          {"channels", r.size.channels},
          {"cells", r.size.cells},
          {"batch", r.size.batch},
          {"seconds", known([&] { return median(r.seconds); })},
          {"best", known([&] { return std::ranges::min(r.seconds); })},
          {"steps", r.seconds.size()},
          {"images_per_s", known([&] { return r.images_per_second(); })},
          {"peak_bytes", known([&] { return r.peak_bytes; })},
          {"kernels", of_use(&DeviceUse::kernels)},
          {"copies", of_use(&DeviceUse::copies)},
          {"launches", of_use(&DeviceUse::launches)},
          {"busy_seconds", of_use(&DeviceUse::busy_seconds)},
          {"heaviest_kernels", any && r.use ? to_json(r.use->heaviest) : ordered_json()},
          {"idle_share", known([&] { return or_null(r.idle()); })},
          {"flop", r.operations > 0.0 ? ordered_json(r.operations) : ordered_json()},
          {"times_arithmetic_bound", known([&] { return or_null(r.times_arithmetic()); })},
          {"exchanged", r.exchanged ? ordered_json{{"sums", r.exchanged->sums},
                                                   {"bytes", r.exchanged->bytes},
                                                   {"seconds", r.exchanged->seconds}}
                                    : ordered_json()},
          {"not_traced", or_null(r.not_traced)},
          {"failed", or_null(r.failed)},
          {"skipped", or_null(r.skipped)}};
}

}  // namespace darts
