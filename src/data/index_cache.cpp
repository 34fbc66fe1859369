#include "file_index.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>

#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

/// What the folders are like: the time at which files were last added, removed or renamed in each.
struct FolderState {
  std::string text;
  fs::file_time_type newest = fs::file_time_type::min();

  void add(const fs::path& path) {
    std::error_code ignored;
    const fs::file_time_type time = fs::last_write_time(path, ignored);
    newest = std::max(newest, time);
    text += path.string() + " " + std::to_string(time.time_since_epoch().count()) + "\n";
  }
};

FolderState state_of(const ImagenetLayout& layout) {
  FolderState state;
  state.add(layout.folder);
  state.add(layout.train);
  if (!layout.labels.empty()) {
    state.add(layout.labels);
  }
  for (const std::string& name : layout.folders) {
    state.add(layout.folder / name);
  }
  return state;
}

/// With the folders in class folders, which only an index that was just made knows.
FolderState with_sub_folders(FolderState state, const ImagenetLayout& layout,
                             const FileIndex& index) {
  for (const fs::path& folder : index.sub_folders()) {
    state.add(layout.folder / folder);
  }
  return state;
}

/// What that state is now, from what it was.
FolderState now(FolderState state, std::string_view then) {
  then.remove_prefix(std::min(then.size(), state.text.size()));
  while (!then.empty()) {
    const std::string_view line = then.substr(0, then.find('\n'));
    then.remove_prefix(std::min(line.size() + 1, then.size()));
    state.add(fs::path(line.substr(0, line.rfind(' '))));
  }
  return state;
}

/// The user's cache folder, as the XDG base directory specification has it; empty: none.
fs::path user_cache() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return fs::path(cache) / "darts";
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? fs::path(home) / ".cache" / "darts" : fs::path();
}

/// The files that may hold the index, in the order in which they are tried.
std::vector<fs::path> candidates(const ImagenetLayout& layout, const IndexCache& cache) {
  const std::string split = layout.folder.filename().string();
  const std::string place = fs::absolute(layout.folder).lexically_normal().string();
  const auto number = crc32_z(0, reinterpret_cast<const Bytef*>(place.data()), place.size());
  const std::string elsewhere = "index-" + split + "-" + std::to_string(number);
  if (!cache.folder.empty()) {
    return {cache.folder / elsewhere};
  }
  std::vector<fs::path> files = {layout.folder.parent_path() / (".darts-index-" + split)};
  if (const fs::path user = user_cache(); !user.empty()) {
    files.push_back(user / elsewhere);
  }
  return files;
}

std::optional<FileIndex> read_index(const fs::path& file, const FolderState& state) {
  if (std::error_code ignored; !fs::exists(file, ignored)) {
    return std::nullopt;
  }
  try {
    const std::string bytes = read_file(file);
    return unpack_index(bytes, now(state, packed_state(bytes)).text);
  } catch (const Error&) {
    return std::nullopt;  // a cache that cannot be read is as good as none
  }
}

void keep(const FileIndex& index, const FolderState& state, const std::vector<fs::path>& files,
          const IndexCache& cache) {
  // A file that is added in the same tick of the clock would not change its folder's time.
  const bool settled = state.newest < fs::file_time_type::clock::now() - std::chrono::seconds(2);
  const std::optional<std::string> bytes = settled ? pack_index(index, state.text) : std::nullopt;
  if (!bytes) {
    return;
  }
  std::string problem;
  for (const fs::path& file : files) {
    try {
      std::error_code ignored;
      fs::create_directories(file.parent_path(), ignored);
      return write_file_atomically(file, *bytes);
    } catch (const Error& error) {
      problem = error.what();
    }
  }
  if (cache.warn) {
    cache.warn("the list of images is made anew at every start, since it cannot be kept: " +
               problem);
  }
}

}  // namespace

FileIndex cached_index(const ImagenetLayout& layout, const IndexCache& cache) {
  const FolderState state = state_of(layout);
  const std::vector<fs::path> files = candidates(layout, cache);
  for (const fs::path& file : files) {
    if (std::optional<FileIndex> index = read_index(file, state)) {
      return std::move(*index);
    }
  }
  FileIndex index = list_images(layout, cache.on_error);
  keep(index, with_sub_folders(state, layout, index), files, cache);
  return index;
}

}  // namespace darts::detail
