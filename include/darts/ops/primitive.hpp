#pragma once

#include <darts/ops/operation.hpp>

#include <torch/nn/modules/container/any.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

/// What kind of operation a primitive is; decides what the search does around it.
enum class PrimitiveKind {
  none,  ///< no edge: takes part in the search, never in a genotype
  pool,  ///< has no batch norm of its own: the mixed operation adds one (paper, A.1.1)
  skip,  ///< counted in the log, since a search can collapse to skip connections
  conv,
  noise,  ///< does not depend on its input
};

/// "none", "pool", "skip", "conv" or "noise".
std::string_view kind_name(PrimitiveKind kind);

/// One row of the table of primitives: to add an operation, write it in a file of its own and add a
/// row to primitive_table() in primitive.cpp. tests/new_operation does that.
struct PrimitiveRow {
  std::string_view name;
  PrimitiveKind kind;
  torch::nn::AnyModule (*make)(const OperationOptions&);
};

/// All candidate operations: the original's in its order, then those of other papers' spaces.
std::span<const PrimitiveRow> primitive_table();

/// A candidate operation's name, checked: a value that refers to a row of primitive_table().
class Primitive {
 public:
  /// The primitive called `name`. Throws Error, naming the known ones, if there is none.
  static Primitive parse(std::string_view name);

  std::string_view name() const { return row_->name; }
  PrimitiveKind kind() const { return row_->kind; }

  /// A fresh operation: (N, C, H, W) → (N, C, ⌈H/stride⌉, ⌈W/stride⌉).
  torch::nn::AnyModule make(const OperationOptions& options) const { return row_->make(options); }

  friend bool operator==(const Primitive&, const Primitive&) = default;

 private:
  explicit Primitive(const PrimitiveRow* row) : row_(row) {}
  const PrimitiveRow* row_;
};

/// The paper's eight candidates (section 3.1), in the original's order: the columns of alpha.
std::vector<Primitive> default_primitives();

/// Primitives from their names, and back.
std::vector<Primitive> parse_primitives(const std::vector<std::string>& names);
std::vector<std::string> primitive_names(const std::vector<Primitive>& primitives);

}  // namespace darts
