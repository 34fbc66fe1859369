#include <darts/core/json_text.hpp>
#include <darts/core/resources.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/known_genotypes.hpp>
#include <darts/eval/memory_estimate.hpp>
#include <darts/eval/train_config.hpp>
#include <darts/run/load_config.hpp>

#include <algorithm>
#include <cmath>

namespace darts {
namespace {

using Json = nlohmann::json;

/// "2.76 ± 0.09"; empty if there is no such figure.
std::string figure(const Json& published, const char* key, const char* deviation = "") {
  if (find_json_field(published, key) == nullptr) {
    return "";
  }
  std::string text = format_fixed(json_field_as<double>(published, key), 2);
  if (find_json_field(published, deviation) != nullptr) {
    text += " ± " + format_fixed(json_field_as<double>(published, deviation), 2);
  }
  return text;
}

KnownGenotype known_genotype(const std::string& name) {
  KnownGenotype known{.genotype = load_genotype(name)};
  const auto provenance = parse_json<Json>(known.genotype.provenance);
  known.method = json_field_as<std::string>(provenance, "method");
  known.source = json_field_as<std::string>(provenance, "source");
  const Json published = provenance.value("published", Json::object());
  known.cifar10_error = figure(published, "cifar10_error", "cifar10_error_deviation");
  known.imagenet_error = figure(published, "imagenet_top1_error");
  if (find_json_field(published, "parameters_millions") != nullptr) {
    known.stated_parameters = json_field_as<double>(published, "parameters_millions");
  }
  known.recipe = json_field_or<std::string>(published, "network", "cifar10");
  const auto config = load_recipe<TrainConfig>(known.recipe);
  known.with_auxiliary_head = json_field_or<bool>(published, "with_auxiliary_head", false);
  const auto image = image_shape(config, {});
  const ParametersBySize parameters =
      parameters_by_size(network_options(config, known.genotype, image.channels, image.classes));
  known.parameters = parameters.network + (known.with_auxiliary_head ? parameters.auxiliary : 0);
  return known;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string millions(double value) { return format_fixed(value, 2); }

}  // namespace

std::vector<KnownGenotype> known_genotypes() {
  std::vector<KnownGenotype> all;
  for (const std::string& name : resource_names(ResourceKind::genotype)) {
    all.push_back(within("the built-in genotype " + name, [&] { return known_genotype(name); }));
  }
  return all;
}

std::string describe(const std::vector<KnownGenotype>& genotypes) {
  std::vector<std::vector<std::string>> rows{{"name", "method", "CIFAR-10 error, %",
                                              "ImageNet error, %", "network", "parameters, M",
                                              "stated", "source"}};
  for (const KnownGenotype& known : genotypes) {
    rows.push_back({known.genotype.name, known.method, or_dash(known.cifar10_error),
                    or_dash(known.imagenet_error),
                    known.recipe + (known.with_auxiliary_head ? " with head" : ""),
                    millions(static_cast<double>(known.parameters) / 1e6),
                    known.stated_parameters ? format_shortest(*known.stated_parameters) : "-",
                    known.source});
  }
  return aligned(rows);
}

}  // namespace darts
