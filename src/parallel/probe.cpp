#include "probe.hpp"

#include <darts/core/error.hpp>
#include <darts/core/file_descriptor.hpp>
#include <darts/core/posix_file.hpp>
#include <darts/core/text.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <thread>

namespace darts::parallel {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

std::string text_of(const std::string& host, std::uint16_t port) {
  return host + ":" + std::to_string(port);
}

Addresses addresses_of(const std::string& host, std::uint16_t port, int kind) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = kind;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failure != 0) {
    throw Error("there is no machine " + in_quotes(host) + " (MASTER_ADDR): " +
                ::gai_strerror(failure) + "; give the name or address of rank 0's machine");
  }
  return {found, &::freeaddrinfo};
}

/// Whether somebody listens there.
bool answers(const addrinfo& address, Milliseconds time) {
  const FileDescriptor socket(
      ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) {
    return false;
  }
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) {
    return true;
  }
  if (errno != EINPROGRESS) {
    return false;
  }
  pollfd ready{socket.get(), POLLOUT, 0};
  int failure = 0;
  socklen_t size = sizeof failure;
  return ::poll(&ready, 1, static_cast<int>(time.count())) > 0 &&
         ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
}

}  // namespace

void wait_for_server(const std::string& host, std::uint16_t port, Milliseconds time) {
  constexpr Milliseconds pause{100};
  const Addresses addresses = addresses_of(host, port, SOCK_STREAM);
  const auto end = Clock::now() + time;
  do {
    for (const addrinfo* address = addresses.get(); address != nullptr;
         address = address->ai_next) {
      if (answers(*address, Milliseconds(1000))) {
        return;
      }
    }
    std::this_thread::sleep_for(pause);
  } while (Clock::now() < end);
  throw Error("nobody listens at " + text_of(host, port) + " (MASTER_ADDR, MASTER_PORT), after " +
              format_fixed(std::chrono::duration<double>(time).count(), 0) +
              " s (parallel.timeout_seconds); is rank 0 running, and is this its machine?");
}

std::string own_address_towards(const std::string& host, std::uint16_t port) {
  const Addresses addresses = addresses_of(host, port, SOCK_DGRAM);
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    const FileDescriptor socket(::socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    std::array<char, NI_MAXHOST> text{};
    // Nothing is sent: connecting only asks the routing table.
    if (socket.valid() && ::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0 &&
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      return text.data();
    }
  }
  throw Error("there is no way from this machine to " + text_of(host, port) +
              " (MASTER_ADDR): " + detail::reason_of(errno));
}

}  // namespace darts::parallel
