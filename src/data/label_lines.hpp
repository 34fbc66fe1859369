#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace darts::detail {

/// A line of a labels file that has something on it.
struct LabelLine {
  std::int64_t number = 0;          ///< in the file, from 1
  std::string text;                 ///< the whole, without blanks around it
  std::vector<std::string> fields;  ///< of a line with commas or tabs; else none
};

/// A labels file's lines, without a byte order mark and without the header of Kaggle's
/// LOC_val_solution.csv.
struct LabelLines {
  std::filesystem::path file;
  std::vector<LabelLine> lines;
  bool boxes_follow = false;  ///< Kaggle's second field: a class, a blank, numbers of boxes
};
LabelLines read_label_lines(const std::filesystem::path& file);

/// The fields of a line of CSV (RFC 4180): quotes around a field hide commas, two in a row in it
/// are one.
std::vector<std::string> csv_fields(std::string_view line);

}  // namespace darts::detail
