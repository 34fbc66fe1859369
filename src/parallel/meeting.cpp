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
#include <utility>

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

Meeting::Meeting(RankPlace place, Milliseconds timeout)
    : place_(std::move(place)), timeout_(timeout) {
  if (!hosts()) {
    wait_for_server(place_.host, place_.port, timeout_);
  }
  open(timeout_);
}

std::string Meeting::at() const { return place_.host + ":" + std::to_string(place_.port); }

void Meeting::open(Milliseconds timeout) {
  // The constructor waits for an answer without an end if another program's server gives none.
  constexpr Milliseconds to_answer{5000};
  const auto made = std::make_shared<c10::intrusive_ptr<c10d::Store>>();
  const auto connect = [made, hosts = hosts(), timeout, host = place_.host, port = place_.port] {
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
    if (hosts() && reason.find("EADDRINUSE") != std::string::npos) {
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

/// What a rank that has ended left, if any has.
std::optional<std::string> Meeting::reason_left() {
  for (int rank = 0; rank < place_.size; ++rank) {
    if (const auto why = text_of("left", rank)) {
      return "rank " + std::to_string(rank) + " has ended: " + *why;
    }
  }
  return std::nullopt;
}

/// What is known of the ranks that do not say that they are still there.
std::string Meeting::fate_of_others(bool timed_out, Milliseconds patience) {
  store_->set(key_of("lost", place_.rank), bytes_of("1"));
  const auto end = Clock::now() + patience;
  std::vector<int> silent;
  do {
    if (const auto reason = reason_left()) {
      return *reason;
    }
    silent = without("lost", short_while);
  } while (!silent.empty() && Clock::now() < end);
  if (silent.empty()) {
    return "";
  }
  const bool several = silent.size() > 1;
  return names_of(silent) +
         (timed_out
              ? std::string(several ? " have" : " has") + " not answered for " +
                    seconds_text(timeout_) + " (parallel.timeout_seconds)"
              : std::string(several ? " have" : " has") + " ended; what it said last may tell why");
}

/// So that the others can ask, too, whoever hosts the store stays until they have.
void Meeting::let_others_ask(Milliseconds patience) {
  store_->set(key_of("asked", place_.rank), bytes_of("1"));
  const auto end = Clock::now() + patience;
  const auto all_asked = [this] {
    for (int rank = 0; rank < place_.size; ++rank) {
      if (text_of("lost", rank) && !text_of("asked", rank)) {
        return false;
      }
    }
    return true;
  };
  std::this_thread::sleep_for(short_while);  // for those that learn of it by this rank's end
  while (!all_asked() && Clock::now() < end) {
    std::this_thread::sleep_for(short_while);
  }
}

Error Meeting::lost(const std::string& reason) {
  is_lost_ = true;
  const bool timed_out = is_timeout(reason);
  const Milliseconds patience = timed_out ? Milliseconds(3000) : Milliseconds(500);
  const auto fate = std::make_shared<std::string>();
  // A copy asks, which may be left behind and outlive this.
  const auto ask = [self = *this, fate, patience, timed_out]() mutable {
    *fate = self.fate_of_others(timed_out, patience);
    if (self.hosts()) {
      self.let_others_ask(patience);
    } else {
      self.store_->set(key_of("asked", self.place_.rank), bytes_of("1"));
    }
  };
  try {
    if (within_time((hosts() ? 2 : 1) * patience + Milliseconds(1000), ask)) {
      return Error(fate->empty() ? "the exchange between the ranks failed: " + reason : *fate);
    }
    return Error(!fate->empty() ? *fate
                                : "nobody at " + at() + " has answered" +
                                      (timed_out ? " for " + seconds_text(timeout_) +
                                                       " (parallel.timeout_seconds)"
                                                 : std::string()) +
                                      "; has rank 0 ended, or is the network down?");
  } catch (const std::exception&) {  // nobody hosts the store any more
  }
  return Error(!fate->empty()          ? *fate
               : place_.launcher_hosts ? "the launcher of the ranks has ended"
                                       : "rank 0 has ended; what it said last may tell why");
}

}  // namespace darts::parallel
