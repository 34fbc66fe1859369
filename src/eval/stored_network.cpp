#include <darts/core/error.hpp>
#include <darts/core/field_range.hpp>
#include <darts/core/finite.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/module_state.hpp>
#include <darts/eval/stored_network.hpp>

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

/// A whole number that a network can have: what `range` leaves out would be damage.
std::int64_t size_in(const Json& j, const char* key, const Range& range) {
  const auto size = json_field_as<std::int64_t>(j, key);
  if (!range.contains(static_cast<long double>(size))) {
    throw Error(std::string("\"") + key + "\" must be " + range.text() + ", got " +
                std::to_string(size));
  }
  return size;
}

void check_count(const char* what, std::size_t count, const char* of, std::int64_t expected) {
  if (static_cast<std::int64_t>(count) != expected) {
    throw Error(std::to_string(count) + " " + what + " for " + std::to_string(expected) + " " + of);
  }
}

EvaluationNetworkOptions options_from(const Json& j) {
  EvaluationNetworkOptions o;
  o.genotype = genotype_from_json(json_field(j, "genotype").dump(), "\"genotype\"");
  const auto stem = json_field_as<std::string>(j, "stem");
  if (stem != "cifar" && stem != "imagenet") {
    throw Error("unknown stem \"" + stem + "\"");
  }
  o.stem = stem == "cifar" ? NetworkStem::cifar : NetworkStem::imagenet;
  o.cells = size_in(j, "cells", between(1, o.most_cells));
  o.channels = size_in(j, "channels", between(o.least_channels, o.most_channels));
  o.image_channels = size_in(j, "image_channels", between(1, 4096));
  o.classes = size_in(j, "classes", between(1, 10'000'000));
  o.auxiliary = json_field_as<bool>(j, "auxiliary");
  return o;
}

NetworkDescription description_from(const Json& j) {
  constexpr double most_pixels = 65536;
  NetworkDescription network;
  network.options = options_from(j);
  network.dataset = json_field_as<std::string>(j, "dataset");
  network.root = json_field_as<std::string>(j, "root");
  network.height = size_in(j, "height", between(1, most_pixels));
  network.width = size_in(j, "width", between(1, most_pixels));
  network.resize_size = network.height;
  if (j.contains("resize_size")) {
    network.resize_size = size_in(j, "resize_size", between(0, most_pixels));
  }
  network.class_names = json_field_as<std::vector<std::string>>(j, "class_names");
  network.statistics.mean = json_field_as<std::vector<double>>(j, "mean");
  network.statistics.stddev = json_field_as<std::vector<double>>(j, "stddev");
  check_statistics(network.statistics);
  check_count("class names", network.class_names.size(), "classes", network.options.classes);
  for (const std::vector<double>* values : {&network.statistics.mean, &network.statistics.stddev}) {
    if (!values->empty()) {
      check_count("statistics", values->size(), "channels", network.options.image_channels);
    }
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
  return within(checkpoint.file.string(), [&] {
    const auto meta = parse_json<Json>(checkpoint.meta);
    const Json* const network = find_json_field(meta, "network");
    if (network == nullptr) {
      throw Error(std::string("not a checkpoint of an evaluation network") +
                  (meta.value("kind", Json()) == Json("search") ? " but one of a search" : ""));
    }
    return within("its description of the network", [&] { return description_from(*network); });
  });
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
