#pragma once

#include <darts/search/method.hpp>

#include <ATen/core/Generator.h>

namespace darts {

/// A generator of what a search method draws for a pass: a function of the seed, the position, what
/// the pass is for, and the type of cell. All passes of a step that are for the same draw the same.
at::Generator generator_of(const SearchPosition& position, Moves moves, CellType type);

/// Numbers of U(−size, size), shaped like `like` and on its device; drawn in float64 on the CPU, so
/// that all devices draw alike.
at::Tensor draw_uniform(const at::Tensor& like, double size, at::Generator generator);

/// Numbers of the standard Gumbel distribution, −ln(−ln U), likewise.
at::Tensor draw_gumbel(const at::Tensor& like, at::Generator generator);

}  // namespace darts
