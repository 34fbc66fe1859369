#pragma once

#include <darts/core/checkpoint.hpp>

#include <string_view>

namespace torch::nn {
class Module;
}

namespace darts {

/// Lays out the parameters of dimension 4, weights of convolutions, channels last: cuDNN would
/// otherwise bring them into that order anew for every pass over images that are. Values and names
/// stay.
void use_channels_last(const torch::nn::Module& module);

/// Adds all parameters and buffers of `module` to `tensors` as PREFIX.NAME. They share storage with
/// the module (detached): save them, or clone them, before it changes. Throws std::logic_error
/// (c10::Error) if a name is taken.
void collect_state(const torch::nn::Module& module, std::string_view prefix, NamedTensors& tensors);

/// Copies the tensors PREFIX.NAME into the parameters and buffers of `module`, in place, on its
/// device and in its memory format.
///
/// Names, shapes and dtypes have to agree exactly; else Error lists the first few tensors that do
/// not fit, with `what` (a file, say) in front, and the module is unchanged.
void restore_state(torch::nn::Module& module, std::string_view prefix, const NamedTensors& tensors,
                   std::string_view what);

}  // namespace darts
