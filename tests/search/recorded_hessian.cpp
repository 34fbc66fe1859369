#include "search/recorded_hessian.hpp"

#include "support/module_helpers.hpp"

namespace darts::testing {
namespace {

using Json = nlohmann::ordered_json;

ByCellType<CellPrimitives> primitives_of(const Json& meta) {
  const auto of_cell = [&](const char* key) {
    return parse_cell_primitives(meta.at(key).get<std::vector<std::vector<std::string>>>());
  };
  return {of_cell("primitives_normal"), of_cell("primitives_reduce")};
}

}  // namespace

Json meta_of(const Golden& golden) {
  std::string text;
  const at::Tensor bytes = golden.at("meta_json").to(at::kLong);
  for (std::int64_t i = 0; i < bytes.numel(); ++i) {
    text += static_cast<char>(bytes[i].item<std::int64_t>());
  }
  return Json::parse(text);
}

Supernet supernet_of(const Golden& golden, Execution execution) {
  const Json meta = meta_of(golden);
  SupernetOptions options;
  options.channels = meta.at("C");
  options.cells = meta.at("layers");
  options.classes = meta.at("classes");
  options.primitives = primitives_of(meta);
  options.execution.execution = execution;
  Supernet supernet(options);
  make_double(*supernet);
  load_state(*supernet, part_of(golden, "init"));
  return supernet;
}

}  // namespace darts::testing
