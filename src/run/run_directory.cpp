#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/finite.hpp>
#include <darts/core/posix_file.hpp>
#include <darts/core/text.hpp>
#include <darts/run/run_directory.hpp>
#include <darts/run/run_name.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace darts {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view epoch_mark = "epoch_";
constexpr std::string_view step_mark = "_step_";
constexpr std::string_view checkpoint_extension = ".safetensors";

/// A number with leading zeros to at least `width` digits.
std::string padded(std::int64_t number, std::size_t width) {
  std::string text = std::to_string(number);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

/// NAME-YYYYMMDD-HHMMSS in local time.
std::string stamped(const std::string& name, RunDirectory::Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char stamp[32];
  const std::size_t length = std::strftime(stamp, sizeof stamp, "-%Y%m%d-%H%M%S", &local);
  return name + std::string(stamp, length);
}

Error cannot_make(const fs::path& folder, int error) {
  return Error("cannot make the folder " + folder.string() + ": " + detail::reason_of(error));
}

/// Makes the first of NAME, NAME-2, NAME-3, … that does not exist.
fs::path make_new_folder(const fs::path& root, const std::string& name) {
  for (int attempt = 1;; ++attempt) {
    const fs::path folder = root / (attempt == 1 ? name : name + "-" + std::to_string(attempt));
    std::error_code failure;
    if (fs::create_directory(folder, failure)) {
      return folder;
    }
    std::error_code ignored;
    if (failure && !fs::exists(folder, ignored)) {
      throw cannot_make(folder, failure.value());
    }
  }
}

/// Takes a whole number from the front of `text`.
bool take_number(std::string_view& text, std::int64_t& number) {
  const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return failure == std::errc{} && number >= 0;
}

bool take_mark(std::string_view& text, std::string_view mark) {
  if (!text.starts_with(mark)) {
    return false;
  }
  text.remove_prefix(mark.size());
  return true;
}

struct FoundCheckpoint {
  std::int64_t epoch = 0;
  std::int64_t step = 0;
  fs::path file;
};

/// All checkpoints but the best one, oldest first.
std::vector<FoundCheckpoint> find_checkpoints(const fs::path& folder) {
  std::vector<FoundCheckpoint> found;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; it != end; it.increment(failure)) {
    const std::string name = it->path().filename().string();
    std::string_view rest = name;
    FoundCheckpoint checkpoint{.file = it->path()};
    if (take_mark(rest, epoch_mark) && take_number(rest, checkpoint.epoch) &&
        take_mark(rest, step_mark) && take_number(rest, checkpoint.step) &&
        rest == checkpoint_extension) {
      found.push_back(std::move(checkpoint));
    }
  }
  if (failure && failure.value() != ENOENT) {
    throw Error("cannot read the folder " + folder.string() + ": " +
                detail::reason_of(failure.value()));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.epoch, a.step) < std::tie(b.epoch, b.step);
  });
  return found;
}

}  // namespace

void make_folders(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    throw cannot_make(folder, failure.value());
  }
}

FileDescriptor lock_folder(const fs::path& folder) {
  const fs::path file = folder / "lock";
  FileDescriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock.valid()) {
    throw Error("cannot write " + file.string() + ": " + detail::reason_of(errno));
  }
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) {
      continue;
    }
    if (errno != EWOULDBLOCK) {
      throw Error("cannot lock " + file.string() + ": " + detail::reason_of(errno));
    }
    char text[32] = {};
    const ssize_t length = ::pread(lock.get(), text, sizeof text - 1, 0);
    std::string owner(text, length > 0 ? static_cast<std::size_t>(length) : 0);
    owner.resize(std::min(owner.size(), owner.find('\n')));
    throw Error(folder.string() + " is in use by " +
                (owner.empty() ? "another process" : "process " + owner) +
                "; wait for it or stop it");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  int error = ::ftruncate(lock.get(), 0) == 0 ? 0 : errno;
  error = error != 0 ? error : detail::write_all(lock.get(), pid);
  if (error != 0) {
    throw Error("cannot write " + file.string() + ": " + detail::reason_of(error));
  }
  return lock;
}

bool is_in_use(const fs::path& folder) {
  const FileDescriptor lock(::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC));
  return lock.valid() && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void check_is_run_directory(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    throw Error(path.string() + " is not a folder; give the folder of a run (runs/NAME-…)");
  }
  if (!fs::exists(path / "config.yaml", ignored)) {
    throw Error(path.string() +
                " is not a run directory (it has no config.yaml); give the folder of a run "
                "(runs/NAME-…)");
  }
}

RunDirectory::RunDirectory(fs::path path, FileDescriptor lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

RunDirectory RunDirectory::create(const fs::path& root, const std::string& name, Time time) {
  if (!can_name_a_folder(name)) {
    throw Error("'" + name +
                "' cannot be the name of a run; take a word without slashes that does not begin "
                "with a dot");
  }
  make_folders(root);
  const fs::path folder = make_new_folder(root, stamped(name, time));
  RunDirectory run(folder, lock_folder(folder));
  make_folders(run.checkpoints());
  return run;
}

RunDirectory RunDirectory::create_at(const fs::path& path) {
  make_folders(path);
  RunDirectory run(path, lock_folder(path));
  remove_stale_temporaries(path);  // of a beginning that was killed
  static const std::set<std::string> of_a_beginning{
      "lock",    "checkpoints",   "environment.json", "genotype.json",
      "log.txt", "metrics.jsonl", "alphas.jsonl",     "genotypes"};
  for (const fs::path& file : fs::directory_iterator(path)) {
    if (!of_a_beginning.contains(file.filename().string()) || latest_checkpoint_of(path)) {
      throw Error(path.string() + " is not empty, and no run that could be gone on with; take " +
                  "another folder for a new run");
    }
  }
  make_folders(run.checkpoints());
  return run;
}

RunDirectory RunDirectory::open(const fs::path& path) {
  check_is_run_directory(path);
  RunDirectory run(path, lock_folder(path));
  make_folders(run.checkpoints());
  std::error_code ignored;
  for (const fs::path& folder : {path, run.checkpoints(), run.genotypes()}) {
    if (fs::is_directory(folder, ignored)) {
      remove_stale_temporaries(folder);
    }
  }
  return run;
}

RunDirectory RunDirectory::follow(fs::path path) { return {std::move(path), FileDescriptor()}; }

void RunDirectory::write(const fs::path& file, std::string_view content) const {
  if (writes()) {
    write_file_atomically(file, content);
  }
}

JsonLines RunDirectory::lines(const fs::path& file) const {
  return writes() ? JsonLines(file) : JsonLines::nowhere();
}

fs::path RunDirectory::genotype_of_epoch(std::int64_t epoch) const {
  return genotypes() / (std::string(epoch_mark) + padded(epoch, 3) + ".json");
}

fs::path RunDirectory::checkpoint(std::int64_t epoch, std::int64_t step) const {
  std::string name(epoch_mark);
  name.append(padded(epoch, 3)).append(step_mark).append(padded(step, 6));
  return checkpoints() / name.append(checkpoint_extension);
}

std::optional<fs::path> RunDirectory::latest_checkpoint() const {
  return latest_checkpoint_of(path_);
}

void RunDirectory::prune_checkpoints(std::int64_t keep_last) const {
  if (!writes()) {
    return;
  }
  const auto found = find_checkpoints(checkpoints());
  const auto keep = static_cast<std::size_t>(std::max<std::int64_t>(keep_last, 1));
  for (std::size_t i = 0; i + keep < found.size(); ++i) {
    if (::unlink(found[i].file.c_str()) != 0 && errno != ENOENT) {
      throw Error("cannot remove " + found[i].file.string() + ": " + detail::reason_of(errno));
    }
  }
}

std::optional<fs::path> latest_checkpoint_of(const fs::path& run) {
  const auto found = find_checkpoints(run / "checkpoints");
  return found.empty() ? std::nullopt : std::optional(found.back().file);
}

std::optional<fs::path> last_good_checkpoint(const fs::path& run) {
  auto found = find_checkpoints(run / "checkpoints");
  for (auto checkpoint = found.rbegin(); checkpoint != found.rend(); ++checkpoint) {
    try {
      if (non_finite(load_checkpoint(checkpoint->file).tensors).empty()) {
        return checkpoint->file;
      }
    } catch (const Error&) {  // a damaged one is no good
    }
  }
  return std::nullopt;
}

std::string program_of_run(const fs::path& run) {
  std::error_code ignored;
  if (!fs::is_regular_file(run / "config.yaml", ignored)) {
    return "";
  }
  constexpr std::size_t most_bytes = std::size_t{1} << 20U;
  const std::string config = "\n" + read_text(run / "config.yaml", most_bytes);
  return config.find("\nsearch:") != std::string::npos  ? "darts_search"
         : config.find("\ntrain:") != std::string::npos ? "darts_train"
                                                        : "";
}

void check_program(const fs::path& run, std::string_view program) {
  const std::string owner = program_of_run(run);
  if (!owner.empty() && owner != program) {
    throw Error(run.string() + " is a run of " + owner + "; use: " + owner + " --resume " +
                shell_quoted(run.string()));
  }
}

void discard_run(const fs::path& run) noexcept {
  try {
    if (!latest_checkpoint_of(run)) {
      fs::remove_all(run);
    }
  } catch (const std::exception&) {  // what cannot be removed stays
  }
}

}  // namespace darts
