#include <darts/core/error.hpp>
#include <darts/core/finite.hpp>
#include <darts/core/module_state.hpp>
#include <darts/eval/stored_network.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* trained_prefix = "model.";
constexpr const char* average_prefix = "average.";

bool has_any(const NamedTensors& tensors, const std::string& prefix) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](const auto& item) { return item.first.starts_with(prefix); });
}

/// The weights under "model.", whichever kind they are.
NamedTensors weights_of(const Checkpoint& checkpoint, WeightsKind kind) {
  const bool average =
      kind == WeightsKind::best_known && has_any(checkpoint.tensors, average_prefix);
  const std::string prefix = average ? average_prefix : trained_prefix;
  NamedTensors weights;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (name.starts_with(prefix)) {
      weights.emplace(trained_prefix + name.substr(prefix.size()), tensor);
    }
  }
  return weights;
}

bool is_auxiliary(const std::string& name) { return name.starts_with("model.auxiliary_head."); }

/// Whose rows are classes.
bool is_classifier(const std::string& name) {
  return name.starts_with("model.classifier.") ||
         name.starts_with("model.auxiliary_head.classifier.");
}

NetworkDescription description_from(const Json& j) {
  NetworkDescription network;
  EvaluationNetworkOptions& o = network.options;
  o.genotype = genotype_from_json(j.at("genotype").dump(), "its genotype");
  const auto stem = j.at("stem").get<std::string>();
  if (stem != "cifar" && stem != "imagenet") {
    throw Error("unknown stem \"" + stem + "\"");
  }
  o.stem = stem == "cifar" ? NetworkStem::cifar : NetworkStem::imagenet;
  j.at("cells").get_to(o.cells);
  j.at("channels").get_to(o.channels);
  j.at("image_channels").get_to(o.image_channels);
  j.at("classes").get_to(o.classes);
  j.at("auxiliary").get_to(o.auxiliary);
  j.at("dataset").get_to(network.dataset);
  j.at("root").get_to(network.root);
  j.at("height").get_to(network.height);
  j.at("width").get_to(network.width);
  network.resize_size = j.value("resize_size", network.height);
  j.at("class_names").get_to(network.class_names);
  j.at("mean").get_to(network.statistics.mean);
  j.at("stddev").get_to(network.statistics.stddev);
  check_statistics(network.statistics);
  if (static_cast<std::int64_t>(network.class_names.size()) != o.classes) {
    throw Error(std::to_string(network.class_names.size()) + " class names for " +
                std::to_string(o.classes) + " classes");
  }
  return network;
}

bool same_classes(const NetworkDescription& from, const std::vector<std::string>& class_names) {
  return from.names_classes() ? from.class_names == class_names
                              : from.class_names.size() == class_names.size();
}

}  // namespace

bool NetworkDescription::names_classes() const {
  constexpr std::size_t digits = 10;  // so many folders are in the order of their numbers
  for (std::size_t i = 0; i < class_names.size(); ++i) {
    if (class_names[i] != std::to_string(i)) {
      return true;
    }
  }
  return class_names.size() <= digits && !dataset.empty();
}

Json to_json(const NetworkDescription& network) {
  const EvaluationNetworkOptions& o = network.options;
  return {{"genotype", to_json(o.genotype)},
          {"stem", o.stem == NetworkStem::cifar ? "cifar" : "imagenet"},
          {"cells", o.cells},
          {"channels", o.channels},
          {"image_channels", o.image_channels},
          {"classes", o.classes},
          {"auxiliary", o.auxiliary},
          {"dataset", network.dataset},
          {"root", network.root},
          {"height", network.height},
          {"width", network.width},
          {"resize_size", network.resize_size},
          {"class_names", network.class_names},
          {"mean", network.statistics.mean},
          {"stddev", network.statistics.stddev}};
}

NetworkDescription network_description_of(const Checkpoint& checkpoint) {
  const std::string file = checkpoint.file.string();
  const Json meta = Json::parse(checkpoint.meta);
  if (!meta.contains("network")) {
    throw Error(file + ": not a checkpoint of an evaluation network" +
                (meta.value("kind", "") == "search" ? " but one of a search" : ""));
  }
  try {
    return description_from(meta["network"]);
  } catch (const Json::exception& e) {
    throw Error(file + ": its description of the network cannot be read: " + e.what());
  } catch (const Error& e) {
    throw Error(file + ": its description of the network cannot be used: " + e.what());
  }
}

EvaluationNetwork load_network(const Checkpoint& checkpoint, WeightsKind kind) {
  EvaluationNetwork network(network_description_of(checkpoint).options);
  Checkpoint weights;
  weights.tensors = weights_of(checkpoint, kind);
  weights.file = checkpoint.file;
  check_finite(weights);
  restore_state(*network, "model", weights.tensors, checkpoint.file.string());
  network->eval();
  return network;
}

std::vector<std::string> initialize_from(EvaluationNetwork& network,
                                         const std::vector<std::string>& class_names,
                                         const Checkpoint& checkpoint) {
  const EvaluationNetworkOptions& to = network->options();
  const NetworkDescription description = network_description_of(checkpoint);
  const EvaluationNetworkOptions& from = description.options;
  const bool other_classes = !same_classes(description, class_names);
  if (!(from.genotype == to.genotype) || from.stem != to.stem) {
    throw Error(checkpoint.file.string() + " is of another " +
                (from.stem != to.stem ? "stem" : "genotype") +
                " than this network, where its weights would mean something else");
  }
  NamedTensors own;
  collect_state(*network, "model", own);
  NamedTensors given = weights_of(checkpoint, WeightsKind::best_known);
  std::vector<std::string> stayed;
  for (const auto& [name, tensor] : own) {
    const auto found = given.find(name);
    const bool missing_head = found == given.end() && is_auxiliary(name);
    if (missing_head || (other_classes && is_classifier(name))) {
      given.insert_or_assign(name, tensor.clone());
      stayed.push_back(name.substr(std::string(trained_prefix).size()));
    }
  }
  std::erase_if(given, [&](const auto& item) {
    return is_auxiliary(item.first) && !own.contains(item.first);
  });
  restore_state(*network, "model", given, checkpoint.file.string());
  return stayed;
}

}  // namespace darts
