#include <darts/core/doing.hpp>
#include <darts/core/posix_file.hpp>
#include <darts/core/text.hpp>

#include <c10/util/Exception.h>

#include <nlohmann/json.hpp>
#include <yaml-cpp/exceptions.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace darts {
namespace {

/// An exception in our words.
struct Reason {
  std::string text;         ///< why; of memory: how much, or nothing
  bool is_memory = false;   ///< … did not suffice
  std::string device = {};  ///< whose memory; empty: the machine's
};

/// The first line with something on it: stack traces follow.
std::string first_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  const std::string line = one_line(text.substr(0, text.find_first_of("\r\n")));
  return line.empty() ? "unknown error" : line;
}

/// "GPU 3" → "cuda:3", wherever it stands in a message of LibTorch's.
std::string device_in(std::string_view message) {
  constexpr std::string_view word = "GPU ";
  const std::size_t at = message.find(word);
  if (at == std::string_view::npos) {
    return "the GPU";
  }
  const std::string_view rest = message.substr(at + word.size());
  return "cuda:" + std::string(rest.substr(0, rest.find_first_not_of("0123456789")));
}

/// LibTorch's message has a dozen sentences on its allocator; the first says that memory is out,
/// the next two how much was asked for and how much there is.
Reason device_memory(std::string_view message) {
  std::string details;
  std::size_t begin = message.find(". ");
  for (int sentence = 0; sentence < 2 && begin != std::string_view::npos; ++sentence) {
    const std::size_t end = message.find(". ", begin + 2);
    details.append(details.empty() ? "" : "; ").append(message.substr(begin + 2, end - begin - 2));
    begin = end;
  }
  return {details, true, device_in(message)};
}

/// The number after `mark` as bytes; empty where there is none.
std::string bytes_after(std::string_view message, std::string_view mark) {
  message.remove_prefix(message.find(mark) + mark.size());
  std::uint64_t bytes = 0;
  const auto read = std::from_chars(message.data(), message.data() + message.size(), bytes);
  return read.ec == std::errc() ? format_bytes(bytes) + " were asked for at once" : "";
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Reason reason_of(const c10::Error& e) {
  const std::string message = first_line(e.what_without_backtrace());
  if (constexpr auto mark = "tried to allocate "; has(message, "DefaultCPUAllocator")) {
    return {bytes_after(message, mark), true};
  }
  if (has(message, "calculation overflowed")) {
    return {"a tensor was to be larger than any memory", true};
  }
  // CUDA's own memory, and that of cuBLAS and cuDNN, which take some for themselves.
  if (has(message, "CUDA error: out of memory") || has(message, "_STATUS_ALLOC_FAILED")) {
    return {message, true, "the GPU"};
  }
  return {message};
}

/// Without "[json.exception.type_error.302] ".
std::string reason_of(const nlohmann::json::exception& e) {
  constexpr int number_overflow = 406;
  if (e.id == number_overflow) {
    return "not valid JSON: a number is too large";
  }
  const std::string_view message = e.what();
  return first_line(message.substr(std::min(message.find("] ") + 2, message.size())));
}

/// What was tried, by the words of libstdc++, which are all that knows it: between "filesystem
/// error: " and the reason.
std::string_view operation_of(const std::filesystem::filesystem_error& e) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> known{{
      {"open directory", "list"},
      {"advance", "list"},
      {"increment", "list"},
      {"create", "create"},
      {"rename", "rename"},
      {"remove", "remove"},
      {"copy", "copy"},
      {"resize", "change"},
      {"set ", "change"},
  }};
  constexpr std::string_view colon = ": ";
  std::string_view words = e.what();
  words.remove_prefix(std::min(words.find(colon), words.size() - colon.size()) + colon.size());
  words = words.substr(0, words.find(colon));
  const auto* const found = std::ranges::find_if(
      known, [words](const auto& operation) { return has(words, operation.first); });
  return found == known.end() ? "look at" : found->second;
}

std::string reason_of(const std::filesystem::filesystem_error& e) {
  const std::string place = e.path1().empty() ? "a folder" : e.path1().string();
  return "cannot " + std::string(operation_of(e)) + " " + place +
         (e.path2().empty() ? "" : " to " + e.path2().string()) + ": " +
         detail::reason_of(e.code().value());
}

std::string reason_of(const std::system_error& e) {
  const std::error_category& category = e.code().category();
  const bool is_errno = category == std::generic_category() || category == std::system_category();
  if (is_errno && e.code().value() == EAGAIN) {  // what std::thread says
    return "the system starts no more threads; ask for fewer (runtime.threads, data.workers) or "
           "allow more (ulimit -u, ulimit -v)";
  }
  return is_errno ? detail::reason_of(e.code().value()) : first_line(e.what());
}

std::string reason_of(const YAML::Exception& e) {
  return "not valid YAML" + (e.mark.is_null() ? "" : ", line " + std::to_string(e.mark.line + 1)) +
         ": " + one_line(e.msg);
}

/// Of the exception at hand. Errors and bugs of our own go on as they are.
Reason reason_at_hand() {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    return {"", true};
  } catch (const std::length_error&) {
    return {"something was to be larger than any memory", true};
  } catch (const c10::OutOfMemoryError& e) {
    return device_memory(first_line(e.what_without_backtrace()));
  } catch (const c10::Error& e) {
    return reason_of(e);
  } catch (const nlohmann::json::parse_error& e) {
    return {"not valid JSON at byte " + std::to_string(e.byte) + "; the file may be cut off"};
  } catch (const nlohmann::json::exception& e) {
    return {reason_of(e)};
  } catch (const std::filesystem::filesystem_error& e) {
    return {reason_of(e)};
  } catch (const std::system_error& e) {
    return {reason_of(e)};
  } catch (const YAML::Exception& e) {
    return {reason_of(e)};
  } catch (const std::logic_error&) {
    throw;
  } catch (const std::exception& e) {
    return {first_line(e.what())};
  }
}

/// "out of memory on cuda:1: cannot read x (20 GiB were asked for at once)".
MemoryError out_of_memory(const Reason& reason, const std::string& what,
                          const std::string& advice) {
  const std::string place = reason.device.empty() ? "" : " on " + reason.device;
  const std::string details = reason.text.empty() ? "" : " (" + reason.text + ")";
  return MemoryError("out of memory" + place + (what.empty() ? "" : ": ") + what + details, advice);
}

}  // namespace

namespace detail {

void rethrow_for(const Task& task) {
  const Reason reason = reason_at_hand();
  if (reason.is_memory) {
    throw out_of_memory(reason, "cannot " + task.does, task.memory_advice);
  }
  throw Error("cannot " + task.does + ": " + reason.text +
              (task.other_advice.empty() ? "" : "; " + task.other_advice));
}

void rethrow_within(const std::string& where) {
  try {
    rethrow_as_error();
  } catch (const MemoryError&) {
    throw;
  } catch (const Error& e) {
    throw Error(where + ": " + e.what());
  }
}

void rethrow_as_error() {
  const Reason reason = reason_at_hand();
  if (reason.is_memory) {
    throw out_of_memory(reason, "", "");
  }
  throw Error(reason.text);
}

}  // namespace detail
}  // namespace darts
