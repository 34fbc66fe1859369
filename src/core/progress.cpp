#include <darts/core/progress.hpp>
#include <darts/core/text.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace darts {
namespace {

/// Least time between two drawings of the live line, seconds.
constexpr double redraw_seconds = 0.1;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// By the locale's variables, in their order of precedence: programs here never call setlocale().
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const std::string value = environment(name); !value.empty()) {
      return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos;
    }
  }
  return false;
}

int terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string repeated(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += part;
  }
  return text;
}

/// Appends a part of the line two spaces on; an empty part leaves no gap.
void append(std::string& line, const std::string& part) {
  line += (line.empty() || part.empty() ? "" : "  ") + part;
}

}  // namespace

ProgressOutput ProgressOutput::standard_error() {
  ProgressOutput output;
  output.stream = &std::cerr;
  output.live = ::isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb" &&
                environment("NO_COLOR").empty();
  output.unicode = locale_is_utf8();
  output.width = terminal_width;
  output.clock = steady_seconds;
  return output;
}

Progress::Progress(ProgressOptions options, ProgressOutput output)
    : options_(std::move(options)),
      output_(std::move(output)),
      start_(output_.clock()),
      // The live line is drawn with the first update, a plain one only after a while.
      last_(output_.live ? start_ - redraw_seconds : start_),
      step_(options_.first_step) {}

Progress::~Progress() {
  try {
    clear();
  } catch (...) {  // a stream that was told to throw; the loop's own exception matters more
  }
}

void Progress::update(std::int64_t step, std::string_view text) {
  if (finished_) {
    return;
  }
  step_ = step;
  text_ = one_line(text);
  updated_ = true;
  const double now = output_.clock();
  if (output_.live) {
    if (now - last_ >= redraw_seconds || step_ == options_.total) {
      draw(now);
    }
  } else if (now - last_ >= options_.plain_seconds && step_ != options_.total) {
    // The last step is left to finish().
    last_ = now;
    std::string line = head();
    append(line, estimate(now));
    append(line, text_);
    print_line(line);
  }
}

void Progress::clear() {
  if (drawn_) {
    *output_.stream << "\r\x1b[K" << std::flush;
    drawn_ = false;
  }
}

void Progress::redraw() {
  if (output_.live && updated_ && !finished_) {
    draw(output_.clock());
  }
}

void Progress::finish() {
  clear();
  if (!finished_ && !output_.live && updated_) {
    std::string line = head();
    append(line, format_duration(output_.clock() - start_));
    append(line, text_);
    print_line(line);
  }
  finished_ = true;
}

std::string Progress::head() const {
  std::string line = one_line(options_.label);
  append(line,
         std::to_string(step_) + (options_.total > 0 ? "/" + std::to_string(options_.total) : ""));
  return line;
}

std::string Progress::bar(std::size_t room) const {
  // Two brackets and the two spaces before them; under ten blocks a bar says nothing.
  if (options_.total <= 0 || room < 14) {
    return {};
  }
  const std::size_t blocks = std::min<std::size_t>(room - 4, 20);
  const double share =
      std::clamp(static_cast<double>(step_) / static_cast<double>(options_.total), 0.0, 1.0);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(blocks));
  return "[" + repeated(output_.unicode ? "█" : "#", full) +
         repeated(output_.unicode ? "░" : ".", blocks - full) + "]";
}

std::string Progress::estimate(double now) const {
  if (options_.total <= 0) {
    return {};
  }
  const double share = static_cast<double>(step_) / static_cast<double>(options_.total);
  std::string text = format_fixed(std::floor(100.0 * std::clamp(share, 0.0, 1.0)), 0) + " %";
  const std::int64_t done = step_ - options_.first_step;
  if (done > 0 && step_ < options_.total) {
    const double each = (now - start_) / static_cast<double>(done);
    const double left = each * static_cast<double>(options_.total - step_);
    text += "  ETA " + format_duration(left);
  }
  return text;
}

std::string Progress::live_line(double now, std::size_t width) const {
  std::string line = head();
  std::string tail = estimate(now);
  append(tail, text_);
  const std::size_t used = columns(line) + 2 + columns(tail);
  append(line, bar(width > used ? width - used : 0));
  append(line, tail);
  return std::string(cut_to_columns(line, width));
}

void Progress::draw(double now) {
  const int known = output_.width ? output_.width() : 0;
  // The last column stays free: some terminals wrap as soon as it is filled.
  const auto width = static_cast<std::size_t>(known < 1 ? 79 : known - 1);
  *output_.stream << "\r" + live_line(now, width) + "\x1b[K" << std::flush;
  drawn_ = true;
  last_ = now;
}

void Progress::print_line(const std::string& line) { *output_.stream << line + "\n" << std::flush; }

}  // namespace darts
