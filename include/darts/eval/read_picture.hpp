#pragma once

#include <darts/eval/stored_network.hpp>

#include <filesystem>

namespace darts {

/// A JPEG or PNG file as the network takes it: shorter side resized to resize_size, the middle cut
/// out, grey where the network sees one channel, normalised. Float32, 1×C×H×W, on the CPU. Throws
/// Error that names the file if it cannot be read, or if the network takes neither one nor three
/// channels.
at::Tensor read_picture(const std::filesystem::path& file, const NetworkDescription& network);

}  // namespace darts
