#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace darts {

/// Writes `pieces`, one after the other, as the file `path`, so that at any moment (a crash, a full
/// disk, a loss of power) `path` is either the old file or the whole new one.
///
/// Writes `.NAME.tmp-PID` beside it, syncs, renames, and syncs the folder. On any failure the
/// temporary is removed, the old file stays as it was, and Error says why. One thread at a time for
/// each path; the folder has to exist. A symbolic link stays, and what it leads to is replaced; a
/// device or a pipe is written into.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::string_view> pieces);
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The whole file. Throws Error if it is missing, a folder, or cannot be read, or if it holds more
/// than `most` bytes: what is read whole is small, and a device may never end.
std::string read_file(const std::filesystem::path& path, std::size_t most = std::size_t{1} << 30U);

/// The same, without the byte order mark that some editors put before a text.
std::string read_text(const std::filesystem::path& path, std::size_t most = std::size_t{1} << 30U);

/// Removes what writers that were killed have left in `folder`: temporaries of processes that no
/// longer exist, and of this process's id (in a container the id often is the same at every start),
/// so this process must not be writing into `folder` meanwhile. Files that cannot be removed stay.
/// Returns how many were removed.
int remove_stale_temporaries(const std::filesystem::path& folder);

}  // namespace darts
