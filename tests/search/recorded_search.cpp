#include "search/recorded_search.hpp"

#include "search/golden_genotype.hpp"
#include "support/module_helpers.hpp"

#include <darts/cell/topology.hpp>

#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

#include <regex>

namespace darts::testing {
namespace {

std::string text_of(const at::Tensor& tensor) {
  const at::Tensor bytes = tensor.contiguous();
  return {reinterpret_cast<const char*>(bytes.const_data_ptr<std::uint8_t>()),
          static_cast<std::size_t>(bytes.numel())};
}

/// A part of a record with the names that our supernet has: DrNAS calls the batch norm of a pool
/// `op.1`.
Golden named_part(const Golden& golden, const std::string& prefix) {
  const std::regex of_pool(R"(\.op\.1\.(running_mean|running_var|num_batches_tracked)$)");
  Golden part;
  for (const auto& [name, tensor] : part_of(golden, prefix)) {
    part.emplace(std::regex_replace(name, of_pool, ".1.$1"), tensor);
  }
  return part;
}

std::string key_of(int step) { return "step" + std::to_string(step); }

/// Of each edge those that are switched on.
CellPrimitives switched_on(const std::vector<std::string>& names, const nlohmann::json& switches) {
  std::vector<std::vector<std::string>> edges;
  for (const auto& of_edge : switches) {
    auto& edge = edges.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (of_edge[i].get<int>() != 0) {
        edge.push_back(names[i]);
      }
    }
  }
  return parse_cell_primitives(edges);
}

SearchSpace space_of(const RecordedSearch& search) {
  SearchSpace space;
  const auto names = search.meta().at("primitives").get<std::vector<std::string>>();
  space.primitives =
      search.meta().contains("switches_normal")
          ? ByCellType<CellPrimitives>{switched_on(names, search.meta()["switches_normal"]),
                                       switched_on(names, search.meta()["switches_reduce"])}
          : everywhere(parse_primitives(names));
  const std::int64_t edges = search.golden().at("init/alphas_normal").size(0);
  space.nodes = 1;
  while (edge_count(space.nodes) < edges) {
    ++space.nodes;
  }
  return space;
}

Supernet supernet_of(const RecordedSearch& search, const SearchMethod& method,
                     const DeviceRun& run) {
  const Golden init = named_part(search.golden(), "init");
  const SearchSpace space = space_of(search);
  SupernetOptions options;
  options.primitives = space.primitives;
  options.nodes = space.nodes;
  options.channels = search.meta().at("C");
  options.cells = search.meta().at("layers");
  options.classes = search.meta().at("classes");
  options.stem_multiplier = init.at("stem.0.weight").size(0) / options.channels;
  options.image_channels = init.at("stem.0.weight").size(1);
  options.theta = method.theta_shapes(space);
  options.execution.execution = run.execution;
  method.prepare(options, 0);
  Supernet supernet(options);
  make_double(*supernet);
  load_state(*supernet, init);
  supernet->to(run.device);
  return supernet;
}

SearchStepOptions step_options(const RecordedSearch& search, int step, const RecordedMethod& method,
                               const DeviceRun& run) {
  const nlohmann::json& meta = search.meta();
  SearchStepOptions options;
  options.order = method.order;
  options.method = method.make(search, step);
  options.cuda_graph = run.graph;
  options.w.momentum = meta.at("momentum");
  options.w.nesterov = meta.value("nesterov", false);
  options.w.weight_decay = meta.at("weight_decay");
  options.w.clip_norm = search.number(step, "clip");
  options.alpha.learning_rate = meta.at("arch_lr");
  options.alpha.beta1 = meta.value("arch_betas", std::vector{0.5, 0.999})[0];
  options.alpha.beta2 = meta.value("arch_betas", std::vector{0.5, 0.999})[1];
  options.alpha.weight_decay = meta.value("arch_weight_decay", 0.0);
  return options;
}

/// A step that goes on with the optimizers of the one before.
std::unique_ptr<SearchStep> next_step(const SearchStepOptions& options, const Supernet& supernet,
                                      SearchStep* before) {
  auto step = std::make_unique<SearchStep>(supernet, options);
  if (before != nullptr) {
    const std::vector<std::string> names = supernet->weight_names();
    NamedTensors momentum;
    before->weight_optimizer().collect(names, "w", momentum);
    step->weight_optimizer().restore(names, "w", momentum, "the step before");
    NamedTensors adam;
    before->theta_optimizer().collect("theta", adam);
    step->theta_optimizer().restore("theta", adam, "the step before");
  }
  return step;
}

class Check {
 public:
  Check(const std::filesystem::path& file, const RecordedMethod& method, const DeviceRun& run)
      : search_(read_golden(file)),
        method_(method),
        run_(run),
        supernet_(supernet_of(search_, *method.make(search_, 0), run)),
        comparison_(title_of(file, run)) {}

  void check() {
    for (int step = 0; step < search_.steps(); ++step) {
      check_step(step);
    }
    check_end();
  }

 private:
  SearchPosition position(int step) const {
    return {method_.epoch ? method_.epoch(search_, step) : 0, 50, step, 0};
  }

  Batch batch(const Golden& recorded, const std::string& part) const {
    return {recorded.at("x_" + part).to(run_.device), recorded.at("y_" + part).to(run_.device)};
  }

  void check_step(int step) {
    const std::string key = key_of(step);
    const Golden recorded = part_of(search_.golden(), key);
    step_ = next_step(step_options(search_, step, method_, run_), supernet_, step_.get());
    const StepResult result = step_->run(batch(recorded, "train"), batch(recorded, "valid"),
                                         search_.number(step, "lr"), position(step));
    const Theta theta = supernet_->theta();
    const double for_gradients =
        method_.gradient_tolerance > 0.0 ? method_.gradient_tolerance : method_.tolerance;
    for (const std::string& name : theta.names()) {
      comparison_.expect_close(theta.at(name).grad(), recorded.at("grad_" + name), for_gradients,
                               key + "/grad_" + name);
      comparison_.expect_close(theta.at(name), recorded.at(name), method_.tolerance,
                               key + "/" + name);
    }
    at::Tensor loss = recorded.at("loss");
    if (method_.beside_loss) {
      loss = loss - method_.beside_loss(search_, theta).cpu();
    }
    comparison_.expect_close(result.loss, loss, method_.tolerance, key + "/loss");
    comparison_.expect_close(result.gradient_norm, recorded.at("grad_norm"), method_.tolerance,
                             key + "/grad_norm");
  }

  void check_end() {
    const int last = search_.steps() - 1;
    const Golden state = state_of(*supernet_);
    for (const auto& [name, tensor] : named_part(search_.golden(), "final")) {
      ASSERT_TRUE(state.contains(name)) << name;
      comparison_.expect_close(state.at(name), tensor, method_.tolerance, "final/" + name);
    }
    const auto method = method_.make(search_, last);
    const c10::NoGradGuard no_grad;
    supernet_->eval();
    const at::Tensor images = search_.golden().at(key_of(last) + "/x_valid").to(run_.device);
    const at::Tensor logits = supernet_->forward(
        images, method->mix_all(supernet_->theta(), position(last), Moves::nothing));
    comparison_.expect_close(logits, search_.golden().at("final_eval_logits"), method_.tolerance,
                             "final_eval_logits");
    if (const auto genotype = search_.golden().find("final_genotype_json");
        genotype != search_.golden().end()) {
      EXPECT_EQ(method->derive(supernet_->theta(), space_of(search_)),
                golden_genotype(nlohmann::ordered_json::parse(text_of(genotype->second))));
    }
  }

  RecordedSearch search_;
  const RecordedMethod& method_;
  DeviceRun run_;
  Supernet supernet_;
  std::unique_ptr<SearchStep> step_;
  Comparison comparison_;
};

}  // namespace

RecordedSearch::RecordedSearch(Golden golden)
    : golden_(std::move(golden)), meta_(nlohmann::json::parse(text_of(golden_.at("meta_json")))) {}

int RecordedSearch::steps() const {
  int steps = 0;
  while (golden_.contains(key_of(steps) + "/lr")) {
    ++steps;
  }
  return steps;
}

double RecordedSearch::number(int step, const std::string& name) const {
  return golden_.at(key_of(step) + "/" + name).item<double>();
}

at::Tensor RecordedSearch::drawn(int step, const std::string& name) const {
  return golden_.at(key_of(step) + "/" + name);
}

void check_recorded_search(const std::filesystem::path& file, const RecordedMethod& method,
                           const DeviceRun& run) {
  Check(file, method, run).check();
}

}  // namespace darts::testing
