#pragma once

#include <darts/search/method.hpp>

namespace darts {

// Between the stages of DrNAS: operations that see more channels than before (Chen et al. 2021,
// section 3.3; Net2Wider without the division, as its authors compute it).

/// A weight with copies of some of its input and then of its output channels appended; undefined:
/// of none. Also for what belongs to each channel, such as running statistics.
at::Tensor widened(const at::Tensor& tensor, const at::Tensor& out_channels,
                   const at::Tensor& in_channels = {});

/// `now` ← `before`, widened where operations see more channels than before; columns of theta are
/// those that their edges still offer. Which channels are copied is drawn by the seed.
void take_over_widened(const StageEnd& before, const SearchStage& stage, NamedTensors& now,
                       std::uint64_t seed);

}  // namespace darts
