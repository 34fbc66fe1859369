#pragma once

#include "support/golden.hpp"
#include "support/module_helpers.hpp"

#include <darts/cell/search_cell.hpp>
#include <darts/cell/topology.hpp>
#include <darts/ops/dropout.hpp>
#include <darts/ops/initialize.hpp>
#include <darts/ops/noise.hpp>

#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

// A search cell run one way and another.

namespace darts::testing {

struct CellSetting {
  std::string name;
  std::int64_t images = 3;
  std::int64_t channels = 4;
  std::int64_t height = 8;  ///< of the cell's inputs
  std::int64_t width = 8;
  std::int64_t nodes = 2;
  bool reduction = false;
  bool reduction_prev = false;
  std::vector<std::string> primitives = primitive_names(default_primitives());
  std::vector<std::vector<std::string>> edges =
      {};  ///< if each has its own, in place of primitives
  std::int64_t partial = 1;
  AuxiliarySkip auxiliary = AuxiliarySkip::none;
  bool drawn = false;  ///< one operation of every edge is run
  double skip_dropout = 0.0;
  double drop_path = 0.0;

  friend void PrintTo(const CellSetting& setting, std::ostream* out) { *out << setting.name; }
};

inline CellPrimitives primitives_of(const CellSetting& s) {
  return s.edges.empty() ? parse_primitives(s.primitives) : parse_cell_primitives(s.edges);
}

inline SearchCellOptions options_of(const CellSetting& s) {
  SearchCellOptions options;
  options.primitives = primitives_of(s);
  options.nodes = s.nodes;
  options.channels_prev_prev = 5;
  options.channels_prev = 6;
  options.channels = s.channels;
  options.reduction = s.reduction;
  options.reduction_prev = s.reduction_prev;
  options.edge = {s.auxiliary, s.partial, s.skip_dropout > 0.0, s.drop_path > 0.0};
  return options;
}

/// Of every edge one operation, another one on each; undefined where all are run.
inline at::Tensor active_of(const CellSetting& s) {
  if (!s.drawn) {
    return {};
  }
  const CellPrimitives primitives = primitives_of(s);
  at::Tensor active = at::zeros({edge_count(s.nodes), primitives.columns()}, at::kBool);
  for (std::int64_t edge = 0; edge < active.size(0); ++edge) {
    active[edge][(3 * edge) % std::ssize(primitives.of(edge))].fill_(true);
  }
  return active;
}

/// A cell, what goes through it, and what comes out.
struct CellTrial {
  CellTrial(const CellSetting& s, const ExecutionOptions& execution,
            at::ScalarType type = at::kDouble)
      : cell(options_of(s)) {
    initialize_weights(*cell, 7);
    restart_noise(*cell, RandomStream(7, RandomPurpose::noise));
    set_skip_dropout(*cell, s.skip_dropout);
    set_edge_drop_path(*cell, s.drop_path);
    if (type == at::kDouble) {
      make_double(*cell);
    }
    cell->set_execution(execution);
    const std::int64_t step = s.reduction_prev ? 2 : 1;
    s0 = random_normal({s.images, 5, step * s.height, step * s.width}, 1).to(type);
    s1 = random_normal({s.images, 6, s.height, s.width}, 2).to(type);
    const std::int64_t edges = edge_count(s.nodes);
    mixing = at::softmax(random_normal({edges, options_of(s).columns()}, 3), 1).to(type);
    active = active_of(s);
    for (const at::Tensor& input : {s0, s1, mixing}) {
      input.requires_grad_();
    }
  }

  at::Tensor forward() { return cell->forward(s0, s1, {mixing, active}); }

  /// Output, gradients of inputs, alpha and all weights, and running statistics, by name.
  Golden everything() {
    const at::Tensor out = forward();
    out.backward(random_normal(out.sizes(), 4).to(out.scalar_type()));
    Golden all = copy_of_state(*cell);
    for (const auto& parameter : cell->named_parameters()) {
      all["grad " + parameter.key()] = parameter.value().grad();
    }
    all["grad s0"] = s0.grad();
    all["grad s1"] = s1.grad();
    all["grad mixing"] = mixing.grad();
    all["out"] = out.detach();
    return all;
  }

  SearchCell cell;
  at::Tensor s0, s1, mixing, active;
};

/// max |a − b| / max |b|; what is smaller than 0.01 by nature (means of normalised values) counts
/// as that.
inline double error_of(const at::Tensor& actual, const at::Tensor& expected) {
  return (actual - expected).abs().max().item<double>() /
         std::max(expected.abs().max().item<double>(), 1e-2);
}

inline void expect_close(const Golden& actual, const Golden& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name)) << name;
    ASSERT_EQ(actual.at(name).defined(), tensor.defined()) << name;
    if (tensor.defined()) {
      ASSERT_EQ(actual.at(name).sizes(), tensor.sizes()) << name;
      EXPECT_LT(error_of(actual.at(name), tensor), tolerance) << name;
    }
  }
}

/// Of a cell of two nodes: sets of other lengths, kinds and orders, so that nothing runs for all.
inline std::vector<std::vector<std::string>> sets_of_each_edge() {
  return {{"sep_conv_5x5", "max_pool_3x3"},
          {"none", "skip_connect", "avg_pool_3x3", "dil_conv_3x3", "sep_conv_3x3"},
          {"max_pool_3x3", "sep_conv_5x5", "dil_conv_3x3"},
          {"none"},
          {"skip_connect", "dil_conv_5x5", "sep_conv_5x5"}};
}

/// Shapes that are all awkward in some way.
inline std::vector<CellSetting> cell_settings() {
  return {
      {.name = "normal"},
      {.name = "reduction", .reduction = true},
      {.name = "after_reduction", .reduction_prev = true},
      {.name = "reduction_after_reduction", .reduction = true, .reduction_prev = true},
      {.name = "odd_size", .height = 7, .width = 5, .reduction = true},
      {.name = "one_pixel", .images = 5, .height = 1, .width = 1},
      {.name = "two_by_two", .channels = 2, .height = 4, .width = 4, .reduction = true},
      {.name = "one_channel_more", .channels = 17, .height = 6, .width = 9},
      {.name = "whole_vectors", .channels = 16, .height = 16, .width = 16, .nodes = 4},
      {.name = "many_images", .images = 70, .channels = 3, .height = 3, .width = 3},
      {.name = "one_image", .images = 1, .channels = 32, .nodes = 3, .reduction = true},
      {.name = "large_kernels",
       .reduction = true,
       .primitives = {"sep_conv_7x7", "none", "skip_connect"}},
      {.name = "pools_alone", .primitives = {"max_pool_3x3", "avg_pool_3x3"}},
      {.name = "nothing_but_none", .primitives = {"none"}},
      {.name = "others_on_each_edge", .edges = sets_of_each_edge()},
      {.name = "others_on_each_edge_of_a_reduction",
       .reduction = true,
       .edges = sets_of_each_edge()},
      {.name = "drawn", .nodes = 4, .drawn = true},
      {.name = "drawn_in_a_reduction",
       .reduction = true,
       .edges = sets_of_each_edge(),
       .drawn = true},
      {.name = "auxiliary", .reduction = true, .auxiliary = AuxiliarySkip::skip},
      {.name = "auxiliary_beside_others",
       .edges = sets_of_each_edge(),
       .auxiliary = AuxiliarySkip::skip},
      {.name = "partial", .images = 8, .channels = 16, .nodes = 4, .partial = 4},
      {.name = "partial_reduction",
       .images = 4,
       .channels = 8,
       .reduction = true,
       .reduction_prev = true,
       .partial = 4},
      {.name = "partial_of_odd_size",
       .images = 5,
       .channels = 12,
       .height = 7,
       .width = 5,
       .reduction = true,
       .partial = 2},
      {.name = "partial_of_one_channel", .images = 6, .channels = 4, .partial = 4},
      {.name = "skip_dropout", .images = 12, .nodes = 3, .skip_dropout = 0.4},
      {.name = "skip_dropout_in_a_reduction", .nodes = 3, .reduction = true, .skip_dropout = 0.4},
      {.name = "skip_dropout_of_others",
       .images = 4,
       .channels = 36,
       .edges = sets_of_each_edge(),
       .partial = 6,
       .skip_dropout = 0.7},
      {.name = "drop_path", .images = 5, .nodes = 4, .drop_path = 0.5},
      {.name = "drop_path_of_whole_vectors",
       .images = 12,
       .channels = 16,
       .nodes = 3,
       .drop_path = 0.3},
      {.name = "drop_path_in_a_reduction",
       .images = 4,
       .height = 7,
       .width = 5,
       .reduction = true,
       .edges = sets_of_each_edge(),
       .auxiliary = AuxiliarySkip::skip,
       .skip_dropout = 0.3,
       .drop_path = 0.6},
      {.name = "drop_path_of_parts", .images = 4, .channels = 8, .partial = 4, .drop_path = 0.3},
      {.name = "partial_on_others",
       .images = 4,
       .channels = 36,
       .edges = sets_of_each_edge(),
       .partial = 6},
  };
}

}  // namespace darts::testing
