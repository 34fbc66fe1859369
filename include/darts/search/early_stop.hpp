#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace darts {

/// By what a search that goes wrong is stopped before its last epoch.
enum class EarlyStop { none, eigenvalue, skips, stable };

struct EarlyStopOptions {
  EarlyStop by = EarlyStop::none;

  // eigenvalue: as RobustDARTS has it (Zela et al. 2020, section 5.1; `EVLocalAvg` of their code)
  std::int64_t window = 5;        ///< measurements that an average is of
  double factor = 1.3;            ///< of the earlier average, which the later one has to exceed
  std::int64_t delta = 4;         ///< measurements from the earlier to the later
  std::int64_t start_epoch = 10;  ///< counted from 0, the first one that may be the earlier

  // skips: after DARTS+ (Liang et al. 2019, criterion 1)
  std::int64_t skips = 2;  ///< skip connections that the normal cell may have

  // stable: after DARTS+ (criterion 1*)
  std::int64_t stable_epochs = 10;  ///< in which the genotype has to stay what it is
};

/// A measurement after an epoch, counted from 0.
struct EpochEigenvalue {
  std::int64_t epoch = 0;
  double value = 0.0;
};

/// Of each measurement but the first ⌈window/2⌉ − 1, the mean of it and those before it, of at most
/// `window` of them: the local average of the epoch in the middle.
std::vector<double> local_averages(std::span<const EpochEigenvalue> measured, std::int64_t window);

/// Whether a search stops after the last of these measurements, which are `every` epochs apart: at
/// which epoch, counted from 0, it would have done better to, whose genotype is the result. That
/// epoch is ⌊window/2⌋ + delta measurements back, and the local average has since grown by more
/// than the factor.
std::optional<std::int64_t> stop_by_eigenvalues(std::span<const EpochEigenvalue> measured,
                                                std::int64_t every,
                                                const EarlyStopOptions& options);

/// The same by the normal cell's skip connections after each epoch (nothing: no genotype): once
/// there are more than `most`, the last epoch before that had no more. A search that begins with
/// more goes on.
std::optional<std::int64_t> stop_by_skips(std::span<const std::optional<std::int64_t>> skips,
                                          std::int64_t most);

/// What a search remembers for its rule; a part of its checkpoints.
struct SearchTrace {
  std::vector<EpochEigenvalue> eigenvalues;
  std::vector<std::optional<std::int64_t>> skips;  ///< of the normal cell, by epoch
  std::string genotype;          ///< the last epoch's, in the field's notation; empty: none
  std::int64_t epochs_same = 0;  ///< in a row that have left it as it was, though alpha moved

  /// That the search has stopped, and with what result.
  struct Stop {
    std::int64_t after = 0;  ///< epochs
    std::int64_t epoch = 0;  ///< counted from 1, whose genotype it is
    std::string why;

    friend bool operator==(const Stop&, const Stop&) = default;
  };
  std::optional<Stop> stop;
};

/// An epoch that has ended.
struct TracedEpoch {
  std::int64_t epoch = 0;  ///< counted from 0
  std::optional<double> eigenvalue = {};
  std::optional<std::int64_t> skips = {};
  std::string genotype = {};
  bool alpha_moved = true;
};
void add_epoch(SearchTrace& trace, const TracedEpoch& ended);

/// Whether the search stops after `ended` epochs of `epochs`, by its rule; never after the last.
/// `every`: epochs between measurements.
std::optional<SearchTrace::Stop> decide_stop(const SearchTrace& trace,
                                             const EarlyStopOptions& options, std::int64_t every,
                                             std::int64_t ended, std::int64_t epochs);

/// "stopped early after epoch 23 of 50 (…): the result is epoch 11's genotype"
std::string describe(const SearchTrace::Stop& stop, std::int64_t epochs);

nlohmann::ordered_json to_json(const SearchTrace& trace);
/// Throws Error that names the field where it is no trace.
SearchTrace trace_from_json(const nlohmann::ordered_json& json);

/// The name that it has in configs.
const char* name_of(EarlyStop by);

}  // namespace darts
