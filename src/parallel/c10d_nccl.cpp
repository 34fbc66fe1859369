#include "c10d_group.hpp"

#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace darts::parallel {

#ifdef USE_C10D_NCCL

Group make_nccl_group(const Meeting& meeting, const RankPlace& place, Milliseconds timeout) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  const auto store = c10::make_intrusive<c10d::PrefixStore>("nccl", meeting.store());
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, place.rank, place.size, options);
}

#else

Group make_nccl_group(const Meeting& /*meeting*/, const RankPlace& /*place*/,
                      Milliseconds /*timeout*/) {
  throw Error(
      "several ranks on GPUs need a build with NCCL, and this one is without (DARTS_CUDA=ON, and "
      "nccl.h); use --device cpu");
}

#endif

}  // namespace darts::parallel
