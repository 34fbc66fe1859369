#include "watch_config.hpp"

#include <darts/search/search_config.hpp>

namespace darts {
namespace {

/// What the edges of a type of cell offer, of which `edges` is told.
CellPrimitives primitives(const SearchConfig::Space& space,
                          const std::vector<std::vector<std::string>>& edges) {
  return edges.empty() ? parse_primitives(space.primitives) : parse_cell_primitives(edges);
}

void check_nothing_beside_name(const SearchConfig::Space& space) {
  const SearchConfig::Space defaults;
  const char* key = space.primitives != defaults.primitives ? "space.primitives"
                    : !space.edges.normal.empty()           ? "space.edges.normal"
                    : !space.edges.reduce.empty()           ? "space.edges.reduce"
                                                            : nullptr;
  if (key != nullptr) {
    throw Error(std::string(key) + ": space.name " + space.name +
                " says already what the edges offer; leave one of the two out");
  }
}

void check_selection(const SearchConfig& config, const SearchMethod& method,
                     const SupernetOptions& options) {
  if (config.selection.by == Selection::none) {
    return;
  }
  const std::string reason =
      method.stages() > 1                ? "goes through several supernets"
      : !method.trains()                 ? "trains no supernet"
      : options.edge.extra_columns() > 0 ? "has more on its edges than operations"
      : method.draws_operations() ? "runs a drawn operation an edge, so that others are not missed"
                                  : "";
  if (!reason.empty()) {
    throw Error("selection.by: perturbation does not go with search.method " +
                config.search.method + ", which " + reason);
  }
}

}  // namespace

std::string describe_sizes(const SearchConfig& config) {
  return std::to_string(config.space.cells) + " cells of " + std::to_string(config.space.nodes) +
         " nodes, " + std::to_string(config.space.channels) + " channels";
}

SearchSpace search_space(const SearchConfig& config) {
  SearchSpace space;
  space.primitives = {primitives(config.space, config.space.edges.normal),
                      primitives(config.space, config.space.edges.reduce)};
  if (config.space.name != SearchConfig::Space().name) {
    check_nothing_beside_name(config.space);
    space.primitives = find_space(config.space.name).primitives();
  }
  space.nodes = config.space.nodes;
  space.edges_per_node = config.space.edges_per_node;
  if (config.derive.max_skips >= 0) {
    check_caps_skips(config, *search_method(config));
    space.most_skips = config.derive.max_skips;
  }
  check_space(space);
  return space;
}

std::shared_ptr<const SearchMethod> search_method(const SearchConfig& config) {
  auto method = config.methods.get(config.search.method);
  if (const std::string reason = method->refusal(config.search.order); !reason.empty()) {
    throw Error("search.order: " + std::string(find_order(config.search.order).name) +
                " does not go with search.method " + config.search.method + ": " + reason);
  }
  return method;
}

std::int64_t epochs_of_stage(const SearchConfig& config) {
  return config.selection.by == Selection::none
             ? config.search.epochs / search_method(config)->stages()
             : epochs_of(config);
}

SearchStage first_stage(const SearchConfig& config) {
  const std::int64_t stages = search_method(config)->stages();
  if (config.search.epochs % stages != 0) {
    throw Error("search.epochs: " + std::to_string(config.search.epochs) +
                " cannot be parted into the " + std::to_string(stages) + " stages of " +
                config.search.method + "; take a multiple of " + std::to_string(stages));
  }
  return {0, search_space(config)};
}

std::int64_t epochs_of(const SearchConfig& config) {
  if (!search_method(config)->trains()) {
    return 0;
  }
  return config.selection.by == Selection::none
             ? config.search.epochs
             : selection_epochs(search_space(config), config.selection);
}

SupernetOptions supernet_options(const SearchConfig& config, const SearchStage& stage,
                                 std::int64_t image_channels, std::int64_t classes) {
  SupernetOptions options;
  options.primitives = stage.space.primitives;
  options.cells = config.space.cells;
  options.channels = config.space.channels;
  options.nodes = config.space.nodes;
  options.stem = config.space.stem;
  options.stem_multiplier = config.space.stem_multiplier;
  options.stem_affine = config.space.stem_affine;
  options.image_channels = image_channels;
  options.classes = classes;
  const auto method = search_method(config);
  options.theta = method->theta_shapes(stage.space);
  options.execution = {config.runtime.execution, config.runtime.recompute,
                       config.runtime.precision};
  if (config.selection.by != Selection::none) {
    options.fixed_theta = selection_shapes(stage.space);
  }
  options.edge.drop_path = config.search.drop_path > 0.0;
  // What a later stage does not go with is found before the first one has taken its hours.
  for (std::int64_t later = stage.number + 1; later < method->stages(); ++later) {
    SupernetOptions wider = options;
    method->prepare(wider, later);
  }
  method->prepare(options, stage.number);
  check_selection(config, *method, options);
  check_watch(config, *method);
  return options;
}

SearchStepOptions step_options(const SearchConfig& config, const c10::Device& device,
                               std::shared_ptr<Ranks> ranks) {
  return {config.search.order,
          search_method(config),
          config.w,
          config.alpha,
          config.seed,
          config.runtime.cuda_graph && device.is_cuda(),
          std::move(ranks),
          config.parallel.batch_norm};
}

}  // namespace darts
