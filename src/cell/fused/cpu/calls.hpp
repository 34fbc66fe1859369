#pragma once

#include "fused/processor.hpp"
#include "pass.hpp"

namespace darts::fused::cpu {

// The calls of Processor, by their names.

template <class T, class S>
at::Tensor to_state(const CpuPass<T, S>& pass, const at::Tensor& images,
                    std::int64_t first_channel);
template <class T, class S>
at::Tensor to_images(const CpuPass<T, S>& pass, Tensors states);

template <class T, class S>
void run_first_units(CpuPass<T, S>& pass, StatePass& from);
template <class T, class S>
void run_second_units(CpuPass<T, S>& pass, StatePass& from);
template <class T, class S>
at::Tensor sum_node(const CpuPass<T, S>& pass, std::span<const Summand> entering);

template <class T, class S>
void run_alpha_gradient(CpuPass<T, S>& pass, StatePass& from, Tensors gradients,
                        const at::Tensor& mixing);
template <class T, class S>
void run_second_units_backward(CpuPass<T, S>& pass, StatePass& from, Tensors gradients,
                               std::vector<at::Tensor>* weights);
template <class T, class S>
at::Tensor run_first_units_backward(const CpuPass<T, S>& pass, const StatePass& from,
                                    Tensors gradients, bool state_wanted,
                                    std::vector<at::Tensor>* weights);

}  // namespace darts::fused::cpu
