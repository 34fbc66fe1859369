#include "c10d_group.hpp"
#include "probe.hpp"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

namespace darts::parallel {

Group make_gloo_group(const Meeting& meeting, const RankPlace& place, Milliseconds timeout) {
  // The default device would bind to what this machine's name means to it: 127.0.1.1 on a Debian.
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  options->devices.push_back(
      place.interface.empty() ? c10d::ProcessGroupGloo::createDeviceForHostname(
                                    own_address_towards(place.host, place.port))
                              : c10d::ProcessGroupGloo::createDeviceForInterface(place.interface));
  const auto store = c10::make_intrusive<c10d::PrefixStore>("gloo", meeting.store());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, place.rank, place.size, options);
}

}  // namespace darts::parallel
