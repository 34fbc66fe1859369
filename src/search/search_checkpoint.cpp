#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/optimizer_state.hpp>
#include <darts/search/search_checkpoint.hpp>

#include <nlohmann/json.hpp>

#include <sstream>

namespace darts {
namespace {

using Json = nlohmann::json;

constexpr const char* model_prefix = "model";
constexpr const char* w_prefix = "w_optimizer";
constexpr const char* alpha_prefix = "alpha_optimizer";
const std::vector<std::string>& alpha_names() {
  static const std::vector<std::string> names{"alphas_normal", "alphas_reduce"};
  return names;
}

/// The config without what may differ between a run and its continuation.
std::string identity(SearchConfig config) {
  const SearchConfig defaults;
  config.name = defaults.name;
  config.run = defaults.run;
  config.data.set.root = defaults.data.set.root;
  config.data.workers = defaults.data.workers;
  config.data.prefetch = defaults.data.prefetch;
  config.runtime.device = defaults.runtime.device;
  config.runtime.threads = defaults.runtime.threads;
  config.runtime.deterministic = defaults.runtime.deterministic;
  config.runtime.huge_pages = defaults.runtime.huge_pages;
  config.runtime.cuda_graph = defaults.runtime.cuda_graph;
  config.runtime.recompute = defaults.runtime.recompute;
  return to_yaml(config);
}

Json to_json(const SearchState& s) {
  return {{"epoch", s.epoch},
          {"step", s.step},
          {"loss_sum", s.loss_sum},
          {"correct", s.correct},
          {"images", s.images},
          {"seconds", s.seconds},
          {"loader_seconds", s.loader_seconds},
          {"best_accuracy", s.best_accuracy},
          {"best_epoch", s.best_epoch},
          {"metrics_size", s.metrics_size},
          {"alphas_size", s.alphas_size}};
}

SearchState state_from_json(const Json& j) {
  SearchState s;
  j.at("epoch").get_to(s.epoch);
  j.at("step").get_to(s.step);
  j.at("loss_sum").get_to(s.loss_sum);
  j.at("correct").get_to(s.correct);
  j.at("images").get_to(s.images);
  j.at("seconds").get_to(s.seconds);
  j.at("loader_seconds").get_to(s.loader_seconds);
  j.at("best_accuracy").get_to(s.best_accuracy);
  j.at("best_epoch").get_to(s.best_epoch);
  j.at("metrics_size").get_to(s.metrics_size);
  j.at("alphas_size").get_to(s.alphas_size);
  return s;
}

NamedTensors tensors_under(const Checkpoint& checkpoint, const std::string& prefix) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (name.starts_with(prefix + ".")) {
      tensors.emplace(name, tensor);
    }
  }
  return tensors;
}

}  // namespace

Checkpoint make_checkpoint(Supernet& supernet, SearchStep& step, const SearchState& state,
                           const SearchConfig& config) {
  Checkpoint checkpoint;
  checkpoint.meta = Json{
      {"kind", "search"},
      {"identity", identity(config)},
      {"config", to_yaml(config)},
      {"primitives", config.space.primitives},
      {"edges_per_node", config.space.edges_per_node},
      {"state",
       to_json(state)}}.dump();
  collect_state(*supernet, model_prefix, checkpoint.tensors);
  step.weight_optimizer().collect(supernet->weight_names(), w_prefix, checkpoint.tensors);
  collect_optimizer(step.alpha_optimizer(), alpha_names(), alpha_prefix, checkpoint.tensors);
  return checkpoint;
}

SearchState restore_checkpoint(const Checkpoint& checkpoint, Supernet& supernet, SearchStep& step,
                               const SearchConfig& config) {
  const std::string file = checkpoint.file.string();
  const Json meta = Json::parse(checkpoint.meta);
  if (meta.value("kind", "") != "search") {
    throw Error(file + ": not a checkpoint of a search; --init-from takes weights from elsewhere");
  }
  check_same_config(identity(config), meta.at("identity").get<std::string>(),
                    identity(SearchConfig()), file);
  restore_state(*supernet, model_prefix, tensors_under(checkpoint, model_prefix), file);
  step.weight_optimizer().restore(supernet->weight_names(), w_prefix,
                                  tensors_under(checkpoint, w_prefix), file);
  restore_optimizer(step.alpha_optimizer(), alpha_names(), alpha_prefix,
                    tensors_under(checkpoint, alpha_prefix), file);
  return state_from_json(meta.at("state"));
}

void restore_supernet(const Checkpoint& checkpoint, Supernet& supernet) {
  NamedTensors tensors = tensors_under(checkpoint, model_prefix);
  const Alphas alphas = supernet->alphas();
  tensors.emplace(std::string(model_prefix) + ".alphas_normal", alphas.normal.detach());
  tensors.emplace(std::string(model_prefix) + ".alphas_reduce", alphas.reduce.detach());
  restore_state(*supernet, model_prefix, tensors, checkpoint.file.string());
}

StoredAlphas alphas_of(const Checkpoint& checkpoint) {
  const Json meta = Json::parse(checkpoint.meta);
  StoredAlphas stored;
  stored.alphas = {require(checkpoint, std::string(model_prefix) + ".alphas_normal"),
                   require(checkpoint, std::string(model_prefix) + ".alphas_reduce")};
  stored.primitives = meta.value("primitives", primitive_names(default_primitives()));
  stored.edges_per_node = meta.value("edges_per_node", std::int64_t{2});
  if (meta.contains("state")) {
    stored.epoch = state_from_json(meta["state"]).epoch;
  }
  return stored;
}

}  // namespace darts
