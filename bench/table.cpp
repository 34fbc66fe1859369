#include "table.hpp"

#include "step_times.hpp"

#include <darts/core/text.hpp>

#include <algorithm>

namespace darts {
namespace {

struct Column {
  std::string_view title;
  std::size_t width;
  bool TableKind::*only;  ///< null: always
  /// Empty for what is not known.
  std::string (*text)(const Result& result, const Result& first);
};

std::string time_of(const Result& r, const Result&) { return format_step(median(r.seconds)); }

std::string rate_of(const Result& r, const Result&) {
  return format_fixed(r.images_per_second(), 1);
}

std::string peak_of(const Result& r, const Result&) {
  return format_fixed(static_cast<double>(r.peak_bytes) / 1e9, 2) + " GB";
}

std::string ratio_of(const Result& r, const Result& first) {
  const bool known = &r != &first && first.has_figures();
  return known ? format_fixed(median(first.seconds) / median(r.seconds), 2) : "";
}

template <std::int64_t DeviceUse::*count>
std::string count_of(const Result& r, const Result&) {
  return r.use ? format_count((*r.use).*count) : "";
}

std::string idle_of(const Result& r, const Result&) {
  const std::optional<double> idle = r.idle();
  return idle ? format_fixed(100.0 * *idle, 0) + " %" : "";
}

std::string times_arithmetic_of(const Result& r, const Result&) {
  const std::optional<double> times = r.times_arithmetic();
  return times ? format_fixed(*times, 1) : "";
}

std::string sums_of(const Result& r, const Result&) {
  return r.exchanged ? format_fixed(r.exchanged->sums, 0) : "";
}

std::string summed_of(const Result& r, const Result&) {
  return r.exchanged ? format_fixed(r.exchanged->bytes / 1e6, 2) + " MB" : "";
}

std::string time_in_sums_of(const Result& r, const Result&) {
  return r.exchanged ? format_step(r.exchanged->seconds) : "";
}

constexpr Column columns_of_a_row[] = {
    {"time", 11, nullptr, time_of},
    {"images/s", 11, nullptr, rate_of},
    {"peak", 11, nullptr, peak_of},
    {"ratio", 8, nullptr, ratio_of},
    {"kernels", 9, &TableKind::gpu, count_of<&DeviceUse::kernels>},
    {"launches", 10, &TableKind::gpu, count_of<&DeviceUse::launches>},
    {"idle", 7, &TableKind::gpu, idle_of},
    {"x bound", 9, &TableKind::gpu, times_arithmetic_of},
    {"sums", 8, &TableKind::ranks, sums_of},
    {"summed", 11, &TableKind::ranks, summed_of},
    {"in sums", 11, &TableKind::ranks, time_in_sums_of},
};

std::string padding(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, columns(text)), ' ');
}

std::size_t width_of(const std::vector<std::string>& texts) {
  std::size_t width = 0;
  for (const std::string& text : texts) {
    width = std::max(width, columns(text));
  }
  return width + 2;
}

}  // namespace

Table::Table(std::ostream& out, const TableKind& kind, const std::vector<std::string>& labels,
             const std::vector<std::string>& executions)
    : out_(out),
      kind_(kind),
      label_width_(width_of(labels)),
      execution_width_(std::max(width_of({"execution"}), width_of(executions))) {}

void Table::print_head(const std::string& label) {
  begin_line(label, "execution");
  for (const Column& column : columns_of_a_row) {
    if (column.only == nullptr || kind_.*column.only) {
      const std::string title(column.title);
      out_ << padding(title, column.width) << title;
    }
  }
  out_ << std::endl;
}

void Table::print_row(const std::string& label, const Result& result, const Result& first) {
  begin_line(label, result.execution);
  if (!result.has_figures()) {
    out_ << "  " << (result.skipped.empty() ? "no result: " + result.failed : result.skipped)
         << std::endl;
    return;
  }
  for (const Column& column : columns_of_a_row) {
    if (column.only == nullptr || kind_.*column.only) {
      const std::string text = column.text(result, first);
      out_ << padding(text, column.width) << text;
    }
  }
  if (!result.not_traced.empty()) {
    out_ << "  not traced: " << result.not_traced;
  }
  out_ << std::endl;
}

void Table::begin_line(const std::string& label, const std::string& execution) {
  out_ << label << padding(label, label_width_) << execution
       << padding(execution, execution_width_);
}

std::string format_step(double seconds) {
  return seconds < 1.0 ? format_fixed(1e3 * seconds, 1) + " ms" : format_fixed(seconds, 3) + " s";
}

}  // namespace darts
