#pragma once

#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <map>
#include <string>

namespace darts::testing {

/// A device whose memory is the host's and whose operations are the CPU's, but which LibTorch takes
/// for another device: a tensor that was left on the CPU is an error here as it is on a GPU, and
/// whatever would make the host wait for a GPU is counted. The whole process has it.
c10::Device fake_device();

/// Module::to() does not know how to put tensors of a device of one's own in a parameter's place.
void move_to_fake_device(torch::nn::Module& module);

/// What would have waited for a GPU since the last call: reading a number on the host (item() and
/// the like), copies that block or that use pageable memory, waiting for events. By kind.
std::map<std::string, std::int64_t> take_waits();

/// Copies between the host and the device since the last call, whether they wait or not.
std::int64_t take_copies();

}  // namespace darts::testing
