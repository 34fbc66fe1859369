#include "genotype_parts.hpp"

#include <darts/cell/genotype.hpp>
#include <darts/core/error.hpp>

#include <cctype>
#include <charconv>

namespace darts {
namespace {

/// Reads the field's notation: names, quoted strings, whole numbers, brackets and commas. Brackets
/// may be round or square, a `NAME =` before `Genotype(` is allowed, # starts a comment.
class NotationReader {
 public:
  NotationReader(const std::string& text, const std::string& where) : text_(text), where_(where) {}

  Genotype read() {
    const auto start = text_.find("Genotype(");
    if (start == std::string::npos) {
      fail("neither JSON nor the notation Genotype(normal=[('sep_conv_3x3', 1), …], …)");
    }
    at_ = start + std::string("Genotype(").size();
    CellParts normal;
    CellParts reduce;
    while (!accept(')')) {
      const std::string key = name();
      expect('=');
      if (key == "normal") {
        normal.edges = edges();
      } else if (key == "reduce") {
        reduce.edges = edges();
      } else if (key == "normal_concat") {
        normal.concat = states();
      } else if (key == "reduce_concat") {
        reduce.concat = states();
      } else {
        fail("unknown field \"" + key + "\"");
      }
      accept(',');
    }
    return {"", assemble_cell(normal, 2, where_ + ": normal"),
            assemble_cell(reduce, 2, where_ + ": reduce")};
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(where_ + ": " + what + " (at character " + std::to_string(at_ + 1) + ")");
  }

  char peek() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        ++at_;
      } else {
        return text_[at_];
      }
    }
    fail("the text ends too early; is the file cut off?");
  }

  bool accept(char c) {
    if (peek() != c) {
      return false;
    }
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) {
      fail(std::string("expected '") + c + "', found '" + text_[at_] + "'");
    }
  }

  /// Opens a list or tuple and returns the bracket that closes it.
  char open() {
    if (accept('[')) {
      return ']';
    }
    expect('(');
    return ')';
  }

  std::string name() {
    peek();
    const auto begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
      ++at_;
    }
    if (begin == at_) {
      fail("expected a name");
    }
    return text_.substr(begin, at_ - begin);
  }

  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') {
      fail("expected a quoted operation");
    }
    const auto end = text_.find(quote, at_ + 1);
    if (end == std::string::npos) {
      fail("a quote is not closed");
    }
    std::string value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

  std::int64_t number() {
    peek();
    std::int64_t value = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) {
      fail("expected a whole number");
    }
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  std::vector<std::pair<std::string, std::int64_t>> edges() {
    std::vector<std::pair<std::string, std::int64_t>> list;
    const char close = open();
    while (!accept(close)) {
      const char close_edge = open();
      std::string operation = quoted();
      expect(',');
      list.emplace_back(std::move(operation), number());
      accept(',');
      expect(close_edge);
      accept(',');
    }
    return list;
  }

  std::vector<std::int64_t> states() {
    if (peek() == 'r') {
      return range();
    }
    std::vector<std::int64_t> list;
    const char close = open();
    while (!accept(close)) {
      list.push_back(number());
      accept(',');
    }
    return list;
  }

  std::vector<std::int64_t> range() {
    if (name() != "range") {
      fail("expected a list of states or range(first, end)");
    }
    expect('(');
    const std::int64_t first = number();
    expect(',');
    const std::int64_t end = number();
    expect(')');
    if (first < 0 || end < first || end - first > 1000) {
      fail("not a range of states");
    }
    std::vector<std::int64_t> list;
    for (std::int64_t state = first; state < end; ++state) {
      list.push_back(state);
    }
    return list;
  }

  const std::string& text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

}  // namespace

Genotype genotype_from_notation(const std::string& text, const std::string& where) {
  return NotationReader(text, where).read();
}

}  // namespace darts
