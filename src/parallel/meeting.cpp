#include "meeting.hpp"

#include "probe.hpp"

#include <darts/core/text.hpp>

#include <c10/util/Exception.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <future>
#include <memory>
#include <thread>

namespace darts::parallel {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds short_while{100};

std::string seconds_text(Milliseconds time) {
  return format_fixed(std::chrono::duration<double>(time).count(), 0) + " s";
}

/// "rank 2", "ranks 2 and 3", "ranks 1, 2 and 5"
std::string names_of(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == ranks.size() ? " and " : ", ") + std::to_string(ranks[i]);
  }
  return text;
}

std::string key_of(const std::string& key, int rank) { return key + "/" + std::to_string(rank); }

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

bool is_timeout(const std::string& reason) {
  return reason.find("imed out") != std::string::npos || reason.find("imeout") != std::string::npos;
}

}  // namespace

bool within_time(Milliseconds time, const std::function<void()>& work) {
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> future = done->get_future();
  std::thread([done, work] {
    try {
      work();
      done->set_value();
    } catch (...) {
      done->set_exception(std::current_exception());
    }
  }).detach();
  if (future.wait_for(time) != std::future_status::ready) {
    return false;
  }
  future.get();
  return true;
}

std::string reason_in(const std::exception& failure) {
  const auto* const of_torch = dynamic_cast<const c10::Error*>(&failure);
  const std::string text = of_torch ? of_torch->what_without_backtrace() : failure.what();
  return one_line(text.substr(0, text.find('\n')));
}

Meeting::Meeting(const RankPlace& place, Milliseconds timeout) : place_(place), timeout_(timeout) {
  const bool hosts = place_.rank == 0 && !place_.launcher_hosts;
  if (!hosts) {
    wait_for_server(place_.host, place_.port, timeout_);
  }
  open(timeout_);
}

std::string Meeting::at() const { return place_.host + ":" + std::to_string(place_.port); }

void Meeting::open(Milliseconds timeout) {
  // The constructor waits for an answer without an end if another program's server gives none.
  constexpr Milliseconds to_answer{10'000};
  const auto made = std::make_shared<c10::intrusive_ptr<c10d::Store>>();
  const bool hosts = place_.rank == 0 && !place_.launcher_hosts;
  const auto connect = [made, hosts, timeout, host = place_.host, port = place_.port] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = hosts;
    options.waitWorkers = false;
    options.timeout = timeout;
    *made = c10::make_intrusive<c10d::TCPStore>(host, options);
  };
  try {
    if (!within_time(std::max(to_answer, 2 * timeout), connect)) {
      throw Error(at() +
                  " (MASTER_ADDR, MASTER_PORT) is another program's, which does not answer "
                  "as ranks do; take another port");
    }
  } catch (const c10::Error& failure) {
    const std::string reason = reason_in(failure);
    if (hosts && reason.find("EADDRINUSE") != std::string::npos) {
      throw Error("port " + std::to_string(place_.port) +
                  " is taken on this machine, where rank 0 has to listen; take another one "
                  "(MASTER_PORT, torchrun --master-port)");
    }
    throw Error("cannot meet the other ranks at " + at() +
                " (MASTER_ADDR, MASTER_PORT): " + reason);
  }
  store_ = c10::make_intrusive<c10d::PrefixStore>("darts/" + place_.attempt, *made);
}

/// Ranks that have not set that key, once all have or the time is over.
std::vector<int> Meeting::without(const std::string& key, Milliseconds patience) {
  const auto end = Clock::now() + patience;
  for (;;) {
    std::vector<int> missing;
    for (int rank = 0; rank < place_.size; ++rank) {
      if (!store_->check({key_of(key, rank)})) {
        missing.push_back(rank);
      }
    }
    if (missing.empty() || Clock::now() >= end) {
      return missing;
    }
    std::this_thread::sleep_for(short_while);
  }
}

std::optional<std::string> Meeting::text_of(const std::string& key, int rank) {
  if (!store_->check({key_of(key, rank)})) {
    return std::nullopt;
  }
  const std::vector<std::uint8_t> bytes = store_->get(key_of(key, rank));
  return std::string(bytes.begin(), bytes.end());
}

void Meeting::wait_for_all() {
  std::vector<int> missing;
  try {
    store_->set(key_of("here", place_.rank), bytes_of("1"));
    missing = without("here", timeout_);
  } catch (const std::exception& failure) {
    throw Error("cannot meet the other ranks at " + at() + ": " + reason_in(failure));
  }
  if (!missing.empty()) {
    throw Error(names_of(missing) + " of " + std::to_string(place_.size) + " did not come to " +
                at() + " within " + seconds_text(timeout_) +
                " (parallel.timeout_seconds); were all ranks started, with the same MASTER_ADDR?");
  }
}

void Meeting::leave(const std::string& reason) noexcept {
  if (is_lost_) {
    return;  // ended by another rank's end
  }
  try {
    within_time(Milliseconds(1000), [store = store_, key = key_of("left", place_.rank), reason] {
      store->set(key, bytes_of(reason));
    });
  } catch (...) {  // nobody is there to be told
  }
}

Error Meeting::lost(const std::string& reason) {
  is_lost_ = true;
  const bool timed_out = is_timeout(reason);
  const Milliseconds patience = timed_out ? Milliseconds(3000) : Milliseconds(600);
  const auto text = std::make_shared<std::string>();
  const auto ask = [this, text, patience, timed_out] {
    store_->set(key_of("lost", place_.rank), bytes_of("1"));
    const std::vector<int> missing = without("lost", patience);
    std::vector<int> silent;
    for (const int rank : missing) {
      if (const auto why = text_of("left", rank)) {
        *text = "rank " + std::to_string(rank) + " has ended: " + *why;
        return;
      }
      silent.push_back(rank);
    }
    if (!silent.empty()) {
      *text =
          names_of(silent) +
          (timed_out ? (silent.size() > 1 ? " have" : " has") + std::string(" not answered for ") +
                           seconds_text(timeout_) + " (parallel.timeout_seconds)"
                     : (silent.size() > 1 ? " have ended" : " has ended"));
    }
  };
  try {
    if (within_time(patience + Milliseconds(1000), ask)) {
      return Error(text->empty() ? "the exchange between the ranks failed: " + reason : *text);
    }
  } catch (const std::exception&) {  // nobody hosts the store any more
  }
  return Error(place_.launcher_hosts ? "the launcher of the ranks has ended" : "rank 0 has ended");
}

}  // namespace darts::parallel
