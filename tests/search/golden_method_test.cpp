// What single parts of the methods compute, as their authors' code does.

#include "search/golden_genotype.hpp"
#include "support/golden.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/flat_weights.hpp>
#include <darts/search/edge_weights.hpp>
#include <darts/search/methods/beta_darts.hpp>
#include <darts/search/methods/darts_minus.hpp>
#include <darts/search/methods/dr_nas.hpp>
#include <darts/search/methods/fair_darts.hpp>
#include <darts/search/methods/gaea.hpp>
#include <darts/search/methods/gdas.hpp>
#include <darts/search/methods/p_darts.hpp>
#include <darts/search/methods/pc_darts.hpp>
#include <darts/search/methods/smooth_darts.hpp>
#include <darts/search/methods/widen.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;
using testing::Comparison;
using testing::Golden;

constexpr double exact = 1e-9;

at::Tensor tensor_of(const Json& lists) {
  if (!lists.front().is_array()) {
    return at::tensor(lists.get<std::vector<double>>(), at::kDouble);
  }
  std::vector<at::Tensor> rows;
  for (const Json& row : lists) {
    rows.push_back(tensor_of(row));
  }
  return at::stack(rows);
}

/// Every case of every file whose names begin so: of those that are one list, or have one.
void for_each_case(const std::string& name,
                   const std::function<void(const Json& file, const Json& one)>& action) {
  testing::for_each_golden_file("methods/" + name, ".json", [&](const auto& path) {
    const Json file = Json::parse(read_file(path));
    const Json& cases = file.is_array() ? file : file.at("cases");
    EXPECT_FALSE(cases.empty());
    for (const Json& one : cases) {
      action(file, one);
    }
    std::printf("%s: %zu cases\n", path.filename().c_str(), cases.size());
  });
}

/// Every group of a file of tensors.
void for_each_group(const std::string& name, const std::string& kind,
                    const std::function<void(const Golden&, Comparison&)>& action) {
  testing::for_each_golden_file("methods/" + name, ".pt", [&](const auto& path) {
    const Golden golden = testing::read_golden(path);
    Comparison comparison(path.filename().string());
    int found = 0;
    for (const std::string& group : testing::groups_of(golden, 1)) {
      if (group.starts_with(kind)) {
        action(testing::part_of(golden, group), comparison);
        ++found;
      }
    }
    testing::expect_found(found, name);
  });
}

SearchSpace space_of(const Json& file) {
  SearchSpace space;
  if (file.is_object() && file.contains("primitives")) {
    space.primitives =
        everywhere(parse_primitives(file.at("primitives").get<std::vector<std::string>>()));
  }
  return space;
}

Theta theta_of(const Json& one, const std::string& others = "") {
  Theta theta({tensor_of(one.at("alphas_normal")), tensor_of(one.at("alphas_reduce"))});
  if (!others.empty()) {
    for (const CellType type : cell_types) {
      theta.add(theta_name(others, type), tensor_of(one.at(theta_name(others, type))));
    }
  }
  return theta;
}

Theta theta_of(const Golden& group) {
  return Theta({group.at("alphas_normal").clone().requires_grad_(),
                group.at("alphas_reduce").clone().requires_grad_()});
}

void expect_genotype(const Genotype& derived, const Json& expected) {
  EXPECT_EQ(derived, testing::golden_genotype(expected)) << to_notation(derived);
}

TEST(golden_pc_darts, GenotypesAsTheAuthorsDeriveThem) {
  for_each_case("pcdarts_derive", [](const Json& file, const Json& one) {
    expect_genotype(PcDarts().derive(theta_of(one, "betas"), space_of(file)), one.at("genotype"));
  });
}

TEST(golden_gaea, GenotypesAsTheAuthorsDeriveThem) {
  for_each_case("gaea_derive", [](const Json& file, const Json& one) {
    expect_genotype(Gaea().derive(theta_of(one, "edges"), space_of(file)), one.at("genotype"));
  });
}

TEST(golden_gaea, UpdatesOnTheSimplex) {
  for_each_group("gaea_update", "case", [](const Golden& group, Comparison& comparison) {
    if (group.at("gd").item<std::int64_t>() != 0) {
      return;  // plain descent, which the method does not use
    }
    const double rate = group.at("lr").item<double>();
    for (const CellType type : cell_types) {
      const auto of = [&](const std::string& what) { return group.at(theta_name(what, type)); };
      comparison.expect_close(move_on_simplex(of("alphas"), of("grad_alphas"), rate),
                              of("new_alphas"), exact, theta_name("alphas", type));
      if (group.at("learn_edges").item<std::int64_t>() != 0) {
        comparison.expect_close(normalized_by_node(of("edges") * (-rate * of("grad_edges")).exp()),
                                of("new_edges"), exact, theta_name("edges", type));
      }
    }
  });
}

TEST(golden_gdas, GenotypesAsTheAuthorsDeriveThem) {
  for_each_case("gdas_derive", [](const Json& file, const Json& one) {
    expect_genotype(Gdas().derive(theta_of(one), space_of(file)), one.at("original"));
  });
}

TEST(golden_gdas, DrawsOneOperationAnEdgeWithTheGradientOfTheSoftmax) {
  for_each_group("gdas_sample", "case", [](const Golden& group, Comparison& comparison) {
    const Theta theta = theta_of(group);
    for (const CellType type : cell_types) {
      const auto of = [&](const std::string& what) { return group.at(theta_name(what, type)); };
      const Mixing mixing = hard_gumbel_softmax(at::log_softmax(theta.of("alphas", type), -1),
                                                of("gumbel"), group.at("tau").item<double>());
      EXPECT_TRUE(mixing.active.to(at::kLong).argmax(-1, true).equal(of("index")));
      comparison.expect_close(mixing.operations, of("hardwts"), exact, "hardwts");
      const auto gradient =
          gradients_of({mixing.operations}, {of("grad_hardwts")}, {theta.of("alphas", type)});
      comparison.expect_close(gradient.front(), of("grad_alphas"), exact, "grad_alphas");
    }
  });
}

TEST(golden_gdas, TemperatureFallsAsScheduled) {
  testing::for_each_golden_file("methods/gdas_schedule", ".json", [](const auto& path) {
    const Json file = Json::parse(read_file(path));
    const Gdas gdas({file.at("tau_max"), file.at("tau_min")});
    const std::int64_t epochs = file.at("epochs");
    ASSERT_EQ(std::ssize(file.at("tau")), epochs);
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
      EXPECT_NEAR(gdas.tau({epoch, epochs}),
                  file.at("tau")[static_cast<std::size_t>(epoch)].get<double>(), 1e-12);
    }
  });
}

TEST(golden_fair_darts, GenotypesAsTheAuthorsDeriveThem) {
  using Derivation = FairDarts::Derivation;
  const std::map<std::string, Derivation> derivations{{"threshold_sparse", Derivation::sparse},
                                                      {"threshold_edge", Derivation::edge},
                                                      {"darts", Derivation::darts}};
  for_each_case("fairdarts_derive", [&](const Json& file, const Json& one) {
    FairDarts::Options options;
    options.threshold = one.at("op_threshold");
    options.derivation = derivations.at(one.at("parse_method"));
    const Genotype derived = FairDarts(options).derive_raw(theta_of(one), space_of(file));
    for (const auto& [name, cell] :
         {std::pair("normal", &derived.normal), std::pair("reduce", &derived.reduce)}) {
      Json edges = Json::array();
      for (std::size_t node = 0; node < cell->nodes.size(); ++node) {
        for (const GenotypeEdge& edge : cell->nodes[node]) {
          if (options.derivation == Derivation::darts) {
            edges.push_back({edge.operation.name(), edge.from});
          } else {
            edges.push_back({edge.operation.name(), node + 2, edge.from});
          }
        }
      }
      EXPECT_EQ(edges, one.at(name)) << one.at("parse_method");
    }
  });
}

TEST(golden_fair_darts, ZeroOneLossesAndTheirGradients) {
  for_each_group("fairdarts_loss", "case", [](const Golden& group, Comparison& comparison) {
    for (const auto& [name, kind] :
         {std::pair("l2", FairDarts::ZeroOne::l2), std::pair("l1", FairDarts::ZeroOne::l1)}) {
      const Golden recorded = testing::part_of(group, name);
      const Theta theta = theta_of(group);
      const double weight = group.at("weight").item<double>();
      comparison.expect_close(zero_one_loss(theta, kind), recorded.at("zero_one"), exact, name);
      const at::Tensor loss = at::cross_entropy_loss(group.at("logits"), group.at("y")) +
                              FairDarts({.weight = weight, .zero_one = kind}).penalty(theta, {});
      comparison.expect_close(loss, recorded.at("total"), exact, name);
      const auto gradients = gradients_of(loss, theta.tensors());
      comparison.expect_close(gradients[0], recorded.at("grad_alphas_normal"), exact, name);
      comparison.expect_close(gradients[1], recorded.at("grad_alphas_reduce"), exact, name);
    }
  });
}

TEST(golden_sdarts, ProjectsPerturbedRows) {
  for_each_group("sdarts_clip", "clip", [](const Golden& group, Comparison& comparison) {
    for (const std::string cell : {"normal", "reduce"}) {
      comparison.expect_close(project_rows(group.at(cell + "/before")), group.at(cell + "/after"),
                              exact, cell);
    }
  });
}

TEST(golden_sdarts, EpsilonGrowsAsScheduled) {
  testing::for_each_golden_file("methods/sdarts_schedule", ".json", [](const auto& path) {
    const Json file = Json::parse(read_file(path));
    const SmoothDartsRandom method({.epsilon = file.at("epsilon_max")});
    const std::int64_t epochs = file.at("epochs");
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
      EXPECT_NEAR(method.epsilon({epoch, epochs}),
                  file.at("epsilon")[static_cast<std::size_t>(epoch)].get<double>(), 1e-12);
    }
  });
}

TEST(golden_beta_darts, MeanLogSumExpAndItsGradient) {
  for_each_group("betadarts_loss", "case", [](const Golden& group, Comparison& comparison) {
    const at::Tensor alpha = group.at("alphas").clone().requires_grad_();
    const Theta theta({alpha, alpha});
    const at::Tensor loss = mean_logsumexp(theta);
    comparison.expect_close(loss, group.at("loss"), exact, "loss");
    comparison.expect_close(gradients_of(loss, {alpha}).front(), group.at("grad"), exact, "grad");
  });
}

/// A matrix of rows that may differ in length, with zeros behind the shorter ones.
at::Tensor ragged(const Json& rows) {
  std::size_t longest = 0;
  for (const Json& row : rows) {
    longest = std::max(longest, row.size());
  }
  std::vector<at::Tensor> filled;
  for (const Json& row : rows) {
    auto values = row.get<std::vector<double>>();
    values.resize(longest);
    filled.push_back(at::tensor(values, at::kDouble));
  }
  return at::stack(filled);
}

CellPrimitives switched_on(const Json& file, const Json& switches) {
  const auto names = file.at("primitives").get<std::vector<std::string>>();
  std::vector<std::vector<std::string>> edges;
  for (const Json& of_edge : switches) {
    auto& edge = edges.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (of_edge[i].get<int>() != 0) {
        edge.push_back(names[i]);
      }
    }
  }
  return parse_cell_primitives(edges);
}

struct RecordedStage {
  RecordedStage(const Json& file, const Json& recorded)
      : alphas{ragged(recorded.at("alphas_normal")), ragged(recorded.at("alphas_reduce"))},
        stage{recorded.at("stage"), {}} {
    stage.space.primitives = {switched_on(file, recorded.at("switches_normal_in")),
                              switched_on(file, recorded.at("switches_reduce_in"))};
  }
  Theta theta() const { return Theta(alphas, missing_columns(stage.space, alphas)); }

  Alphas alphas;
  SearchStage stage;
};

TEST(golden_p_darts, EdgesDropWhatTheAuthorsDropAfterEachStage) {
  for_each_case("pdarts_stages", [](const Json& file, const Json& one) {
    for (const Json& recorded : one.at("stages")) {
      if (!recorded.contains("switches_normal_out")) {
        continue;  // the last one, which ends with genotypes
      }
      const RecordedStage stage(file, recorded);
      PDarts::Options options;
      options.dropped = {file.at("num_to_drop")[0], file.at("num_to_drop")[1]};
      const auto next = PDarts(options).next_primitives(stage.theta(), stage.stage);
      EXPECT_EQ(next.normal, switched_on(file, recorded.at("switches_normal_out")));
      EXPECT_EQ(next.reduce, switched_on(file, recorded.at("switches_reduce_out")));
    }
  });
}

TEST(golden_p_darts, GenotypesWithEveryCapOnSkipConnections) {
  for_each_case("pdarts_stages", [](const Json& file, const Json& one) {
    const Json& recorded = one.at("stages").back();
    const RecordedStage stage(file, recorded);
    for (std::int64_t cap = 8; cap >= 0; --cap) {
      // A cap that is not recorded had not to act: the last one recorded with a higher one counts.
      const Json* expected = &recorded.at("genotypes").front();
      for (const Json& genotype : recorded.at("genotypes")) {
        if (!genotype.at("max_skips").is_null() && genotype.at("max_skips").get<int>() >= cap) {
          expected = &genotype;
        }
      }
      PDarts::Options options;
      options.skips = cap;
      const Json& cells = expected->contains("genotype") ? expected->at("genotype") : *expected;
      expect_genotype(PDarts(options).derive(stage.theta(), stage.stage.space), cells);
    }
  });
}

TEST(golden_p_darts, DropoutFadesAsScheduled) {
  testing::for_each_golden_file("methods/pdarts_schedule", ".json", [](const auto& path) {
    const Json file = Json::parse(read_file(path));
    for (const Json& one : file.at("dropout")) {
      const double initial = one.at("initial");
      PDarts::Options options;
      options.dropout_percent[0] = std::llround(100.0 * initial);
      options.frozen_epochs = one.at("frozen");
      const std::int64_t epochs = one.at("epochs");
      for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
        EXPECT_NEAR(PDarts(options).dropout({epoch, epochs}),
                    one.at("p")[static_cast<std::size_t>(epoch)].get<double>(), 1e-12);
      }
    }
  });
}

/// Rows of what a mask keeps: as many of each.
at::Tensor kept(const at::Tensor& rows, const at::Tensor& mask) {
  return rows.masked_select(mask).reshape({rows.size(0), -1});
}

TEST(golden_drnas, WeightsOfASampleAndTheirGradients) {
  for_each_group("drnas_weights", "case", [](const Golden& group, Comparison& comparison) {
    const at::Tensor alphas = group.at("alphas").clone().requires_grad_();
    const at::Tensor concentrations = concentrations_of(alphas);
    const at::Tensor weights = dirichlet_weights(concentrations, group.at("sample"));
    comparison.expect_close(concentrations, group.at("concentration"), exact, "concentration");
    if (!group.contains("mask")) {
      comparison.expect_close(weights, group.at("weights"), exact, "weights");
      const auto gradient = gradients_of({weights}, {group.at("grad_weights")}, {alphas});
      comparison.expect_close(gradient.front(), group.at("grad_alphas"), exact, "grad_alphas");
      return;
    }
    // Here pruned operations are gone, there they are drawn and divided out again.
    const at::Tensor mask = group.at("mask").to(at::kBool);
    const at::Tensor sample = kept(group.at("sample"), mask);
    const at::Tensor own = kept(group.at("alphas"), mask).requires_grad_();
    const at::Tensor of_kept =
        dirichlet_weights(concentrations_of(own), sample / sample.sum(-1, true));
    comparison.expect_close(of_kept, kept(group.at("weights"), mask), exact, "weights");
    EXPECT_TRUE(
        without_weakest(group.at("alphas_before_prune"), everywhere(default_primitives()).normal, 0)
            .columns() > 0);
    const at::Tensor whole = weights.masked_fill(mask.logical_not(), 0.0);
    const at::Tensor divided = whole / whole.sum(-1, true);
    const auto gradient = gradients_of({divided}, {group.at("grad_weights")}, {alphas});
    comparison.expect_close(kept(gradient.front(), mask), kept(group.at("grad_alphas"), mask),
                            exact, "grad_alphas");
  });
}

TEST(golden_drnas, DivergenceAndItsGradient) {
  for_each_group("drnas_kl", "case", [](const Golden& group, Comparison& comparison) {
    const Theta theta = theta_of(group);
    const at::Tensor loss =
        DrNas({.regulariser = DrNas::Regulariser::kl, .weight = group.at("scale").item<double>()})
            .penalty(theta, {});
    const auto gradients = gradients_of(loss, theta.tensors());
    constexpr double of_differences = 1e-8;  // of digammas of numbers near 1
    comparison.expect_close(loss, group.at("kl"), of_differences, "kl");
    comparison.expect_close(gradients[0], group.at("grad_alphas_normal"), of_differences, "grad");
    comparison.expect_close(gradients[1], group.at("grad_alphas_reduce"), of_differences, "grad");
  });
}

TEST(golden_drnas, GenotypesAsTheAuthorsDeriveThem) {
  for_each_case("drnas_derive", [](const Json& file, const Json& one) {
    if (one.at("mask_normal").is_null()) {
      expect_genotype(DrNas().derive(theta_of(one), space_of(file)), one.at("genotype"));
      return;
    }
    SearchSpace space;
    space.primitives = {switched_on(file, one.at("mask_normal")),
                        switched_on(file, one.at("mask_reduce"))};
    const auto of = [&](const char* alphas, const char* mask) {
      return kept(tensor_of(one.at(alphas)), tensor_of(one.at(mask)).to(at::kBool));
    };
    const Theta theta({of("alphas_normal", "mask_normal"), of("alphas_reduce", "mask_reduce")});
    expect_genotype(DrNas().derive(theta, space), one.at("genotype"));
  });
}

TEST(golden_drnas, WiderOperationsCopyChannels) {
  testing::for_each_golden_file("methods/drnas_wider", ".pt", [](const auto& path) {
    const Golden golden = testing::read_golden(path);
    Comparison comparison(path.filename().string());
    const auto index = [&](const std::string& kind, const std::string& name) {
      const auto found = golden.find(kind + "_index/" + name);
      return found == golden.end() ? at::Tensor() : found->second;
    };
    for (const std::string part : {"", "momentum_"}) {
      for (const auto& [name, before] : testing::part_of(golden, part + "before")) {
        if (index("out", name).defined()) {
          comparison.expect_close(widened(before, index("out", name), index("in", name)),
                                  golden.at(part + "after/" + name), exact, part + name);
        }
      }
    }
  });
}

TEST(golden_darts_minus, BetaFallsAsScheduled) {
  using Decay = DartsMinus::Decay;
  const std::map<std::string, Decay> decays{
      {"linear", Decay::linear}, {"cosine", Decay::cosine}, {"slow_cosine", Decay::slow_cosine}};
  testing::for_each_golden_file("methods/dartsminus_schedule", ".json", [&](const auto& path) {
    for (const Json& one : Json::parse(read_file(path))) {
      DartsMinus::Options options;
      options.beta = one.at("base");
      const Json& decay = one.at("decay_type");
      options.decay = decay.is_null() ? Decay::none : decays.at(decay);
      options.decay_from = one.at("T_start");
      options.decay_until = one.at("T_stop");
      const std::int64_t epochs = one.at("T_max");
      const auto rates = one.at("rate").get<std::vector<double>>();
      for (std::size_t epoch = 0; epoch < rates.size(); ++epoch) {
        EXPECT_NEAR(DartsMinus(options).beta({static_cast<std::int64_t>(epoch), epochs}),
                    rates[epoch], 1e-12)
            << decay << " " << options.decay_from << " " << options.decay_until << " " << epoch;
      }
    }
  });
}

}  // namespace
}  // namespace darts
