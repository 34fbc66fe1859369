// The keys of a search's config, and which of them have no effect.
#include "watch_config.hpp"

#include <darts/cell/topology.hpp>
#include <darts/core/named_rows.hpp>
#include <darts/core/optimizer_limits.hpp>
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
  t.add("space.nodes", space.nodes, "intermediate nodes of a cell", between(1, most_nodes));
  t.add("space.cells", space.cells,
        "cells; reduction cells stand at a third and two thirds of them", between(1, 1000));
  t.add("space.channels", space.channels, "channels of the first cells", between(1, 4096));
  t.add("space.stem", space.stem,
        "what comes before the cells: cifar: one convolution; imagenet: three of stride 2",
        stem_choices());
  t.add("space.stem_multiplier", space.stem_multiplier, "the stem has so many times the channels",
        between(1, 64));
  t.add(
      "space.stem_affine", space.stem_affine,
      "the stem's batch norms learn scale and shift: true in the original's code; false: no batch "
      "norm of a search does (A.1.1 of the paper)");
  t.add("space.edges_per_node", space.edges_per_node,
        "edges that a node keeps in the genotype; a list: of each node",
        between(1, most_edges_of_node));
}

void add_training(FieldTable& t, SearchConfig& c) {
  t.section("search", "The bilevel optimisation.");
  add_methods(t, c.search);
  t.add("search.epochs", c.search.epochs, "passes over w's images", between(1, 1'000'000));
  t.add("search.batch_size", c.search.batch_size, "images in a batch, of w and of alpha",
        between(2, 65536));
  t.add(
      "search.drop_path", c.search.drop_path,
      "probability of dropping what an edge gives, for an image, in the last epoch; it rises from "
      "0 with the epochs (Zela et al. 2020, section 6.1)",
      at_least(0.0) & less_than(1.0));
  t.add("search.cutout_rises", c.search.cutout_rises,
        "the share of the images that data.cutout cuts rises with the epochs, from none to all "
        "(the same)");
  t.add("search.held_out_batches", c.search.held_out_batches,
        "how alpha's batches are taken from its images: passes: all of them once, then again, as "
        "is usual; drawn: each anew, as the original's code does",
        one_of<HeldOutBatches>(
            {{"passes", HeldOutBatches::passes}, {"drawn", HeldOutBatches::drawn}}));
  t.add("search.validation_statistics", c.search.validation_statistics,
        "batch norms where the held-out images are classified: running: by what training has "
        "gathered (the original's code); batch: by each batch's own statistics (the paper, A.1.1)",
        one_of<ValidationStatistics>(
            {{"running", ValidationStatistics::running}, {"batch", ValidationStatistics::batch}}));
  add_watch_fields(t, c);
  add_watch_sections(t, c);
  t.section("w", "The weights and their training: SGD, cosine schedule.");
  add_weight_init_field(t, c.w.init);
  t.add("w.learning_rate", c.w.learning_rate, "learning rate at the start",
        greater_than(0.0) & at_most(most_of_a_step));
  t.add("w.learning_rate_min", c.w.learning_rate_min,
        "learning rate where the cosine ends (the original's code; zero in the paper)",
        at_least(0.0) & at_most(most_of_a_step));
  t.add("w.momentum", c.w.momentum, "momentum", between(0.0, 1.0));
  t.add("w.nesterov", c.w.nesterov, "Nesterov's form of it");
  t.add("w.weight_decay", c.w.weight_decay, "weight decay",
        at_least(0.0) & at_most(most_of_a_step));
  t.add("w.clip_norm", c.w.clip_norm,
        "the gradient is scaled down to this norm; one that none reaches, such as 1e9: it is not",
        greater_than(0.0) & at_most(most_of_a_step));
  t.section("alpha", "Training of the architecture parameters: Adam.");
  t.add("alpha.learning_rate", c.alpha.learning_rate, "learning rate",
        greater_than(0.0) & at_most(most_of_a_step));
  t.add("alpha.beta1", c.alpha.beta1, "decay of the mean of gradients",
        at_least(0.0) & less_than(1.0));
  t.add("alpha.beta2", c.alpha.beta2, "decay of the mean of squared gradients",
        at_least(0.0) & less_than(1.0));
  t.add("alpha.weight_decay", c.alpha.weight_decay, "weight decay",
        at_least(0.0) & at_most(most_of_a_step));
  t.add("alpha.difference_scale", c.alpha.difference_scale,
        "second order: length of the step in w by which the Hessian's product is taken (paper, "
        "footnote 2, and code: 0.01)",
        greater_than(0.0) & at_most(most_of_a_step));
  t.add("alpha.init_scale", c.alpha.init_scale,
        "a search starts from so many times N(0, 1) (the original's code: 0.001; the paper, A.1.1: "
        "0)",
        at_least(0.0) & at_most(most_of_a_step));
}

void add_selection(FieldTable& t, SelectionOptions& selection) {
  t.section("selection", "How a trained supernet ends in a genotype (darts_search --select).");
  t.add("selection.by", selection.by,
        "none: by alpha; perturbation: by what the supernet loses without each operation and edge, "
        "which takes the place of search.epochs (Wang et al. 2021)",
        one_of<Selection>({{"none", Selection::none}, {"perturbation", Selection::perturbation}}));
  t.add("selection.criterion", selection.criterion, "by what it is judged on the held-out images",
        one_of<SelectionCriterion>(
            {{"accuracy", SelectionCriterion::accuracy}, {"loss", SelectionCriterion::loss}}));
  t.add("selection.interval", selection.interval, "epochs of tuning between two decisions",
        between(1, 10'000));
}

/// All keys, of those methods.
FieldTable fields_with(SearchConfig& config, const std::vector<std::string>& methods) {
  FieldTable table;
  table.section("", "The run.");
  table.add("name", config.name, "name of the run directory and of the genotype");
  table.add("seed", config.seed, "seed of everything random");
  add_data(table, config.data);
  add_space(table, config.space);
  add_training(table, config);
  add_selection(table, config.selection);
  for (const std::string& method : methods) {
    config.methods.of(method).add_fields(table);
  }
  add_runtime_fields(table, config.runtime);
  add_execution_field(table, config.runtime.execution);
  table.add("runtime.recompute", config.runtime.recompute,
            "fused execution: compute a cell again for its backward pass; less memory, more time");
  add_parallel_fields(table, config.parallel);
  add_run_fields(table, config.run);
  return table;
}

}  // namespace

FieldTable fields(SearchConfig& config) { return fields_with(config, names_of(search_methods())); }

std::string to_yaml(const SearchConfig& config) {
  SearchConfig copy = config;  // a table binds to fields that it could also set
  return fields_with(copy, {config.search.method}).dump();
}

std::vector<std::string> unused_method_settings(const SearchConfig& config) {
  SearchMethods given = config.methods;  // a table binds to fields that it could also set
  SearchMethods fresh;
  std::vector<std::string> lines;
  for (const SearchMethodRow& row : search_methods()) {
    if (row.name == config.search.method) {
      continue;
    }
    FieldTable settings;
    FieldTable defaults;
    given.of(row.name).add_fields(settings);
    fresh.of(row.name).add_fields(defaults);
    for (const std::string& key : settings.keys()) {
      if (settings.value(key) != defaults.value(key)) {
        lines.push_back(key + " has no effect: search.method is " + config.search.method);
      }
    }
  }
  return lines;
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
  rules.push_back({{"search.cutout_rises"},
                   config.data.augmentation.cutout == 0,
                   "data.cutout is 0: nothing is cut out"});
  for (IdleRule& rule : idle_watch_settings(config)) {
    rules.push_back(std::move(rule));
  }
  std::vector<std::string> lines = idle_settings(to_yaml(config), to_yaml(SearchConfig()), rules);
  std::ranges::move(unused_method_settings(config), std::back_inserter(lines));
  return lines;
}

}  // namespace darts
