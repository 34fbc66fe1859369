#pragma once

#include <array>

namespace darts {

/// The two types of cells (paper, section 2.1): all cells of a type share their architecture.
enum class CellType { normal, reduction };

inline constexpr std::array cell_types{CellType::normal, CellType::reduction};

/// Something that there is one of for each type of cell.
template <class T>
struct ByCellType {
  T normal;
  T reduce;

  const T& of(CellType type) const { return type == CellType::normal ? normal : reduce; }
  T& of(CellType type) { return type == CellType::normal ? normal : reduce; }

  friend bool operator==(const ByCellType&, const ByCellType&) = default;
};

}  // namespace darts
