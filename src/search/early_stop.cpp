#include <darts/core/error.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/text.hpp>
#include <darts/search/early_stop.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

Json optional_json(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}

/// The last epoch up to this one whose alphas mean a genotype.
std::optional<std::int64_t> last_with_genotype(const SearchTrace& trace, std::int64_t epoch) {
  while (epoch >= 0 && !trace.skips[static_cast<std::size_t>(epoch)]) {
    --epoch;
  }
  return epoch >= 0 ? std::optional(epoch) : std::nullopt;
}

std::string why_by_eigenvalues(const SearchTrace& trace, const EarlyStopOptions& options) {
  const auto averages = local_averages(trace.eigenvalues, options.window);
  const double now = averages.back();
  const double before = averages[averages.size() - 1 - static_cast<std::size_t>(options.delta)];
  return "the mean of " + std::to_string(options.window) + " eigenvalues grew from " +
         format_fixed(before, 4) + " to " + format_fixed(now, 4) + ", more than " +
         format_fixed(options.factor, 2) + " times";
}

std::vector<EpochEigenvalue> eigenvalues_from(const Json& rows) {
  std::vector<EpochEigenvalue> eigenvalues;
  for (const Json& row : rows) {
    if (!row.is_array() || row.size() != 2) {
      throw Error("an epoch and its eigenvalue expected, got " + row.dump());
    }
    eigenvalues.push_back(
        {json_as<std::int64_t>(row[0]),
         row[1].is_null() ? std::numeric_limits<double>::quiet_NaN() : json_as<double>(row[1])});
  }
  return eigenvalues;
}

}  // namespace

const char* name_of(EarlyStop by) {
  switch (by) {
    case EarlyStop::eigenvalue:
      return "eigenvalue";
    case EarlyStop::skips:
      return "skips";
    case EarlyStop::stable:
      return "stable";
    case EarlyStop::none:
      break;
  }
  return "none";
}

std::vector<double> local_averages(std::span<const EpochEigenvalue> measured, std::int64_t window) {
  const auto whole = static_cast<std::size_t>(window);
  std::vector<double> averages;
  for (std::size_t count = (whole + 1) / 2; count <= measured.size(); ++count) {
    const auto taken = measured.subspan(count - std::min(count, whole), std::min(count, whole));
    const double sum =
        std::accumulate(taken.begin(), taken.end(), 0.0,
                        [](double s, const EpochEigenvalue& one) { return s + one.value; });
    averages.push_back(sum / static_cast<double>(taken.size()));
  }
  return averages;
}

std::optional<std::int64_t> stop_by_eigenvalues(std::span<const EpochEigenvalue> measured,
                                                std::int64_t every,
                                                const EarlyStopOptions& options) {
  const auto averages = local_averages(measured, options.window);
  if (std::ssize(averages) <= options.delta) {
    return std::nullopt;
  }
  const std::int64_t earlier =
      measured.back().epoch - every * (options.window / 2) - every * options.delta;
  const double before = averages[averages.size() - 1 - static_cast<std::size_t>(options.delta)];
  return earlier >= options.start_epoch && averages.back() / before > options.factor
             ? std::optional(earlier)
             : std::nullopt;
}

std::optional<std::int64_t> stop_by_skips(std::span<const std::optional<std::int64_t>> skips,
                                          std::int64_t most) {
  if (skips.empty() || skips.back().value_or(0) <= most) {
    return std::nullopt;
  }
  for (std::int64_t epoch = std::ssize(skips) - 1; epoch >= 0; --epoch) {
    if (const auto& count = skips[static_cast<std::size_t>(epoch)]; count && *count <= most) {
      return epoch;
    }
  }
  return std::nullopt;
}

void add_epoch(SearchTrace& trace, const TracedEpoch& ended) {
  if (ended.eigenvalue) {
    trace.eigenvalues.push_back({ended.epoch, *ended.eigenvalue});
  }
  trace.skips.push_back(ended.skips);
  const bool same =
      ended.alpha_moved && !ended.genotype.empty() && ended.genotype == trace.genotype;
  trace.epochs_same = same ? trace.epochs_same + 1 : 0;
  trace.genotype = ended.genotype;
}

std::optional<SearchTrace::Stop> decide_stop(const SearchTrace& trace,
                                             const EarlyStopOptions& options, std::int64_t every,
                                             std::int64_t ended, std::int64_t epochs) {
  const auto stop = [&](std::int64_t epoch, std::string why) {
    return SearchTrace::Stop{ended, epoch + 1, std::move(why)};
  };
  if (options.by == EarlyStop::none || ended >= epochs) {
    return std::nullopt;
  }
  if (options.by == EarlyStop::eigenvalue) {
    const bool measured = !trace.eigenvalues.empty() && trace.eigenvalues.back().epoch == ended - 1;
    const auto epoch =
        measured ? stop_by_eigenvalues(trace.eigenvalues, every, options) : std::nullopt;
    const auto with_genotype = epoch ? last_with_genotype(trace, *epoch) : std::nullopt;
    return with_genotype ? std::optional(stop(*with_genotype, why_by_eigenvalues(trace, options)))
                         : std::nullopt;
  }
  if (options.by == EarlyStop::skips) {
    const auto epoch = stop_by_skips(trace.skips, options.skips);
    return epoch ? std::optional(stop(
                       *epoch, "the normal cell has " + std::to_string(*trace.skips.back()) +
                                   " skip connections, more than " + std::to_string(options.skips)))
                 : std::nullopt;
  }
  return trace.epochs_same >= options.stable_epochs
             ? std::optional(stop(ended - 1, "the genotype has stayed the same for " +
                                                 std::to_string(trace.epochs_same) + " epochs"))
             : std::nullopt;
}

std::string describe(const SearchTrace::Stop& stop, std::int64_t epochs) {
  return "stopped early after epoch " + std::to_string(stop.after) + " of " +
         std::to_string(epochs) + " (" + stop.why + "): the result is epoch " +
         std::to_string(stop.epoch) + "'s genotype";
}

Json to_json(const SearchTrace& trace) {
  Json json{{"eigenvalues", Json::array()},
            {"skips", Json::array()},
            {"genotype", trace.genotype},
            {"epochs_same", trace.epochs_same}};
  for (const EpochEigenvalue& one : trace.eigenvalues) {
    json["eigenvalues"].push_back({one.epoch, one.value});
  }
  for (const auto& count : trace.skips) {
    json["skips"].push_back(optional_json(count));
  }
  if (trace.stop) {
    json["stop"] = {
        {"after", trace.stop->after}, {"epoch", trace.stop->epoch}, {"why", trace.stop->why}};
  }
  return json;
}

SearchTrace trace_from_json(const Json& json) {
  SearchTrace trace;
  within("\"eigenvalues\"",
         [&] { trace.eigenvalues = eigenvalues_from(json_field(json, "eigenvalues")); });
  within("\"skips\"", [&] {
    for (const Json& count : json_field(json, "skips")) {
      trace.skips.push_back(count.is_null() ? std::nullopt
                                            : std::optional(json_as<std::int64_t>(count)));
    }
  });
  trace.genotype = json_field_as<std::string>(json, "genotype");
  trace.epochs_same = json_field_as<std::int64_t>(json, "epochs_same");
  if (const Json* const stop = find_json_field(json, "stop")) {
    within("\"stop\"", [&] {
      trace.stop = {json_field_as<std::int64_t>(*stop, "after"),
                    json_field_as<std::int64_t>(*stop, "epoch"),
                    json_field_as<std::string>(*stop, "why")};
    });
  }
  return trace;
}

}  // namespace darts
