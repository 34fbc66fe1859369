#include "genotype_parts.hpp"
#include "genotype_search.hpp"

#include <darts/cell/genotype.hpp>
#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>

namespace darts {
namespace {

constexpr std::int64_t default_edges_per_node = 2;  // in a flat list

constexpr std::int64_t most_states = 1000;

/// (operation, number) or (operation, number, number).
struct WrittenEdge {
  std::string operation;
  std::int64_t first = 0;
  std::optional<std::int64_t> third;
};

/// As FairDARTS's network does: a node that no edge enters is not concatenated, and edges from it
/// are not there.
void leave_out_empty_nodes(CellParts& cell) {
  const auto is_empty = [&](std::int64_t state) {
    const std::int64_t node = state - cell_inputs;
    return node >= 0 && node < std::ssize(cell.nodes) &&
           cell.nodes[static_cast<std::size_t>(node)].empty();
  };
  for (std::vector<EdgeParts>& edges : cell.nodes) {
    std::erase_if(edges, [&](const EdgeParts& edge) { return is_empty(edge.second); });
  }
  std::erase_if(cell.concat, [&](std::int64_t state) {
    return is_empty(state) || state >= cell_inputs + std::ssize(cell.nodes);
  });
}

/// Reads the field's notation: names, quoted strings, whole numbers, brackets and commas. Brackets
/// may be round or square, # starts a comment.
class NotationReader {
 public:
  /// `at`: the place after the bracket that opens the genotype.
  NotationReader(const std::string& text, const std::string& where, std::size_t at)
      : text_(text), where_(where), at_(at) {}

  Genotype read() {
    CellParts normal;
    CellParts reduce;
    std::set<std::string> given;
    while (!accept(')')) {
      const std::string key = field_after(given.size());
      if (!given.insert(key).second) {
        fail("the field \"" + key + "\" is given twice");
      }
      if (key == "normal") {
        normal.nodes = edges(key);
      } else if (key == "reduce") {
        reduce.nodes = edges(key);
      } else if (key == "normal_concat") {
        normal.concat = states();
      } else if (key == "reduce_concat") {
        reduce.concat = states();
      } else {
        fail("unknown field \"" + key + "\"");
      }
      separator(')');
    }
    for (CellParts* cell : {&normal, &reduce}) {
      if (by_state_.contains(cell == &normal ? "normal" : "reduce")) {
        leave_out_empty_nodes(*cell);
      }
    }
    return {"", assemble_cell(normal, where_ + ": normal"),
            assemble_cell(reduce, where_ + ": reduce"), ""};
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

  /// A comma; the last one before the bracket that closes may be missing.
  void separator(char close) {
    if (peek() != close) {
      expect(',');
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

  /// `NAME=`, or the field that comes after so many others where none is named.
  std::string field_after(std::size_t others) {
    constexpr std::array fields{"normal", "normal_concat", "reduce", "reduce_concat"};
    const char next = peek();
    const bool is_named = next != '[' && next != '(' && !follows("range") && !follows("list");
    if (is_named) {
      const std::string key = name();
      expect('=');
      any_named_ = true;
      return key;
    }
    if (any_named_ || others >= fields.size()) {
      fail(any_named_ ? "a field without a name after one with a name" : "more than four fields");
    }
    return fields[others];
  }

  bool follows(std::string_view word) const { return text_.compare(at_, word.size(), word) == 0; }

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

  /// The edges of every node of `cell`, written as one list a node or flat.
  std::vector<std::vector<EdgeParts>> edges(const std::string& cell) {
    std::vector<WrittenEdge> flat;
    std::vector<std::vector<EdgeParts>> nodes;
    const char close = open();
    while (!accept(close)) {
      const char close_item = open();
      if (const char next = peek(); next == '[' || next == '(' || next == close_item) {
        nodes.push_back(node(close_item));
      } else {
        flat.push_back(edge(close_item));
      }
      separator(close);
    }
    if (!flat.empty() && !nodes.empty()) {
      fail("edges and lists of edges are mixed: write one list a node");
    }
    return nodes.empty() ? nodes_of(flat, cell) : nodes;
  }

  /// FairDARTS writes (operation, state that the edge enters, state that it leaves), and so as many
  /// edges a node as it likes; where the first edge's number is that of an input, which nothing
  /// enters, a third number says something else, and is passed over.
  std::vector<std::vector<EdgeParts>> nodes_of(const std::vector<WrittenEdge>& flat,
                                               const std::string& cell) {
    const bool enters = !flat.empty() && flat.front().third && flat.front().first >= cell_inputs;
    std::vector<std::vector<EdgeParts>> nodes;
    std::vector<EdgeParts> pairs;
    for (const WrittenEdge& edge : flat) {
      if (!enters) {
        pairs.emplace_back(edge.operation, edge.first);
        continue;
      }
      const std::int64_t last = std::ssize(nodes) - 1 + cell_inputs;
      if (!edge.third || edge.first < std::max(last, cell_inputs) || edge.first > most_states) {
        fail("edges of (operation, state, state) have to come node after node");
      }
      nodes.resize(static_cast<std::size_t>(edge.first - cell_inputs + 1));
      nodes.back().emplace_back(edge.operation, *edge.third);
    }
    if (enters) {
      by_state_.insert(cell);
    }
    return enters ? nodes : split_by_node(pairs, default_edges_per_node, where_ + ": " + cell);
  }

  /// What follows an edge's opening bracket.
  WrittenEdge edge(char close) {
    WrittenEdge edge;
    edge.operation = quoted();
    expect(',');
    edge.first = number();
    if (accept(',') && peek() != close) {
      edge.third = number();
      pass_over_fraction();
      accept(',');
    }
    expect(close);
    return edge;
  }

  /// The rest of a number that has one: ".25e-3".
  void pass_over_fraction() {
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                  std::string_view(".+-").find(text_[at_]) != std::string::npos)) {
      ++at_;
    }
  }

  /// What follows the opening bracket of a node's list.
  std::vector<EdgeParts> node(char close) {
    std::vector<EdgeParts> list;
    while (!accept(close)) {
      WrittenEdge written = edge(open());
      list.emplace_back(std::move(written.operation), written.first);
      separator(close);
    }
    return list;
  }

  std::vector<std::int64_t> states() {
    if (peek() == 'l' && follows("list")) {
      name();
      expect('(');
      std::vector<std::int64_t> list = states();
      expect(')');
      return list;
    }
    if (peek() == 'r') {
      return range();
    }
    std::vector<std::int64_t> list;
    const char close = open();
    while (!accept(close)) {
      list.push_back(number());
      separator(close);
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
  std::size_t at_;
  bool any_named_ = false;
  std::set<std::string> by_state_;  ///< cells whose edges say which state they enter
};

}  // namespace

Genotype genotype_from_notation(const std::string& text, const std::string& where,
                                const std::string& name) {
  const FoundGenotypes found = find_genotypes(text);
  Genotype genotype = NotationReader(text, where, choose(found, name, where).content).read();
  genotype.name = name;
  return genotype;
}

}  // namespace darts
