#include "space_json.hpp"

#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/optimizer_state.hpp>
#include <darts/core/text.hpp>
#include <darts/run/run_checkpoint.hpp>
#include <darts/search/search_checkpoint.hpp>

#include <ATen/ops/isfinite.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

using Json = nlohmann::json;

constexpr const char* model_prefix = "model";
constexpr const char* w_prefix = "w_optimizer";
constexpr const char* alpha_prefix = "alpha_optimizer";

/// The config of a checkpoint from the time when the orders were called methods, as it reads now.
std::string with_order(std::string identity) {
  for (const SearchOrderRow& row : search_orders()) {
    const std::string then = "\n  method: " + std::string(row.name) + "\n";
    if (const auto at = identity.find(then); at != std::string::npos) {
      identity.replace(at, then.size(),
                       "\n  method: darts\n  order: " + std::string(row.name) + "\n");
    }
  }
  return identity;
}

StateFields fields_of(SearchState& s) {
  return state_fields(s, {{"best_accuracy", &s.best_accuracy},
                          {"best_epoch", &s.best_epoch},
                          {"skipped", &s.skipped},
                          {"metrics_size", &s.metrics_size},
                          {"alphas_size", &s.alphas_size}});
}

/// A network that was trained has its genotype in its checkpoint.
void check_is_search(const Checkpoint& checkpoint) {
  const Json meta = Json::parse(checkpoint.meta);
  if (meta.value("kind", "") == "train" || meta.value("network", Json()).contains("genotype")) {
    throw Error(checkpoint.file.string() +
                " is a checkpoint of a training; a search starts from one of a search");
  }
}

/// By their names, or by their number alone where the checkpoint, an imported or older one, does
/// not tell them.
bool has_other_classes(const Checkpoint& checkpoint, const std::vector<std::string>& class_names) {
  const Json images = Json::parse(checkpoint.meta).value("images", Json::object());
  if (images.contains("class_names")) {
    return images["class_names"].get<std::vector<std::string>>() != class_names;
  }
  const at::Tensor& bias = require(checkpoint, std::string(model_prefix) + ".classifier.bias");
  return bias.numel() != static_cast<std::int64_t>(class_names.size());
}

/// Its theta and how to derive from it, as they are.
StoredTheta stored_theta(const Checkpoint& checkpoint) {
  const Json meta = Json::parse(checkpoint.meta);
  StoredTheta stored;
  const std::vector<std::string> alphas{theta_name("alphas", CellType::normal),
                                        theta_name("alphas", CellType::reduction)};
  for (const std::string& name : meta.value("theta", alphas)) {
    stored.theta.add(name, require(checkpoint, std::string(model_prefix) + "." + name));
  }
  stored.method = meta.value("method", stored.method);
  if (meta.contains("primitives")) {
    stored.space.primitives = primitives_from_json(meta["primitives"]);
  }
  if (meta.contains("edges_per_node")) {  // a number alone, in earlier versions
    const Json& kept = meta["edges_per_node"];
    stored.space.edges_per_node = kept.is_array() ? kept.get<std::vector<std::int64_t>>()
                                                  : std::vector{kept.get<std::int64_t>()};
  }
  stored.theta.set_missing(missing_columns(stored.space, stored.theta.alphas()));
  if (meta.contains("state")) {
    stored.epoch = meta["state"].value("epoch", stored.epoch);
  }
  return stored;
}

/// A cell none of whose nodes kept an edge would compute nothing.
void check_kept_edges(const SearchSpace& space, const std::string& file) {
  const auto& kept = space.edges_per_node;
  if (kept.empty() || std::ranges::any_of(kept, [](std::int64_t edges) { return edges < 1; })) {
    throw Error(file + ": its edges_per_node: a node keeps 1 edge or more; was the file changed?");
  }
}

}  // namespace

Checkpoint make_checkpoint(const SearchParts& parts, SearchState state,
                           const SearchConfig& config) {
  const auto& [supernet, step, images] = parts;
  Checkpoint checkpoint;
  checkpoint.meta = Json{{"kind", "search"},
                         {"identity", identity_of(config)},
                         {"config", to_yaml(config)},
                         {"primitives", primitives_to_json(supernet->options().primitives)},
                         {"edges_per_node", config.space.edges_per_node},
                         {"method", config.search.method},
                         {"theta", supernet->theta().names()},
                         {"images", Json(to_json(images))},
                         {"state", Json(to_json(fields_of(state)))}}
                        .dump();
  collect_state(*supernet, model_prefix, checkpoint.tensors);
  step.weight_optimizer().collect(supernet->weight_names(), w_prefix, checkpoint.tensors);
  collect_optimizer(step.alpha_optimizer(), supernet->theta().names(), alpha_prefix,
                    checkpoint.tensors);
  return checkpoint;
}

SearchState restore_checkpoint(const Checkpoint& checkpoint, const SearchParts& parts,
                               const SearchConfig& config) {
  const auto& [supernet, step, images] = parts;
  const std::string file = checkpoint.file.string();
  const auto meta = run_meta(checkpoint, "search", "a search");
  check_same_config(identity_of(config), with_order(meta.at("identity")),
                    identity_of(SearchConfig()), file);
  check_same_images(images, meta.value("images", nlohmann::ordered_json::object()), file);
  restore_state(*supernet, model_prefix, tensors_under(checkpoint, model_prefix), file);
  step.weight_optimizer().restore(supernet->weight_names(), w_prefix,
                                  tensors_under(checkpoint, w_prefix), file);
  restore_optimizer(step.alpha_optimizer(), supernet->theta().names(), alpha_prefix,
                    tensors_under(checkpoint, alpha_prefix), file);
  SearchState state;
  read_fields(meta.at("state"), fields_of(state));
  return state;
}

std::vector<std::string> restore_supernet(const Checkpoint& checkpoint, Supernet& supernet,
                                          const std::vector<std::string>& class_names) {
  check_is_search(checkpoint);
  NamedTensors tensors = tensors_under(checkpoint, model_prefix);
  std::vector<std::string> stayed;
  if (has_other_classes(checkpoint, class_names)) {
    NamedTensors own;
    collect_state(*supernet, model_prefix, own);
    for (const std::string name : {"classifier.weight", "classifier.bias"}) {
      const std::string full = std::string(model_prefix) + "." + name;
      tensors.insert_or_assign(full, own.at(full).clone());
      stayed.push_back(name);
    }
  }
  const Theta theta = supernet->theta();
  for (std::size_t i = 0; i < theta.names().size(); ++i) {
    tensors.emplace(std::string(model_prefix) + "." + theta.names()[i],
                    theta.tensors()[i].detach());
  }
  restore_state(*supernet, model_prefix, tensors, checkpoint.file.string());
  return stayed;
}

void start_from(const Checkpoint& checkpoint, Supernet& supernet,
                const std::vector<std::string>& class_names, const Log& log) {
  const auto stayed = restore_supernet(checkpoint, supernet, class_names);
  if (!stayed.empty()) {
    log.info("drawn anew, since " + checkpoint.file.string() +
             " is of other classes: " + join(stayed));
  }
}

StoredTheta theta_of(const Checkpoint& checkpoint) {
  check_is_search(checkpoint);
  StoredTheta stored;
  try {
    stored = stored_theta(checkpoint);
  } catch (const Json::exception& e) {
    throw Error(checkpoint.file.string() +
                ": its description of the search cannot be read: " + e.what());
  }
  check_kept_edges(stored.space, checkpoint.file.string());
  const std::vector<std::string>& names = stored.theta.names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!at::isfinite(stored.theta.tensors()[i]).all().item<bool>()) {
      throw Error(checkpoint.file.string() + ": " + names[i] +
                  " holds numbers that are not finite: the search had diverged; take an older "
                  "checkpoint");
    }
  }
  return stored;
}

}  // namespace darts
