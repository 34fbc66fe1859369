#pragma once

#include <darts/core/file_descriptor.hpp>
#include <darts/core/json_lines.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace darts {

/// The folder of one run, locked for this program alone while the object lives.
///
/// The lock is flock(2) on the file `lock`, which holds the owner's process id: the kernel releases
/// it when a process ends, however it ends. A second program gets Error "… is in use by process
/// 1234; wait for it or stop it". Errors also say why a folder cannot be made or written.
class RunDirectory {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// Makes `root`/NAME-YYYYMMDD-HHMMSS (local time; with -2, -3, … where that exists) with its
  /// folder checkpoints/. `name` is one path component.
  static RunDirectory create(const std::filesystem::path& root, const std::string& name, Time time);

  /// Makes the folder `path` for a new run, or takes one that is empty or in which a run was killed
  /// before it began. Throws Error where it holds anything else.
  static RunDirectory create_at(const std::filesystem::path& path);

  /// Opens the folder of an earlier run to go on with it, and removes temporaries that killed
  /// programs left. Throws Error if it is no run directory: it needs a config.yaml.
  static RunDirectory open(const std::filesystem::path& path);

  /// The folder of a run of which another rank does the writing: it may be on another machine.
  static RunDirectory follow(std::filesystem::path path);

  /// Whether this program writes there; if not, write(), lines() and prune_checkpoints() do
  /// nothing.
  bool writes() const { return lock_.valid(); }

  /// Writes a file atomically. Throws Error.
  void write(const std::filesystem::path& file, std::string_view content) const;
  /// Opens a file of records.
  JsonLines lines(const std::filesystem::path& file) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  std::filesystem::path environment() const { return path_ / "environment.json"; }
  std::filesystem::path log() const { return path_ / "log.txt"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path alphas() const { return path_ / "alphas.jsonl"; }
  std::filesystem::path genotype() const { return path_ / "genotype.json"; }
  std::filesystem::path genotypes() const { return path_ / "genotypes"; }
  /// genotypes/epoch_007.json
  std::filesystem::path genotype_of_epoch(std::int64_t epoch) const;

  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  /// checkpoints/epoch_007_step_000123.safetensors
  std::filesystem::path checkpoint(std::int64_t epoch, std::int64_t step) const;
  std::filesystem::path best_checkpoint() const { return checkpoints() / "best.safetensors"; }

  /// The checkpoint of the latest (epoch, step); never the best one. Nothing if there is none.
  std::optional<std::filesystem::path> latest_checkpoint() const;

  /// Removes all but the latest `keep_last` (at least 1) checkpoints; never the best one.
  void prune_checkpoints(std::int64_t keep_last) const;

 private:
  RunDirectory(std::filesystem::path path, FileDescriptor lock);

  std::filesystem::path path_;
  FileDescriptor lock_;
};

/// Makes a folder and those above it; one that exists is as good. Throws Error.
void make_folders(const std::filesystem::path& folder);

/// Takes the lock of a folder that one program alone may work in, as RunDirectory does; it is given
/// back with the descriptor. Throws Error, which says who has it.
FileDescriptor lock_folder(const std::filesystem::path& folder);

/// Whether a process has that lock.
bool is_in_use(const std::filesystem::path& folder);

/// The checkpoint of the latest (epoch, step) in the run directory `run`, without locking it: for
/// programs that only read. Nothing if there is none.
std::optional<std::filesystem::path> latest_checkpoint_of(const std::filesystem::path& run);

/// The newest checkpoint of the run directory `run` that can be read and holds finite numbers only;
/// never the best one. Nothing if there is none.
std::optional<std::filesystem::path> last_good_checkpoint(const std::filesystem::path& run);

/// Throws Error, which says what is missing, if `path` is no run directory.
void check_is_run_directory(const std::filesystem::path& path);

/// Which program's run lies in the run directory `run`, by its config.yaml: "darts_search",
/// "darts_train"; empty if it is neither's.
std::string program_of_run(const std::filesystem::path& run);

/// Throws Error, which says which program goes on with it, if the run directory `run` is another
/// program's than `program`.
void check_program(const std::filesystem::path& run, std::string_view program);

/// Removes the folder of a run that failed before it began: one without a checkpoint.
void discard_run(const std::filesystem::path& run) noexcept;

}  // namespace darts
