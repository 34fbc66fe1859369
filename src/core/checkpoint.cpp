#include "checkpoint_header.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/checkpoint.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/file_descriptor.hpp>
#include <darts/core/host_copy.hpp>
#include <darts/core/posix_file.hpp>
#include <darts/core/safetensors.hpp>
#include <darts/core/text.hpp>

#include <ATen/Functions.h>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace darts {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr std::uint64_t length_bytes = 8;

std::string count_of(std::uint64_t bytes) {
  return format_count(static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, INT64_MAX)));
}

Error cut_off(const std::filesystem::path& file, std::uint64_t have, std::uint64_t want,
              const char* bound = "") {
  return Error(file.string() + " is cut off: " + count_of(have) + " of " + bound + count_of(want) +
               " bytes; write it anew, or take an older checkpoint of the run");
}

std::string_view bytes_of(const at::Tensor& tensor) {
  return tensor.nbytes() == 0
             ? std::string_view()
             : std::string_view(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
}

/// The tensors as they are stored, widest elements first so that each lies aligned in the file.
std::vector<std::pair<std::string, at::Tensor>> in_file_order(const NamedTensors& tensors) {
  std::vector<at::Tensor> values;
  for (const auto& [name, tensor] : tensors) {
    TORCH_CHECK(tensor.defined() && tensor.layout() == at::kStrided &&
                    detail::can_store(tensor.scalar_type()) && name != "__metadata__",
                "a checkpoint cannot hold the tensor ", name, " (", tensor.toString(), ")");
    values.push_back(tensor);
  }
  values = to_host(values);
  std::vector<std::pair<std::string, at::Tensor>> stored;
  for (const auto& [name, tensor] : tensors) {
    stored.emplace_back(name, values[stored.size()].contiguous());
  }
  std::stable_sort(stored.begin(), stored.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  return stored;
}

/// An open checkpoint and its size.
struct File {
  std::filesystem::path path;
  FileDescriptor descriptor;
  std::uint64_t size = 0;

  Error failure(int error) const {
    return Error("cannot read " + path.string() + ": " + detail::reason_of(error));
  }

  /// Reads the next `count` bytes, which the size says are there.
  void read(char* to, std::uint64_t count) const {
    while (count > 0) {
      const ssize_t got = ::read(descriptor.get(), to, std::min<std::uint64_t>(count, 1U << 30U));
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got <= 0) {
        throw got < 0 ? failure(errno) : Error(path.string() + " became shorter while being read");
      }
      to += got;
      count -= static_cast<std::uint64_t>(got);
    }
  }
};

File open_file(const std::filesystem::path& path) {
  File file{path, FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), 0};
  struct stat status {};
  if (!file.descriptor.valid() || ::fstat(file.descriptor.get(), &status) != 0) {
    throw file.failure(errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error("cannot read " + path.string() + ": it is not a file; give a checkpoint file");
  }
  file.size = static_cast<std::uint64_t>(status.st_size);
  return file;
}

/// Reads the length and the header's JSON, which is empty where the length makes no sense.
std::string read_header_text(const File& file) {
  if (file.size < length_bytes) {
    throw cut_off(file.path, file.size, length_bytes, "at least ");
  }
  std::uint64_t length = 0;
  file.read(reinterpret_cast<char*>(&length), length_bytes);
  std::string text(std::min({length, file.size - length_bytes, detail::longest_header}), '\0');
  file.read(text.data(), text.size());
  if (length > text.size() && length <= detail::longest_header &&
      (text.empty() || text.front() == '{')) {
    throw cut_off(file.path, file.size, length_bytes + length, "at least ");
  }
  return length > text.size() ? std::string() : text;
}

/// Compares the size of the file with what its header promises.
void check_size(const File& file, std::size_t header, const std::vector<detail::TensorEntry>& all) {
  const std::uint64_t whole = length_bytes + header + (all.empty() ? 0 : all.back().end);
  if (file.size < whole) {
    throw cut_off(file.path, file.size, whole);
  }
  if (file.size > whole) {
    throw Error(file.path.string() + " is damaged (" + count_of(file.size - whole) +
                " bytes follow its end); write it anew, or take an older checkpoint of the run");
  }
}

/// Reads the data section; `crc` becomes its checksum.
NamedTensors read_tensors(const File& file, const std::vector<detail::TensorEntry>& entries,
                          std::uint32_t& crc) {
  NamedTensors tensors;
  for (const detail::TensorEntry& entry : entries) {
    at::Tensor tensor =
        doing(Task("read the tensor " + entry.name + " of " + file.path.string())
                  .needs_memory("the file needs a machine with more memory"),
              [&] { return at::empty(entry.shape, at::TensorOptions().dtype(entry.dtype)); });
    if (tensor.nbytes() > 0) {
      file.read(static_cast<char*>(tensor.data_ptr()), tensor.nbytes());
      crc = detail::crc32_of(crc, bytes_of(tensor));
    }
    tensors.emplace(entry.name, std::move(tensor));
  }
  return tensors;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint) {
  TORCH_CHECK(nlohmann::json::accept(checkpoint.meta), "a checkpoint's meta has to be JSON");
  const auto stored = in_file_order(checkpoint.tensors);
  detail::CheckpointHeader header;
  header.meta = checkpoint.meta;
  std::vector<std::string_view> pieces(1);  // the header's place
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : stored) {
    const std::string_view bytes = bytes_of(tensor);
    header.entries.push_back(
        {name, tensor.scalar_type(), tensor.sizes().vec(), offset, offset + bytes.size()});
    header.data_crc = detail::crc32_of(header.data_crc, bytes);
    offset += bytes.size();
    pieces.push_back(bytes);
  }
  const std::string encoded = detail::encode_header(header);
  TORCH_CHECK(encoded.size() <= detail::longest_header, "a checkpoint's header has ",
              encoded.size(), " bytes; its meta is too long");
  pieces.front() = encoded;
  write_file_atomically(file, pieces);
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  const File file = open_file(path);
  const std::string text = read_header_text(file);
  const detail::CheckpointHeader header = detail::decode_header(text, path);
  check_size(file, text.size(), header.entries);
  std::uint32_t crc = 0;
  Checkpoint checkpoint{header.meta, read_tensors(file, header.entries, crc), path};
  if (crc != header.data_crc) {
    throw Error(path.string() +
                " is damaged (the checksum of its data differs); take an older "
                "checkpoint of the run");
  }
  return checkpoint;
}

NamedTensors load_safetensors(const std::filesystem::path& path) {
  const File file = open_file(path);
  const std::string text = read_header_text(file);
  const std::vector<detail::TensorEntry> entries = detail::decode_entries(text, path);
  check_size(file, text.size(), entries);
  std::uint32_t ignored = 0;
  return read_tensors(file, entries, ignored);
}

const at::Tensor& require(const Checkpoint& checkpoint, const std::string& name) {
  const auto it = checkpoint.tensors.find(name);
  if (it == checkpoint.tensors.end()) {
    throw Error(checkpoint.file.string() + " has no tensor " + one_line(name) +
                "; was it written by another program or another configuration?");
  }
  return it->second;
}

NamedTensors tensors_under(const Checkpoint& checkpoint, const std::string& prefix) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (name.starts_with(prefix + ".")) {
      tensors.emplace(name, tensor);
    }
  }
  return tensors;
}

}  // namespace darts
