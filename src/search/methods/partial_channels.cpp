#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>
#include <darts/search/methods/partial_channels.hpp>
#include <darts/search/supernet.hpp>

namespace darts {

void part_channels(SupernetOptions& options, std::int64_t partial, const std::string& key) {
  if (options.channels % partial != 0) {
    throw Error("space.channels: " + std::to_string(options.channels) + " cannot be parted by " +
                key + " " + std::to_string(partial) + "; take a multiple of it");
  }
  options.edge.partial = partial;
}

std::vector<ThetaShape> with_edge_shapes(const SearchSpace& space, std::string_view name) {
  std::vector<ThetaShape> shapes = alpha_shapes(space);
  for (const CellType type : cell_types) {
    shapes.push_back({theta_name(name, type), {edge_count(space.nodes)}});
  }
  return shapes;
}

}  // namespace darts
