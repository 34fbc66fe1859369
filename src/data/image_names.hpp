#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace darts::detail {

/// The names of a folder's images, looked up as people write them: whole, or without extension or
/// with another one.
class ImageNames {
 public:
  /// `names` has to outlive this object.
  explicit ImageNames(const std::vector<std::string>& names);

  struct Found {
    std::optional<std::size_t> index;  ///< the image; none: there is none
    std::string others;                ///< not empty: it may be either of these
  };

  /// The image called so; else the only one whose name without extension is that, or that without
  /// its own extension.
  Found find(const std::string& name) const;
  bool has(const std::string& name) const;

  std::size_t size() const { return names_.size(); }
  const std::string& name(std::size_t index) const { return names_[index]; }

 private:
  const std::vector<std::string>& names_;
  std::unordered_map<std::string, std::size_t> whole_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_stem_;
};

}  // namespace darts::detail
