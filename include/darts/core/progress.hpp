#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace darts {

/// Where progress is shown; everything that a test replaces.
struct ProgressOutput {
  std::ostream* stream = nullptr;
  /// A line that is redrawn in place; otherwise plain lines now and then.
  bool live = false;
  /// Blocks for the bar instead of # and dots.
  bool unicode = false;
  /// Columns of the terminal; under 1 for unknown, which counts as 80. Not used for plain lines.
  std::function<int()> width;
  /// Seconds of a clock that only goes forward.
  std::function<double()> clock;

  /// Standard error: live if it is a terminal that can redraw (not TERM=dumb) and NO_COLOR is not
  /// set; with blocks if the locale's variables name UTF-8.
  static ProgressOutput standard_error();
};

struct ProgressOptions {
  std::string label;            ///< "epoch 3/50"
  std::int64_t total = 0;       ///< steps there are; 0 for unknown
  std::int64_t first_step = 0;  ///< steps done before this process, which count for no estimate
  double plain_seconds = 30.0;  ///< least time between plain lines, seconds
};

/// How far a loop has come: on a terminal one live line, at most ten times a second,
///
///     epoch 3/50  120/390  [██████░░░░░░░░░░░░░░]  31 %  ETA 3 min 20 s  loss 1.23  812 images/s
///
/// and elsewhere a plain line every `plain_seconds` and one at the end. Call clear() before
/// anything else is printed to the same terminal. For one thread.
class Progress {
 public:
  explicit Progress(ProgressOptions options,
                    ProgressOutput output = ProgressOutput::standard_error());

  /// Clears the live line, so that an error message stands alone.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `step` steps of `total` are done; `text` ends the line.
  void update(std::int64_t step, std::string_view text = {});

  /// Takes the live line off the terminal until the next update or redraw.
  void clear();

  /// Draws the live line again, after clear() and what was printed since.
  void redraw();

  /// The loop is over: clears the live line, or prints the last plain one with the time it took.
  /// Later calls do nothing.
  void finish();

 private:
  std::string head() const;
  std::string bar(std::size_t room) const;
  std::string estimate(double now) const;
  std::string live_line(double now, std::size_t width) const;
  void draw(double now);
  void print_line(const std::string& line);

  ProgressOptions options_;
  ProgressOutput output_;
  double start_;
  double last_;  ///< when the line was last drawn or printed
  std::int64_t step_;
  std::string text_;
  bool updated_ = false;
  bool drawn_ = false;
  bool finished_ = false;
};

}  // namespace darts
