// What a checkpoint of a search is to others: what a new search starts from, and what is derived.

#include "space_json.hpp"

#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/text.hpp>
#include <darts/run/run_checkpoint.hpp>
#include <darts/search/method.hpp>
#include <darts/search/search_checkpoint.hpp>
#include <darts/search/selection.hpp>

#include <ATen/ops/isfinite.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

namespace darts {
namespace {

using Json = nlohmann::json;

constexpr const char* model_prefix = "model";

/// A network that was trained has its genotype in its checkpoint.
void check_is_search(const Checkpoint& checkpoint) {
  const bool is_training = within(checkpoint.file.string(), [&] {
    const auto meta = parse_json<Json>(checkpoint.meta);
    const Json* const network = find_json_field(meta, "network");
    return json_field_or<std::string>(meta, "kind", "") == "train" ||
           (network != nullptr && network->contains("genotype"));
  });
  if (is_training) {
    throw Error(checkpoint.file.string() +
                " is a checkpoint of a training; a search starts from one of a search");
  }
}

/// By their names, or by their number alone where the checkpoint, an imported or older one, does
/// not tell them.
bool has_other_classes(const Checkpoint& checkpoint, const std::vector<std::string>& class_names) {
  using Names = std::vector<std::string>;
  const auto stored = within(checkpoint.file.string(), [&]() -> std::optional<Names> {
    const auto meta = parse_json<Json>(checkpoint.meta);
    const Json* const images = find_json_field(meta, "images");
    return images == nullptr || !images->contains("class_names")
               ? std::nullopt
               : std::optional(json_field_as<Names>(*images, "class_names"));
  });
  if (stored) {
    return *stored != class_names;
  }
  const at::Tensor& bias = require(checkpoint, std::string(model_prefix) + ".classifier.bias");
  return bias.numel() != static_cast<std::int64_t>(class_names.size());
}

/// A cell none of whose nodes kept an edge would compute nothing.
void check_kept_edges(const SearchSpace& space, const std::string& file) {
  const auto& kept = space.edges_per_node;
  if (kept.empty() || std::ranges::any_of(kept, [](std::int64_t edges) { return edges < 1; })) {
    throw Error(file + ": its edges_per_node: a node keeps 1 edge or more; was the file changed?");
  }
}

/// What the meta data say of the search that a theta is of.
void read_search(const Json& meta, StoredTheta& stored) {
  if (const Json* const primitives = find_json_field(meta, "primitives")) {
    within("\"primitives\"", [&] { stored.space.primitives = primitives_from_json(*primitives); });
  }
  if (const Json* const kept = find_json_field(meta, "edges_per_node")) {
    within("\"edges_per_node\"", [&] {  // a number alone, in earlier versions
      stored.space.edges_per_node = kept->is_array() ? json_as<std::vector<std::int64_t>>(*kept)
                                                     : std::vector{json_as<std::int64_t>(*kept)};
    });
  }
  if (const Json* const state = find_json_field(meta, "state")) {
    stored.epoch =
        within("\"state\"", [&] { return json_field_or(*state, "epoch", stored.epoch); });
  }
}

/// That found the checkpoint's alphas, with its own settings as they are by default.
std::shared_ptr<const SearchMethod> method_of(const Checkpoint& checkpoint) {
  return within(checkpoint.file.string(), [&] {
    const auto meta = parse_json<Json>(checkpoint.meta);
    return SearchConfig().methods.get(json_field_or<std::string>(meta, "method", "darts"));
  });
}

/// Theta and how to derive from it, as they are.
StoredTheta stored_theta(const Checkpoint& checkpoint) {
  StoredTheta stored;
  const auto meta = within(checkpoint.file.string(), [&] {
    auto parsed = parse_json<Json>(checkpoint.meta);
    read_search(parsed, stored);
    return parsed;
  });
  std::vector<std::string> names{theta_name("alphas", CellType::normal),
                                 theta_name("alphas", CellType::reduction)};
  SearchConfig config;
  std::string text;
  within(checkpoint.file.string(), [&] {
    names = json_field_or(meta, "theta", names);
    text = json_field_or(meta, "config", text);
  });
  if (!text.empty()) {  // an imported one has none
    fields(config).load_text(text, checkpoint.file);
    if (config.derive.max_skips >= 0) {
      stored.space.most_skips = config.derive.max_skips;
    }
  }
  stored.method = within(checkpoint.file.string(), [&] {
    return config.methods.get(json_field_or<std::string>(meta, "method", "darts"));
  });
  for (const std::string& name : names) {
    stored.theta.add(name, require(checkpoint, std::string(model_prefix) + "." + name));
  }
  return stored;
}

/// Throws Error unless theta has alphas, and they are those of the space, whose nodes they tell.
void check_alphas(StoredTheta& stored) {
  for (const CellType type : cell_types) {
    const std::string name = theta_name("alphas", type);
    if (std::ranges::find(stored.theta.names(), name) == stored.theta.names().end()) {
      throw Error("\"theta\" does not name " + name);
    }
    const at::Tensor alphas = stored.theta.at(name);
    const std::int64_t columns = stored.space.primitives.of(type).columns();
    // Of no columns there may be more rows than nodes can be counted for.
    if (!at::isFloatingType(alphas.scalar_type()) || alphas.dim() != 2 ||
        alphas.size(1) != columns) {
      throw Error(c10::str(name, " must be a matrix of floating-point numbers, ", columns,
                           " columns expected, one for each operation, got ", alphas.scalar_type(),
                           alphas.sizes()));
    }
    stored.space.nodes = 0;
    while (edge_count(stored.space.nodes) < alphas.size(0)) {
      ++stored.space.nodes;
    }
    check_space(stored.space);
  }
}

}  // namespace

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
  for (const std::string& name : theta.all_names()) {
    tensors.emplace(std::string(model_prefix) + "." + name, theta.at(name).detach());
  }
  restore_state(*supernet, model_prefix, tensors, checkpoint.file.string());
  return stayed;
}

void start_from(const Checkpoint& checkpoint, Supernet& supernet, const SearchMethod& method,
                const std::vector<std::string>& class_names, const Log& log) {
  const c10::NoGradGuard no_grad;
  const Theta theta = supernet->theta();
  const bool other_alphas =
      method_of(checkpoint)->alphas_are_weights() != method.alphas_are_weights();
  std::vector<at::Tensor> own;
  for (const at::Tensor& tensor : theta.tensors()) {
    own.push_back(tensor.clone());
  }
  const auto stayed = restore_supernet(checkpoint, supernet, class_names);
  if (other_alphas) {
    for (std::size_t i = 0; i < own.size(); ++i) {
      at::Tensor(theta.tensors()[i]).copy_(own[i]);
    }
    log.info(
        "alpha begins anew: mixing weights and what a softmax makes them of are two things, "
        "and " +
        checkpoint.file.string() + " has the other one");
  }
  if (has_selection(theta)) {
    clear_selection(theta);
  }
  if (!stayed.empty()) {
    log.info("drawn anew, since " + checkpoint.file.string() +
             " is of other classes: " + join(stayed));
  }
}

StoredTheta theta_of(const Checkpoint& checkpoint) {
  check_is_search(checkpoint);
  StoredTheta stored = stored_theta(checkpoint);
  check_kept_edges(stored.space, checkpoint.file.string());
  within(checkpoint.file.string(), [&] { check_alphas(stored); });
  stored.theta.set_missing(missing_columns(stored.space, stored.theta.alphas()));
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
