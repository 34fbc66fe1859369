#include <darts/cell/genotype.hpp>
#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/resources.hpp>

#include <algorithm>

namespace darts {
namespace {

namespace fs = std::filesystem;

bool looks_like_json(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

fs::path locate(const std::string& file_or_name) {
  const fs::path path(file_or_name);
  if (fs::is_directory(path)) {
    const fs::path inside = path / "genotype.json";
    if (!fs::exists(inside)) {
      throw Error(file_or_name +
                  ": no genotype.json in this folder; a run directory gets it with its "
                  "first epoch");
    }
    return inside;
  }
  return find_resource(ResourceKind::genotype, file_or_name);
}

std::string notation_of(const CellGenotype& cell) {
  std::string text = "[";
  for (const auto& node : cell.nodes) {
    for (const GenotypeEdge& edge : node) {
      text += text.size() > 1 ? ", " : "";
      text += "('" + std::string(edge.operation.name()) + "', " + std::to_string(edge.from) + ")";
    }
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

Genotype load_genotype(const std::string& file_or_name) {
  const fs::path file = locate(file_or_name);
  const std::string text = read_file(file);
  Genotype genotype = looks_like_json(text) ? genotype_from_json(text, file.string())
                                            : genotype_from_notation(text, file.string());
  if (genotype.name.empty()) {
    genotype.name = file.stem().string();
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
