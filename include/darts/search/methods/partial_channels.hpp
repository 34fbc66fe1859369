#pragma once

#include <darts/search/theta.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

struct SupernetOptions;

// What methods with partial channels have in common.

inline constexpr std::string_view partial_help =
    "the operations see one in so many channels, the others pass them by";

/// Makes the supernet's operations see 1/partial of the channels. Throws Error, naming `key`, if
/// they cannot be parted so.
void part_channels(SupernetOptions& options, std::int64_t partial, const std::string& key);

/// alpha, and a tensor of one value an edge for each type of cell.
std::vector<ThetaShape> with_edge_shapes(const SearchSpace& space, std::string_view name);

}  // namespace darts
