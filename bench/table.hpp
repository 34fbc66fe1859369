#pragma once

#include "result.hpp"

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace darts {

/// What has columns beside those that all results have.
struct TableKind {
  bool gpu = false;    ///< what is told of GPUs alone
  bool ranks = false;  ///< what several ranks exchange
};

/// Results as lines on a terminal.
class Table {
 public:
  /// `labels`: of all rows to come; `executions`: theirs. Both set the widths of their columns.
  Table(std::ostream& out, const TableKind& kind, const std::vector<std::string>& labels,
        const std::vector<std::string>& executions);

  void print_head(const std::string& label);
  /// `first` is what the ratio refers to: its time over that of `result`.
  void print_row(const std::string& label, const Result& result, const Result& first);

 private:
  void begin_line(const std::string& label, const std::string& execution);

  std::ostream& out_;
  TableKind kind_;
  std::size_t label_width_;
  std::size_t execution_width_;
};

/// "123.4 ms", "1.234 s".
std::string format_step(double seconds);

}  // namespace darts
