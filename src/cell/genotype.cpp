#include <darts/cell/genotype.hpp>
#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/resources.hpp>
#include <darts/core/utf8.hpp>

#include <algorithm>

namespace darts {
namespace {

namespace fs = std::filesystem;

bool looks_like_json(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

constexpr std::size_t most_bytes = std::size_t{16} << 20U;

/// A file, and which of its genotypes: a name, or empty.
struct Place {
  fs::path file;
  std::string name;
};

Place locate(const std::string& given) {
  const fs::path path(given);
  if (fs::is_directory(path)) {
    const fs::path inside = path / "genotype.json";
    if (!fs::exists(inside)) {
      throw Error(given +
                  ": no genotype.json in this folder; a run directory gets it with its "
                  "first epoch");
    }
    return {inside, ""};
  }
  const auto colon = given.rfind(':');
  if (colon != std::string::npos && !fs::exists(path)) {
    if (const fs::path file = given.substr(0, colon); fs::is_regular_file(file)) {
      return {file, given.substr(colon + 1)};
    }
  }
  return {find_resource(ResourceKind::genotype, given), ""};
}

Genotype parse(const std::string& text, const std::string& where, const std::string& name) {
  if (!looks_like_json(text)) {
    return genotype_from_notation(text, where, name);
  }
  if (!name.empty()) {
    throw Error(where + ": holds one genotype; leave out :" + name);
  }
  return genotype_from_json(text, where);
}

std::string notation_of(const std::vector<GenotypeEdge>& edges) {
  std::string text;
  for (const GenotypeEdge& edge : edges) {
    text += text.empty() ? "" : ", ";
    text += "('" + std::string(edge.operation.name()) + "', " + std::to_string(edge.from) + ")";
  }
  return text;
}

/// One flat list where that says it all: for its readers, the original's among them, every node has
/// two edges.
std::string notation_of(const CellGenotype& cell) {
  const bool flat =
      std::ranges::all_of(cell.nodes, [](const auto& edges) { return edges.size() == 2; });
  std::string text = "[";
  for (const auto& edges : cell.nodes) {
    text += text.size() > 1 ? ", " : "";
    text += flat ? notation_of(edges) : "[" + notation_of(edges) + "]";
  }
  return text + "]";
}

std::string notation_of(const std::vector<std::int64_t>& concat) {
  std::string text = "[";
  for (const std::int64_t state : concat) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(state);
  }
  return text + "]";
}

}  // namespace

std::string to_notation(const Genotype& g) {
  return "Genotype(normal=" + notation_of(g.normal) +
         ", normal_concat=" + notation_of(g.normal.concat) + ", reduce=" + notation_of(g.reduce) +
         ", reduce_concat=" + notation_of(g.reduce.concat) + ")";
}

Genotype load_genotype(const std::string& given) {
  const Place place = locate(given);
  Genotype genotype = parse(read_text(place.file, most_bytes), place.file.string(), place.name);
  if (genotype.name.empty()) {
    genotype.name = as_utf8(place.file.stem().string());
  }
  return genotype;
}

std::int64_t count_skip_connections(const CellGenotype& cell) {
  std::int64_t count = 0;
  for (const auto& node : cell.nodes) {
    count += std::ranges::count_if(node, [](const GenotypeEdge& edge) {
      return edge.operation.kind() == PrimitiveKind::skip;
    });
  }
  return count;
}

}  // namespace darts
