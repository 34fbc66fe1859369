#include <darts/core/text.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace darts {
namespace {

/// to_chars into a string; 400 bytes hold any double with up to 80 decimals.
template <class... Arguments>
std::string to_text(Arguments... arguments) {
  std::array<char, 400> buffer{};
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), arguments...);
  return error == std::errc() ? std::string(buffer.data(), end) : "?";
}

std::string two_digits(std::int64_t value) {
  return value < 10 ? "0" + std::to_string(value) : std::to_string(value);
}

/// `large` and `small` units of a whole number of small ones: "1 h 02 min".
std::string two_units(std::int64_t count, std::int64_t ratio, const char* large,
                      const char* small) {
  return std::to_string(count / ratio) + large + two_digits(count % ratio) + small;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

bool continues_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// In small letters, with _ for -: "PC-DARTS" and "pc_darts" are meant for the same.
std::string plain(std::string_view text) {
  std::string small(text);
  for (char& c : small) {
    c = c == '-' ? '_' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return small;
}

}  // namespace

std::string format_count(std::int64_t value) {
  std::string text = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string format_duration(double seconds) {
  constexpr double year = 366.0 * 24 * 3600;
  if (!std::isfinite(seconds) || std::abs(seconds) > 1000 * year) {
    return "?";
  }
  if (seconds < 0) {
    return "-" + format_duration(-seconds);
  }
  // Each bound is where the smaller unit would round up to a whole larger one.
  if (seconds < 59.95) {
    return format_fixed(seconds, 1) + " s";
  }
  if (seconds < 3599.5) {
    return two_units(std::llround(seconds), 60, " min ", " s");
  }
  if (seconds < 24 * 3600 - 30) {
    return two_units(std::llround(seconds / 60), 60, " h ", " min");
  }
  return two_units(std::llround(seconds / 3600), 24, " d ", " h");
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) {
    return std::to_string(bytes) + " B";
  }
  constexpr std::array units{" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return format_fixed(value, 1) + units.at(unit);
}

std::string format_fixed(double value, int digits) {
  return to_text(value, std::chars_format::fixed, std::clamp(digits, 0, 80));
}

std::string format_shortest(double value) {
  if (!std::isfinite(value)) {
    return to_text(value);
  }
  const double size = std::abs(value);
  const bool fixed = size == 0.0 || (size >= 1e-5 && size < 1e15);
  std::string text =
      to_text(value, fixed ? std::chars_format::fixed : std::chars_format::scientific);
  if (text.find('.') == std::string::npos) {
    text.insert(std::min(text.find('e'), text.size()), ".0");
  }
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the dynamic program: a swap reaches back two.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  std::size_t limit = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::optional<std::string> best;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(plain(word), plain(candidate));
    if (distance < limit && distance < std::max(word.size(), candidate.size())) {
      limit = distance;
      best = candidate;
    }
  }
  return best;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (&part != parts.data()) {
      text += separator;
    }
    text += part;
  }
  return text;
}

std::string one_line(std::string_view text) {
  std::string line;
  bool gap = false;
  for (const char c : text) {
    if (is_control(c)) {
      gap = true;
      continue;
    }
    if (gap && !line.empty()) {
      line += ' ';
    }
    gap = false;
    line += c;
  }
  return line;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t limit = 60;
  const std::string line = one_line(text);
  if (columns(line) <= limit) {
    return "\"" + line + "\"";
  }
  return "\"" + std::string(cut_to_columns(line, limit - 1)) + "…\"";
}

std::string shell_quoted(std::string_view text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("/._-+=:,@%").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) {
    return std::string(text);
  }
  std::string word = "'";
  for (const char c : text) {
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return word + "'";
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string field = "\"";
  for (const char c : text) {
    field += c == '"' ? std::string("\"\"") : std::string(1, c);
  }
  return field + '"';
}

std::size_t columns(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_code_point));
}

std::string_view cut_to_columns(std::string_view text, std::size_t limit) {
  std::size_t at = 0;
  for (std::size_t used = 0; at < text.size(); ++at) {
    if (!continues_code_point(text[at]) && used++ == limit) {
      break;
    }
  }
  return text.substr(0, at);
}

std::string aligned(std::span<const std::vector<std::string>> rows) {
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::size_t widest = 0;
      for (const std::vector<std::string>& other : rows) {
        widest = std::max(widest, columns(other[i]));
      }
      text += row[i];
      text.append(i + 1 < row.size() ? widest + 2 - columns(row[i]) : 0, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace darts
