#pragma once

#include <darts/core/checkpoint.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace darts::detail {

/// PREFIX.NAME, or NAME where the prefix is empty.
std::string join_name(std::string_view prefix, std::string_view name);

/// Compares stored tensors with the ones they are to be copied into, and says what does not fit.
class StateFit {
 public:
  /// `place` is what the tensors have to fit: "this network".
  StateFit(const NamedTensors& tensors, std::string_view prefix, std::string_view place);

  /// The stored tensor of that full name if it agrees with `like` in shape and dtype; nullptr, and
  /// a note, if not.
  const at::Tensor* find(const std::string& name, const at::Tensor& like);

  /// Whether there is a stored tensor of that full name.
  bool contains(const std::string& name) const;

  /// Throws Error if anything did not fit or if stored tensors below the prefix were never asked
  /// for.
  void finish(std::string_view what);

 private:
  const NamedTensors& tensors_;
  std::string prefix_;
  std::string place_;
  std::set<std::string> asked_;
  std::vector<std::string> complaints_;
};

}  // namespace darts::detail
