#include "folder_names.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/utf8.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <system_error>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

constexpr int deepest = 16;  // a link may lead to a folder above it

std::string ending_of(const fs::path& file) {
  std::string ending = file.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

bool is_image(const std::string& ending) {
  static constexpr std::array known{".jpg", ".jpeg", ".jpe", ".jfif", ".png"};
  return std::ranges::find(known, ending) != known.end();
}

bool leads_nowhere(const fs::path& file) {
  std::error_code ignored;
  return fs::is_symlink(file, ignored) && !fs::exists(file, ignored);
}

/// Entries that are not hidden, sorted by name.
std::vector<fs::directory_entry> entries_of(const fs::path& folder,
                                            OnError on_error = OnError::fail) {
  std::vector<fs::directory_entry> entries;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    if (!it->path().filename().string().starts_with(".")) {
      entries.push_back(*it);
    }
  }
  if (failure) {
    throw Error("cannot read the folder " + folder.string() + ": " + failure.message());
  }
  for (const fs::directory_entry& entry : entries) {
    const bool skipped = on_error == OnError::skip && is_image(ending_of(entry.path()));
    std::error_code ignored;  // an entry knows without asking the disk whether it is a link
    if (!skipped && entry.is_symlink(ignored) && leads_nowhere(entry.path())) {
      throw Error(entry.path().string() + " is a link to " +
                  fs::read_symlink(entry.path(), ignored).string() +
                  ", which is not there; mend or remove it");
    }
  }
  std::ranges::sort(entries, {}, [](const auto& entry) { return entry.path().filename(); });
  return entries;
}

bool is_folder(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_directory(ignored);
}

/// Whether that is how the disk has it, rather than how it fails.
bool is_closed(const fs::path& file) {
  return leads_nowhere(file) || (::access(file.c_str(), R_OK) != 0 && errno == EACCES);
}

struct Below {
  fs::path folder;  ///< relative
  int levels;       ///< that may follow
};

void add_images(const fs::path& folder, const Below& place, OnError on_error, FolderImages& found) {
  const auto& [below, levels] = place;
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : entries_of(folder / below, on_error)) {
    const fs::path name = below / entry.path().filename();
    if (is_folder(entry)) {
      folders.push_back(name);
    } else if (const std::string ending = ending_of(name); is_image(ending)) {
      found.names.push_back(name.string());
    } else {
      ++found.left_out[ending.empty() ? "without ending" : ending];
    }
  }
  if (levels == 0 && !folders.empty()) {
    throw Error((folder / below).string() + ": folders in folders, more than " +
                std::to_string(deepest) + "; does a link lead back?");
  }
  for (const fs::path& name : folders) {
    found.folders.push_back(name.string());
    add_images(folder, {name, levels - 1}, on_error, found);
  }
}

}  // namespace

std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : entries_of(folder)) {
    if (is_folder(entry)) {
      names.push_back(entry.path().filename().string());
    }
  }
  check_class_names(names, folder.string());
  return names;
}

void check_class_names(const std::vector<std::string>& names, const std::string& place) {
  for (const std::string& name : names) {
    if (!is_utf8(name)) {
      throw Error(place + ": the class \"" + as_utf8(name) +
                  "\" has a name that is not UTF-8; rename it");
    }
  }
}

std::string describe(const LeftOut& left_out) {
  std::string text;
  for (const auto& [ending, count] : left_out) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + ending;
  }
  return text;
}

FolderImages images_in(const fs::path& folder, OnError on_error) {
  FolderImages found;
  add_images(folder, {{}, deepest}, on_error, found);
  return found;
}

std::optional<std::string> read_image(const fs::path& file, OnError on_error) {
  try {
    return read_file(file);
  } catch (const Error&) {
    if (on_error == OnError::skip && is_closed(file)) {
      return std::nullopt;
    }
    throw;
  }
}

void add(LeftOut& sum, const LeftOut& left_out) {
  for (const auto& [ending, count] : left_out) {
    sum[ending] += count;
  }
}

Error no_images(const fs::path& class_folder, const LeftOut& left_out) {
  return Error("the class folder " + class_folder.string() + " has no JPEG or PNG images" +
               (left_out.empty() ? "" : " (left out: " + describe(left_out) + ")") +
               "; add some or remove it");
}

void check_all_sorted(const fs::path& folder, OnError on_error) {
  std::vector<std::string> loose;
  for (const fs::directory_entry& entry : entries_of(folder, on_error)) {
    if (!is_folder(entry) && is_image(ending_of(entry.path()))) {
      loose.push_back(entry.path().filename().string());
    }
  }
  if (!loose.empty()) {
    throw Error(folder.string() + " has class folders and " + std::to_string(loose.size()) +
                " images beside them (" + loose.front() + (loose.size() > 1 ? ", …" : "") +
                "), which have no class; sort or remove them");
  }
}

}  // namespace darts::detail
