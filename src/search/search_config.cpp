#include <darts/core/named_rows.hpp>
#include <darts/ops/primitive.hpp>
#include <darts/search/search_config.hpp>

namespace darts {
namespace {

/// "WHAT: a: help of a; b: help of b"
template <class Row>
std::string table_help(std::string what, std::span<const Row> table) {
  for (const Row& row : table) {
    what += (&row == &table.front() ? ": " : "; ") + std::string(row.name) + ": " +
            std::string(row.help);
  }
  return what;
}

/// The orders were the only methods once, and files and command lines name them so.
void add_methods(FieldTable& t, SearchConfig::Search& search) {
  std::vector<std::pair<std::string, SearchOrder>> orders;
  for (const SearchOrderRow& row : search_orders()) {
    orders.emplace_back(row.name, row.order);
  }
  t.add("search.method", search.method,
        table_help("how operations are mixed and chosen", search_methods()),
        one_of(names_of(search_methods())));
  t.add("search.order", search.order, table_help("how alpha moves", search_orders()),
        one_of<SearchOrder>(orders));
  t.add_alias("search.method", names_of(search_orders()), "search.order");
}

void add_data(FieldTable& t, SearchConfig::Data& data) {
  add_image_fields(t, data, "search");
  t.add("data.train_portion", data.train_portion,
        "share of the training images that w trains on; alpha has the rest",
        between_exclusive(0.0, 1.0));
  t.add("data.portion_w", data.portion_w,
        "share of every class's images, drawn by the seed, that w trains on; with "
        "data.portion_alpha in place of train_portion and limit; 0: not so",
        between(0.0, 1.0));
  t.add("data.portion_alpha", data.portion_alpha, "the same for alpha, of the others",
        between(0.0, 1.0));
}

void add_space(FieldTable& t, SearchConfig::Space& space) {
  t.section("space", "The search space and the supernet.");
  const EachOf known = each_of(names_of(primitive_table()));
  t.add("space.name", space.name, table_help("which edges offer what", search_spaces()),
        one_of(names_of(search_spaces())));
  t.add("space.primitives", space.primitives, "candidate operations: the columns of alpha", known);
  t.add(
      "space.edges.normal", space.edges.normal,
      "operations of each edge of a normal cell, in place of space.primitives; []: none of its own",
      known);
  t.add("space.edges.reduce", space.edges.reduce, "the same of a reduction cell", known);
  t.add("space.nodes", space.nodes, "intermediate nodes of a cell", between(1, 32));
  t.add("space.cells", space.cells,
        "cells; reduction cells stand at a third and two thirds of them", between(1, 1000));
  t.add("space.channels", space.channels, "channels of the first cells", between(1, 4096));
  t.add("space.stem", space.stem,
        "what comes before the cells: cifar: one convolution; imagenet: three of stride 2",
        stem_choices());
  t.add("space.stem_multiplier", space.stem_multiplier, "the stem has so many times the channels",
        between(1, 64));
  t.add("space.edges_per_node", space.edges_per_node,
        "edges that a node keeps in the genotype; a list: of each node", between(1, 64));
}

void add_training(FieldTable& t, SearchConfig& c) {
  t.section("search", "The bilevel optimisation.");
  add_methods(t, c.search);
  t.add("search.epochs", c.search.epochs, "passes over w's images", between(1, 1'000'000));
  t.add("search.batch_size", c.search.batch_size, "images in a batch, of w and of alpha",
        between(2, 65536));
  t.section("w", "Training of the weights: SGD, cosine schedule.");
  t.add("w.learning_rate", c.w.learning_rate, "learning rate at the start", greater_than(0.0));
  t.add("w.learning_rate_min", c.w.learning_rate_min, "learning rate where the cosine ends",
        at_least(0.0));
  t.add("w.momentum", c.w.momentum, "momentum", between(0.0, 1.0));
  t.add("w.weight_decay", c.w.weight_decay, "weight decay", at_least(0.0));
  t.add("w.clip_norm", c.w.clip_norm, "the gradient is scaled down to this norm",
        greater_than(0.0));
  t.section("alpha", "Training of the architecture parameters: Adam.");
  t.add("alpha.learning_rate", c.alpha.learning_rate, "learning rate", greater_than(0.0));
  t.add("alpha.beta1", c.alpha.beta1, "decay of the mean of gradients",
        at_least(0.0) & less_than(1.0));
  t.add("alpha.beta2", c.alpha.beta2, "decay of the mean of squared gradients",
        at_least(0.0) & less_than(1.0));
  t.add("alpha.weight_decay", c.alpha.weight_decay, "weight decay", at_least(0.0));
}

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

}  // namespace

FieldTable fields(SearchConfig& config) {
  FieldTable table;
  table.section("", "The run.");
  table.add("name", config.name, "name of the run directory and of the genotype");
  table.add("seed", config.seed, "seed of everything random");
  add_data(table, config.data);
  add_space(table, config.space);
  add_training(table, config);
  add_runtime_fields(table, config.runtime);
  add_execution_field(table, config.runtime.execution);
  table.add("runtime.recompute", config.runtime.recompute,
            "fused execution: compute a cell again for its backward pass; less memory, more time");
  add_run_fields(table, config.run);
  return table;
}

std::string to_yaml(const SearchConfig& config) {
  SearchConfig copy = config;  // a table binds to fields that it could also set
  return fields(copy).dump();
}

std::vector<std::string> idle_settings(const SearchConfig& config, const c10::Device& device) {
  std::vector<IdleRule> rules = idle_image_settings(config.data);
  for (IdleRule& rule : idle_runtime_settings(device)) {
    rules.push_back(std::move(rule));
  }
  const bool fused = config.runtime.execution == Execution::fused;
  rules.push_back({{"runtime.recompute"},
                   !fused || !device.is_cpu(),
                   "it is for runtime.execution fused on a CPU"});
  rules.push_back({{"data.train_portion"},
                   config.data.portion_w != 0.0 || config.data.portion_alpha != 0.0,
                   "data.portion_w and data.portion_alpha say which images are used"});
  rules.push_back({{"space.primitives"},
                   !config.space.edges.normal.empty() && !config.space.edges.reduce.empty(),
                   "space.edges.normal and space.edges.reduce say what the edges offer"});
  return idle_settings(to_yaml(config), to_yaml(SearchConfig()), rules);
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
  check_space(space);
  return space;
}

SupernetOptions supernet_options(const SearchConfig& config, std::int64_t image_channels,
                                 std::int64_t classes) {
  SupernetOptions options;
  const SearchSpace space = search_space(config);
  options.primitives = space.primitives;
  options.cells = config.space.cells;
  options.channels = config.space.channels;
  options.nodes = config.space.nodes;
  options.stem = config.space.stem;
  options.stem_multiplier = config.space.stem_multiplier;
  options.image_channels = image_channels;
  options.classes = classes;
  options.theta = make_method(config.search.method)->theta_shapes(space);
  options.execution = {config.runtime.execution, config.runtime.recompute,
                       config.runtime.precision};
  return options;
}

SearchStepOptions step_options(const SearchConfig& config, const c10::Device& device) {
  return {config.search.order,
          make_method(config.search.method),
          config.w,
          config.alpha,
          config.seed,
          config.runtime.cuda_graph && device.is_cuda()};
}

}  // namespace darts
