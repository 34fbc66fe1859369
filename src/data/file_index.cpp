#include "file_index.hpp"

#include "checksum.hpp"
#include "folder_names.hpp"

#include <darts/core/error.hpp>

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace darts::detail {
namespace {

constexpr std::string_view format = "darts-file-index 2\n";

/// Takes lines from a text; a text that ends too early gives empty ones.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::string_view line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view result = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return result;
  }

  std::string_view rest() const { return rest_; }

  /// A whole number alone on its line; -1 where there is none.
  std::int64_t number() {
    const std::string_view text = line();
    std::int64_t value = -1;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    return read.ec == std::errc{} && read.ptr == end ? value : -1;
  }

  /// How many lines follow; nothing where there cannot be so many, so that no number makes room for
  /// what is not there.
  std::optional<std::size_t> count() {
    const std::int64_t value = number();
    return value < 0 || value > std::ssize(rest_) ? std::nullopt
                                                  : std::optional(static_cast<std::size_t>(value));
  }

 private:
  std::string_view rest_;
};

/// Adds the image that a line "LABEL NAME" says; false where it says none of these classes.
bool add_image(FileIndex& index, std::string_view line) {
  std::int32_t label = -1;
  const char* const end = line.data() + line.size();
  const auto read = std::from_chars(line.data(), end, label);
  if (label < 0 || label >= std::ssize(index.class_names()) || end - read.ptr < 2 ||
      *read.ptr != ' ') {
    return false;
  }
  index.add({read.ptr + 1, end}, label);
  return true;
}

std::string checksum_of(std::string_view bytes) {
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  return std::to_string(crc32_z(0, data, bytes.size())) + "\n";
}

/// The images of the class folder `name` in `split`.
void add_class(FileIndex& index, const std::filesystem::path& split, const std::string& name,
               const FolderImages& images, std::int32_t label) {
  if (images.names.empty()) {
    throw no_images(split / name, images.left_out);
  }
  for (const std::string& image : images.names) {
    index.add(image, label);
  }
  for (const std::string& folder : images.folders) {
    index.add_folder(std::filesystem::path(name) / folder);
  }
}

}  // namespace

std::string_view FileIndex::name(std::int64_t i) const {
  const auto at = static_cast<std::size_t>(i);
  return std::string_view(names_).substr(begins_[at], begins_[at + 1] - begins_[at] - 1);
}

std::filesystem::path FileIndex::place(std::int64_t i) const {
  if (!folder_per_class_) {
    return name(i);
  }
  return std::filesystem::path(class_names_[static_cast<std::size_t>(label(i))]) / name(i);
}

std::string FileIndex::checksum() const {
  Checksum sum;
  sum.add(names_);
  sum.add(std::span(labels_));
  return sum.text();
}

FileIndex list_images(ImagenetLayout layout, OnError on_error) {
  if (layout.folders.empty()) {
    const FolderImages images = images_in(layout.folder, on_error);
    const std::vector<std::string>& names = images.names;
    if (names.empty()) {
      throw Error("no images in " + layout.folder.string());
    }
    const std::vector<std::int32_t> labels = read_labels(layout, names);
    FileIndex index(layout.class_names, /*folder_per_class=*/false);
    for (std::size_t i = 0; i < names.size(); ++i) {
      index.add(names[i], labels[i]);
    }
    for (const std::string& folder : images.folders) {
      index.add_folder(folder);
    }
    index.set_left_out(describe(images.left_out));
    return index;
  }
  const auto& known = layout.class_names;
  check_all_sorted(layout.folder, on_error);
  LeftOut left_out;
  FileIndex index(known, /*folder_per_class=*/true);
  for (const std::string& name : layout.folders) {
    const auto place = std::lower_bound(known.begin(), known.end(), name) - known.begin();
    const FolderImages images = images_in(layout.folder / name, on_error);
    add_class(index, layout.folder, name, images, static_cast<std::int32_t>(place));
    add(left_out, images.left_out);
  }
  index.set_left_out(describe(left_out));
  return index;
}

std::optional<std::string> pack_index(const FileIndex& index, std::string_view state) {
  const auto line = [](auto number) { return std::to_string(number) + "\n"; };
  std::string body = line(state.size()).append(state);
  body += line(index.folder_per_class() ? 1 : 0) + line(index.class_names().size());
  for (const std::string& name : index.class_names()) {
    body.append(name).push_back('\n');
  }
  body += index.left_out() + "\n" + line(index.size());
  for (std::int64_t i = 0; i < index.size(); ++i) {
    body += std::to_string(index.label(i)) + " ";
    body.append(index.name(i)).push_back('\n');
  }
  const auto lines = std::count(body.begin(), body.end(), '\n');
  const auto expected = 5 + std::count(state.begin(), state.end(), '\n') +
                        static_cast<std::ptrdiff_t>(index.class_names().size()) + index.size();
  if (lines != expected) {
    return std::nullopt;
  }
  return std::string(format) + checksum_of(body) + body;
}

std::string packed_state(std::string_view bytes) {
  if (!bytes.starts_with(format)) {
    return {};
  }
  Reader reader(bytes.substr(format.size()));
  reader.line();  // the checksum, which unpack_index() looks at
  const std::int64_t size = reader.number();
  return size < 0 ? "" : std::string(reader.rest().substr(0, static_cast<std::size_t>(size)));
}

std::optional<FileIndex> unpack_index(std::string_view bytes, std::string_view state) {
  if (!bytes.starts_with(format)) {
    return std::nullopt;
  }
  bytes.remove_prefix(format.size());
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos ||
      bytes.substr(0, end + 1) != checksum_of(bytes.substr(end + 1))) {
    return std::nullopt;
  }
  bytes.remove_prefix(end + 1);
  const std::string expected = std::to_string(state.size()) + "\n" + std::string(state);
  if (!bytes.starts_with(expected)) {
    return std::nullopt;
  }
  Reader reader(bytes.substr(expected.size()));
  const bool folder_per_class = reader.number() == 1;
  const auto classes = reader.count();
  if (!classes) {
    return std::nullopt;
  }
  std::vector<std::string> class_names(*classes);
  for (std::string& name : class_names) {
    name = reader.line();
  }
  FileIndex index(std::move(class_names), folder_per_class);
  index.set_left_out(std::string(reader.line()));
  const auto images = reader.count();
  for (std::size_t i = 0; images && i < *images; ++i) {
    if (!add_image(index, reader.line())) {
      return std::nullopt;
    }
  }
  return images && reader.rest().empty() ? std::optional(std::move(index)) : std::nullopt;
}

}  // namespace darts::detail
