#pragma once

#include <darts/cell/cell_primitives.hpp>
#include <darts/cell/genotype.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>

namespace darts {

/// The genotype of a cell that `choose` makes of its operations' strengths, with at most `most`
/// skip connections (nothing: any number), as P-DARTS has it (Chen et al. 2019, section 3.3.2, and
/// their code): while there are more, the weakest one's strength falls below all others and all is
/// chosen again, operations and edges. Where nothing else is on offer more may stay.
///
/// strengths: edges × columns, float64, on the CPU.
CellGenotype with_capped_skips(
    const at::Tensor& strengths, const CellPrimitives& primitives, std::optional<std::int64_t> most,
    const std::function<CellGenotype(const at::Tensor& strengths)>& choose);

}  // namespace darts
