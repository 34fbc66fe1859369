#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace darts {

/// Tensors by name; names join their parts with dots ("w.cells.0.preprocess0.conv.weight").
using NamedTensors = std::map<std::string, at::Tensor>;

/// What a checkpoint file holds.
struct Checkpoint {
  std::string meta = "{}";     ///< all that is no tensor, as the text of one JSON object
  NamedTensors tensors;        ///< on the CPU and contiguous after loading
  std::filesystem::path file;  ///< where it was loaded from, for messages; ignored by saving
};

/// Writes a checkpoint as one file in the safetensors format (readable by Python's `safetensors`),
/// atomically: see write_file_atomically(). Equal contents give equal bytes.
///
/// Tensors of any device and memory format are stored in logical (NCHW) order. Their dtype is one
/// of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL. The header's `__metadata__` holds
/// `format` = "darts-checkpoint", `version` = "1", `meta`, `crc32` (8 hex digits, zlib's CRC-32 of
/// the data section) and `header_crc32` (the same of the header's compact JSON with sorted keys and
/// without this entry). Throws Error if the file cannot be written.
void save_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint);

/// Reads and checks a checkpoint; safe on arbitrary bytes. Throws Error if the file is missing, cut
/// off, damaged, of a newer version, or not a checkpoint of this program.
Checkpoint load_checkpoint(const std::filesystem::path& file);

/// The tensor of that name. Throws Error that names the file and the tensor if there is none.
const at::Tensor& require(const Checkpoint& checkpoint, const std::string& name);

/// The tensors whose names begin with `prefix` and a dot, with their full names.
NamedTensors tensors_under(const Checkpoint& checkpoint, const std::string& prefix);

}  // namespace darts
