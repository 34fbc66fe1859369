#pragma once

#include <darts/eval/stored_network.hpp>

#include <filesystem>

namespace darts {

/// A JPEG or PNG file as the network takes it, prepared as the images of the data set that it was
/// trained on, so that a file of that set becomes what a test makes of it, to the bit. Where the
/// data set is not known: shorter side resized to resize_size, the middle cut out, grey where the
/// network sees one channel. Float32, 1×C×H×W, channels last, on the CPU.
///
/// Throws Error that names the file if it cannot be read, or if the network takes neither one nor
/// three channels, or images that are not square.
at::Tensor read_picture(const std::filesystem::path& file, const NetworkDescription& network);

}  // namespace darts
