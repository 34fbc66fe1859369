#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/parallel/same_on_all_ranks.hpp>
#include <darts/run/run_state.hpp>

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace darts {

// What the checkpoints of all kinds of runs have in common: whose they are.

/// The config without what may differ between a run and its continuation (its name, its place, the
/// machine), as YAML.
template <class Config>
std::string identity_of(Config config) {
  const Config defaults;
  config.name = defaults.name;
  config.run = defaults.run;
  config.data.set.root = defaults.data.set.root;
  config.data.workers = defaults.data.workers;
  config.data.prefetch = defaults.data.prefetch;
  config.data.index_cache = defaults.data.index_cache;
  config.parallel.timeout_seconds = defaults.parallel.timeout_seconds;
  config.runtime.device = defaults.runtime.device;
  config.runtime.threads = defaults.runtime.threads;
  config.runtime.deterministic = defaults.runtime.deterministic;
  config.runtime.huge_pages = defaults.runtime.huge_pages;
  config.runtime.cuda_graph = defaults.runtime.cuda_graph;
  config.runtime.recompute = defaults.runtime.recompute;
  return to_yaml(config);
}

/// What has to be the same on all ranks of a run: the program, the config (as identity_of() gives
/// it), the images and the number of parameters.
Fingerprint fingerprint_of(const std::string& identity, const nlohmann::ordered_json& images,
                           std::int64_t parameters);

/// The meta data of a checkpoint of a run of this `kind` ("search"; `what` says it to a person: "a
/// search"). Throws Error if it is none.
nlohmann::ordered_json run_meta(const Checkpoint& checkpoint, const std::string& kind,
                                const std::string& what);

/// The config that such a checkpoint was written with, as identity_of() gave it. Throws Error.
std::string stored_identity(const nlohmann::ordered_json& meta, const std::string& file);

/// Reads its state into `fields`. Throws Error that names a field whose value is none of its kind.
void read_state(const nlohmann::ordered_json& meta, const StateFields& fields,
                const std::string& file);

/// Throws Error that names the first difference unless two dumped configs agree key by key: `now`,
/// of a run that is to go on, and `then`, which its checkpoint `file` was written with. A key that
/// only one of them has, since it came or went with a version of this program, had its value of
/// `defaults`, the dump of a config that says nothing.
void check_same_config(const std::string& now, const std::string& then, const std::string& defaults,
                       const std::string& file);

}  // namespace darts
