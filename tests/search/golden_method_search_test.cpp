// The steps of every method as its authors' code makes them.

#include "search/recorded_search.hpp"

#include <darts/search/methods/beta_darts.hpp>
#include <darts/search/methods/darts_minus.hpp>
#include <darts/search/methods/dr_nas.hpp>
#include <darts/search/methods/fair_darts.hpp>
#include <darts/search/methods/gaea.hpp>
#include <darts/search/methods/gdas.hpp>
#include <darts/search/methods/p_darts.hpp>
#include <darts/search/methods/pc_darts.hpp>
#include <darts/search/methods/smooth_darts.hpp>

#include <gtest/gtest.h>

#include <map>

namespace darts {
namespace {

using testing::DeviceRun;
using testing::RecordedMethod;
using testing::RecordedSearch;

using Pointer = std::shared_ptr<const SearchMethod>;

std::string with_type(const std::string& name, CellType type) { return theta_name(name, type); }

/// Draws what was recorded.
class RecordedGdas : public Gdas {
 public:
  RecordedGdas(const Options& options, const RecordedSearch& search)
      : Gdas(options), search_(search) {}

 protected:
  at::Tensor draw(const at::Tensor& like, CellType type, const SearchPosition& position,
                  Moves moves) const override {
    const std::map<Moves, std::string> parts{
        {Moves::theta, "alpha/"}, {Moves::w, "weight/"}, {Moves::nothing, "eval/"}};
    return search_
        .drawn(static_cast<int>(position.step), parts.at(moves) + with_type("gumbel", type))
        .to(like.options());
  }

 private:
  const RecordedSearch& search_;
};

template <class Base>
class RecordedNoise : public Base {
 public:
  RecordedNoise(const SmoothDarts::Options& options, const RecordedSearch& search)
      : Base(options), search_(search) {}

 protected:
  at::Tensor draw(const at::Tensor& like, CellType type,
                  const SearchPosition& position) const override {
    return search_.drawn(static_cast<int>(position.step), with_type("noise", type))
        .to(like.options());
  }

 private:
  const RecordedSearch& search_;
};

Pointer make_gdas(const RecordedSearch& search, int step) {
  const double tau = search.number(step, "tau");
  const bool coast = search.meta().at("zero_grad") == "zero";
  return std::make_shared<RecordedGdas>(
      Gdas::Options{tau, tau, coast ? Gdas::Undrawn::coast : Gdas::Undrawn::stay}, search);
}

template <class Base>
Pointer make_smooth(const RecordedSearch& search, int step) {
  const double epsilon = search.number(step, "epsilon");
  return std::make_shared<RecordedNoise<Base>>(SmoothDarts::Options{epsilon, epsilon}, search);
}

Pointer make_pc(const RecordedSearch& search, int /*step*/) {
  return std::make_shared<PcDarts>(PcDarts::Options{search.meta().at("k"), 0});
}

Pointer make_gaea(const RecordedSearch& search, int /*step*/) {
  return std::make_shared<Gaea>(Gaea::Options{search.meta().at("k"), search.meta().at("edge_lr"),
                                              search.meta().at("entropy_weight")});
}

Pointer make_minus(const RecordedSearch& search, int step) {
  return std::make_shared<DartsMinus>(
      DartsMinus::Options{search.number(step, "beta"), DartsMinus::Decay::none});
}

Pointer make_beta(const RecordedSearch& /*search*/, int /*step*/) {
  return std::make_shared<BetaDarts>();
}

class RecordedDrNas : public DrNas {
 public:
  RecordedDrNas(const Options& options, const RecordedSearch& search)
      : DrNas(options), search_(search) {}

 protected:
  at::Tensor draw(const at::Tensor& concentrations, CellType type, const SearchPosition& position,
                  Moves moves) const override {
    const std::map<Moves, std::string> parts{
        {Moves::theta, "alpha/"}, {Moves::w, "weight/"}, {Moves::nothing, "eval/"}};
    return search_
        .drawn(static_cast<int>(position.step), parts.at(moves) + with_type("sample", type))
        .to(concentrations.options());
  }

 private:
  const RecordedSearch& search_;
};

Pointer make_drnas(const RecordedSearch& search, int /*step*/) {
  return std::make_shared<RecordedDrNas>(
      DrNas::Options{.partial = search.meta().at("k"), .frozen_epochs = 0}, search);
}

Pointer make_progressive(const RecordedSearch& search, int step) {
  return std::make_shared<PDarts>(PDarts::Options{.dropout_percent = {0, 0, 0},
                                                  .frozen_epochs = 0,
                                                  .clip_norm = search.number(step, "clip_alpha")});
}

std::int64_t recorded_epoch(const RecordedSearch& search, int step) {
  return static_cast<std::int64_t>(search.number(step, "epoch"));
}

FairDarts::Options fair_options(const RecordedSearch& search) {
  FairDarts::Options options;
  options.weight = search.meta().at("zero_one_weight");
  options.threshold = search.meta().at("op_threshold");
  options.derivation = search.meta().at("parse_method") == "threshold_edge"
                           ? FairDarts::Derivation::edge
                           : FairDarts::Derivation::sparse;
  return options;
}

Pointer make_fair(const RecordedSearch& search, int /*step*/) {
  return std::make_shared<FairDarts>(fair_options(search));
}

at::Tensor fair_beside_loss(const RecordedSearch& search, const Theta& theta) {
  return FairDarts(fair_options(search)).penalty(theta, {}).detach();
}

/// The name of each kind of files, and how it is run.
std::map<std::string, RecordedMethod> recorded_methods() {
  const SearchOrder second = SearchOrder::second;
  return {
      {"betadarts_search", {.make = make_beta, .epoch = recorded_epoch}},
      {"dartsminus_search", {.make = make_minus}},
      {"drnas_search", {.make = make_drnas}},
      {"fairdarts_search", {.make = make_fair, .beside_loss = fair_beside_loss}},
      {"gaea_search", {.make = make_gaea}},
      {"gdas_search", {.make = make_gdas}},
      {"pdarts_search", {.make = make_progressive}},
      {"pcdarts_search", {.make = make_pc}},
      {"pcdarts_search_second_order", {.make = make_pc, .order = second, .tolerance = 1e-6}},
      {"sdarts_adv_search", {.make = make_smooth<SmoothDartsAdversarial>}},
      {"sdarts_rs_search", {.make = make_smooth<SmoothDartsRandom>}},
  };
}

std::vector<std::string> recorded_names() {
  std::vector<std::string> names;
  for (const auto& [name, method] : recorded_methods()) {
    names.push_back(name);
  }
  return names;
}

/// Whether a file is of this kind, and of no longer name's.
bool is_of(const std::filesystem::path& file, const std::string& name) {
  const std::string stem = file.stem().string();
  std::string best;
  for (const std::string& other : recorded_names()) {
    if (stem.starts_with(other) && other.size() > best.size()) {
      best = other;
    }
  }
  return best == name;
}

using Parameters = std::tuple<std::string, DeviceRun>;

std::string title(const ::testing::TestParamInfo<Parameters>& info) {
  return std::get<0>(info.param) + "_" + testing::name_of(std::get<1>(info.param));
}

class golden_method_search : public ::testing::TestWithParam<Parameters> {
 protected:
  void SetUp() override { testing::use_device(std::get<1>(GetParam()).device); }
};

TEST_P(golden_method_search, EveryStepAsRecorded) {
  const auto& [name, run] = GetParam();
  const RecordedMethod method = recorded_methods().at(name);
  int found = 0;
  testing::for_each_golden_file("methods/" + name, ".pt",
                                [&, &name = name, &run = run](const auto& file) {
                                  if (is_of(file, name)) {
                                    testing::check_recorded_search(file, method, run);
                                    ++found;
                                  }
                                });
  testing::expect_found(found, name);
}

INSTANTIATE_TEST_SUITE_P(
    Cpu, golden_method_search,
    ::testing::Combine(::testing::ValuesIn(recorded_names()),
                       ::testing::Values(DeviceRun{}, DeviceRun{c10::kCPU, Execution::plain},
                                         DeviceRun{c10::kCPU, Execution::merged})),
    title);

INSTANTIATE_TEST_SUITE_P(
    Cuda, golden_method_search,
    ::testing::Combine(::testing::ValuesIn(recorded_names()),
                       ::testing::Values(DeviceRun{testing::gpu(), Execution::merged},
                                         DeviceRun{testing::gpu(), Execution::merged, true})),
    title);

}  // namespace
}  // namespace darts
