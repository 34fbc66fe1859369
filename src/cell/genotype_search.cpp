#include "genotype_search.hpp"

#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace darts {
namespace {

bool is_blank(char c) { return c != '\n' && std::isspace(static_cast<unsigned char>(c)) != 0; }

bool is_word(char c) {
  return static_cast<unsigned char>(c) >= 0x80 ||  // in UTF-8, of a letter for all that matters
         std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text) {}

  FoundGenotypes find() {
    std::string word;    // just read
    std::string target;  // the word before the `=` just read
    while (skip_unread(), at_ < text_.size()) {
      if (is_word(text_[at_])) {
        word = read_word();
        if (word == "Genotype" && next() == '(') {
          add(target);
        } else if (ends_here()) {
          rename(target, word);
        }
        target.clear();
      } else {
        target = text_[at_++] == '=' ? word : "";
        word.clear();
      }
    }
    return std::move(found_);
  }

 private:
  /// Skips blanks, comments and strings.
  void skip_unread() {
    while (at_ < text_.size()) {
      if (is_blank(text_[at_])) {
        ++at_;
      } else if (!skip_comment() && !skip_string()) {
        return;
      }
    }
  }

  bool skip_comment() {
    if (text_[at_] != '#') {
      return false;
    }
    at_ = std::min(text_.find('\n', at_), text_.size());
    return true;
  }

  /// A quote that opens a string: not that of "it's", and one that is closed again.
  bool skip_string() {
    const char quote = text_[at_];
    if ((quote != '\'' && quote != '"') || (at_ > 0 && is_word(text_[at_ - 1]))) {
      return false;
    }
    std::size_t& unclosed_before = unclosed_before_[quote == '"' ? 1 : 0];
    if (at_ < unclosed_before) {
      return false;
    }
    const std::string three(3, quote);
    if (text_.substr(at_, 3) == three) {
      if (const auto end = text_.find(three, at_ + 3); end != std::string_view::npos) {
        at_ = end + 3;
        return true;
      }
    }
    std::size_t i = at_ + 1;
    for (; i < text_.size() && text_[i] != '\n'; ++i) {
      if (text_[i] == quote) {
        at_ = i + 1;
        return true;
      }
      i += text_[i] == '\\' ? 1 : 0;
    }
    unclosed_before = i;
    return false;
  }

  std::string read_word() {
    const auto begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  char next() const {
    const auto place =
        std::find_if_not(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(), is_blank);
    return place == text_.end() ? '\n' : *place;
  }
  bool ends_here() const { return next() == '\n' || next() == '#'; }

  /// A genotype whose name was just read; goes on behind its closing bracket.
  void add(const std::string& name) {
    const std::string_view since = text_.substr(counted_, at_ - counted_);
    line_ += static_cast<std::size_t>(std::ranges::count(since, '\n'));
    counted_ = at_;
    at_ = text_.find('(', at_) + 1;
    found_.all.push_back({name, line_, at_});
    if (!name.empty()) {
      found_.names[name] = found_.all.size() - 1;
    }
    for (int depth = 1; depth > 0 && (skip_unread(), at_ < text_.size()); ++at_) {
      const char c = text_[at_];
      depth += c == '(' || c == '[' || c == '{' ? 1 : 0;
      depth -= c == ')' || c == ']' || c == '}' ? 1 : 0;
    }
  }

  void rename(const std::string& name, const std::string& other) {
    const auto known = found_.names.find(other);
    if (!name.empty() && known != found_.names.end()) {
      found_.names[name] = known->second;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;                          // of counted_
  std::size_t counted_ = 0;                       // lines are counted up to here
  std::array<std::size_t, 2> unclosed_before_{};  // no ' (no ") before here is closed in its line
  FoundGenotypes found_;
};

/// Of many, the first ones: a line that no terminal holds says nothing.
std::string listed(std::vector<std::string> names) {
  constexpr std::size_t most = 20;
  const std::size_t left_out = names.size() - std::min(names.size(), most);
  names.resize(names.size() - left_out);
  return join(names) + (left_out > 0 ? " and " + std::to_string(left_out) + " more" : "");
}

}  // namespace

FoundGenotypes find_genotypes(std::string_view text) { return Finder(text).find(); }

const FoundGenotype& choose(const FoundGenotypes& found, const std::string& name,
                            const std::string& where) {
  if (found.all.empty()) {
    throw Error(where +
                ": neither JSON nor the notation Genotype(normal=[('sep_conv_3x3', 1), …], …)");
  }
  std::vector<std::string> there;
  if (!name.empty()) {
    if (const auto known = found.names.find(name); known != found.names.end()) {
      return found.all[known->second];
    }
    for (const auto& [known, index] : found.names) {
      there.push_back(known);
    }
    throw Error(where + ": no genotype " + in_quotes(name) +
                "; there: " + (there.empty() ? "one without a name" : listed(there)));
  }
  if (found.all.size() > 1) {
    for (const FoundGenotype& one : found.all) {
      there.push_back((one.name.empty() ? "(no name)" : one.name) + " (line " +
                      std::to_string(one.line) + ")");
    }
    if (std::ranges::all_of(found.all, [](const FoundGenotype& one) { return one.name.empty(); })) {
      throw Error(where + ": " + std::to_string(there.size()) +
                  " genotypes without a name, in lines " + std::to_string(found.all.front().line) +
                  " to " + std::to_string(found.all.back().line) +
                  "; is it the log of a run? Its result is its genotype.json");
    }
    throw Error(where + ": " + std::to_string(there.size()) + " genotypes: " + listed(there) +
                "; say which: " + where + ":NAME");
  }
  return found.all.front();
}

}  // namespace darts
