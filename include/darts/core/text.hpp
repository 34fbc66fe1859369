#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

// Numbers and words as people read them. Nothing here depends on the locale.

/// 1930618 → "1,930,618".
std::string format_count(std::int64_t value);

/// A time in seconds → "4.2 s", "3 min 20 s", "1 h 02 min", "2 d 03 h"; "?" where it is not finite.
std::string format_duration(double seconds);

/// A size in bytes → "512 B", "1.5 KiB", "16.0 MiB".
std::string format_bytes(std::uint64_t bytes);

/// `value` with `digits` decimals; "nan", "inf" and "-inf" where it is not finite.
std::string format_fixed(double value, int digits);

/// The shortest text that reads back as exactly `value`, always with a point ("1.0", "0.025",
/// "1.0e-08"), which YAML and JSON readers of every dialect take for a floating-point number.
std::string format_shortest(double value);

/// How many insertions, deletions, substitutions and swaps of neighbouring bytes turn `a` into `b`
/// (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, if it is near enough (a third of the word's length, at least
/// one edit) to be what was meant; the first of equally near ones.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// "a, b, c".
std::string join(std::span<const std::string> parts, std::string_view separator = ", ");

/// `text` on one line: every run of control characters, newlines among them, becomes one space;
/// those at both ends go.
std::string one_line(std::string_view text);

/// `text` in double quotes for a message: on one line, cut where it is longer than 60 columns.
std::string in_quotes(std::string_view text);

/// `text` as one word of a shell's command line: as it is, or in single quotes where it needs them.
std::string shell_quoted(std::string_view text);

/// As a field of a CSV file: in double quotes where it holds a comma, a quote or a line break (RFC
/// 4180).
std::string csv_field(std::string_view text);

/// Columns that UTF-8 `text` takes on a terminal, at one a code point.
std::size_t columns(std::string_view text);

/// The longest beginning of UTF-8 `text` that fits into `limit` columns.
std::string_view cut_to_columns(std::string_view text, std::size_t limit);

/// Rows of a table as lines whose columns stand one under the other, two blanks apart. All rows
/// have as many cells.
std::string aligned(std::span<const std::vector<std::string>> rows);

}  // namespace darts
