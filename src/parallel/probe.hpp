#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace darts::parallel {

/// Waits until somebody listens at an address. Throws Error for a host that is not known, or if
/// nobody does within that time.
void wait_for_server(const std::string& host, std::uint16_t port, std::chrono::milliseconds time);

/// This machine's address on the way to another.
std::string own_address_towards(const std::string& host, std::uint16_t port);

}  // namespace darts::parallel
