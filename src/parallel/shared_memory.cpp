#include "shared_memory.hpp"

#include <darts/core/error.hpp>

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace darts::parallel {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t capacity = std::size_t{64} << 10U;  ///< bytes of a tensor
constexpr std::size_t line = 64;                          ///< bytes of a cache line
/// A rank may be one sum ahead of another that still reads the last one's numbers.
constexpr std::uint32_t buffers = 2;

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* time) {
  return ::syscall(SYS_futex, &word, operation, value, time, nullptr, 0);
}

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Tells machines, and their containers, apart.
std::string machine() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  in >> id;
  char space[64] = {};
  const ssize_t size = ::readlink("/proc/self/ns/pid", space, sizeof space - 1);
  return id + (size > 0 ? std::string(space, static_cast<std::size_t>(size)) : "");
}

/// What a rank tells the others: its process, the memory if it made that, and its machine.
struct Offer {
  pid_t process = 0;
  int file = -1;
  std::string machine;

  std::string text() const {
    return std::to_string(process) + " " + std::to_string(file) + " " + machine;
  }
  static Offer from(const std::string& text) {
    Offer offer;
    std::istringstream(text) >> offer.process >> offer.file >> offer.machine;
    return offer;
  }
};

template <class T>
void add(const std::byte* from, T* to, std::int64_t count) {
  const auto* const values = reinterpret_cast<const T*>(from);
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] += values[i];
  }
}

void add(const std::byte* from, const at::Tensor& to) {
  const std::int64_t count = to.numel();
  switch (to.scalar_type()) {
    case at::kFloat:
      return add(from, to.mutable_data_ptr<float>(), count);
    case at::kDouble:
      return add(from, to.mutable_data_ptr<double>(), count);
    case at::kLong:
      return add(from, to.mutable_data_ptr<std::int64_t>(), count);
    default:
      return add(from, to.mutable_data_ptr<std::int32_t>(), count);
  }
}

}  // namespace

/// Where a rank says how far it is.
struct alignas(line) SharedMemory::Place {
  std::atomic<std::uint32_t> put_down;  ///< sums that it has put its numbers down for
  std::uint64_t bytes[buffers];         ///< of these numbers
};

SharedMemory::SharedMemory(int rank, int size, std::chrono::milliseconds timeout)
    : rank_(rank), size_(size), timeout_(timeout) {}

std::size_t SharedMemory::bytes() const {
  return static_cast<std::size_t>(size_) * (sizeof(Place) + buffers * capacity);
}

SharedMemory::~SharedMemory() {
  if (memory_ != nullptr) {
    ::munmap(memory_, bytes());
  }
}

std::unique_ptr<SharedMemory> SharedMemory::among(Ranks& ranks, std::chrono::milliseconds timeout) {
  std::unique_ptr<SharedMemory> shared(new SharedMemory(ranks.rank(), ranks.size(), timeout));
  Offer own{::getpid(), -1, machine()};
  const bool all_here = ranks.local_size() == ranks.size();
  FileDescriptor file;
  if (ranks.is_first()) {
    file = FileDescriptor(::memfd_create("darts ranks", MFD_CLOEXEC));
    own.file = file.valid() && ::ftruncate(file.get(), static_cast<off_t>(shared->bytes())) == 0
                   ? file.get()
                   : -1;
  }
  const std::vector<std::string> offers = ranks.exchange(own.text());
  const Offer first = Offer::from(offers.front());
  bool all = all_here && first.file >= 0 && first.machine == own.machine;
  if (all && !ranks.is_first()) {
    const std::string path =
        "/proc/" + std::to_string(first.process) + "/fd/" + std::to_string(first.file);
    file = FileDescriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  }
  all = all && file.valid() && shared->map(file.get());
  for (const std::string& text : offers) {
    const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, Offer::from(text).process, 0));
    shared->others_.emplace_back(pidfd);
    all = all && shared->others_.back().valid();
  }
  std::vector<double> able{all ? 1.0 : 0.0};
  ranks.sum(able);  // the first rank's file stays open until all have come by
  return able.front() == static_cast<double>(ranks.size()) ? std::move(shared) : nullptr;
}

bool SharedMemory::map(int file) {
  void* const memory = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  memory_ = memory == MAP_FAILED ? nullptr : memory;
  return memory_ != nullptr;
}

SharedMemory::Place& SharedMemory::place(int rank) const {
  return static_cast<Place*>(memory_)[rank];
}

/// Of the sum at hand.
std::byte* SharedMemory::numbers(int rank) const {
  auto* const all = reinterpret_cast<std::byte*>(static_cast<Place*>(memory_) + size_);
  return all + (static_cast<std::size_t>(rank) * buffers + round_ % buffers) * capacity;
}

bool SharedMemory::takes(const at::Tensor& tensor) {
  const at::ScalarType type = tensor.scalar_type();
  return tensor.is_cpu() && tensor.nbytes() <= capacity &&
         (type == at::kFloat || type == at::kDouble || type == at::kLong || type == at::kInt);
}

void SharedMemory::sum(const at::Tensor& tensor) {
  put_down(tensor);
  for (int rank = 0; rank < size_; ++rank) {
    wait_for(rank);
    if (place(rank).bytes[round_ % buffers] != tensor.nbytes()) {
      throw std::logic_error("ranks sum tensors of different sizes");
    }
    if (rank == 0) {
      std::memcpy(tensor.mutable_data_ptr(), numbers(0), tensor.nbytes());
    } else {
      add(numbers(rank), tensor);
    }
  }
  ++round_;
}

void SharedMemory::put_down(const at::Tensor& tensor) {
  Place& own = place(rank_);
  std::memcpy(numbers(rank_), tensor.const_data_ptr(), tensor.nbytes());
  own.bytes[round_ % buffers] = tensor.nbytes();
  own.put_down.store(round_ + 1, std::memory_order_release);
  futex(own.put_down, FUTEX_WAKE, INT_MAX, nullptr);
}

bool SharedMemory::is_there(int rank) const {
  const std::uint32_t sums = place(rank).put_down.load(std::memory_order_acquire);
  return static_cast<std::int32_t>(sums - (round_ + 1)) >= 0;
}

/// Awake at first, since the others are mostly there in a moment and a thread that sleeps is woken
/// late; then asleep, with a look now and then at whether all ranks still live.
void SharedMemory::wait_for(int rank) const {
  constexpr std::chrono::milliseconds awake{2};
  constexpr int looks = 32;
  constexpr timespec nap{0, 20'000'000};
  const auto begin = Clock::now();
  do {
    for (int i = 0; i < looks; ++i) {
      if (is_there(rank)) {
        return;
      }
      relax();
    }
    ::sched_yield();
  } while (Clock::now() < begin + awake);
  while (!is_there(rank)) {
    futex(place(rank).put_down, FUTEX_WAIT, round_, &nap);
    check_all_live();
    if (Clock::now() > begin + timeout_) {
      throw std::runtime_error("Timed out waiting for a rank");
    }
  }
}

/// Throws std::runtime_error if a rank has ended before it has put its numbers down.
void SharedMemory::check_all_live() const {
  for (int rank = 0; rank < size_; ++rank) {
    pollfd process{others_[static_cast<std::size_t>(rank)].get(), POLLIN, 0};
    if (::poll(&process, 1, 0) > 0 && !is_there(rank)) {
      throw std::runtime_error("a rank has ended");
    }
  }
}

}  // namespace darts::parallel
