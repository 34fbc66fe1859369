#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/memory_estimate.hpp>
#include <darts/ops/count.hpp>

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

/// Walks through a network on one image of zeros, counting part by part.
class Counter {
 public:
  explicit Counter(EvaluationNetwork network) : network_(std::move(network)) { network_->eval(); }

  NetworkCount run(const at::Tensor& image) {
    at::Tensor s0;
    at::Tensor s1;
    add("stem", "", {"stem"}, [&] { std::tie(s0, s1) = network_->stem(image); });
    for (std::size_t i = 0; i < network_->cells(); ++i) {
      at::Tensor out = add_cell(i, s0, s1);
      s0 = std::exchange(s1, std::move(out));
      if (i == network_->auxiliary_cell() && network_->options().auxiliary) {
        add_auxiliary(s1);
      }
    }
    add("classifier", "", {"classifier"}, [&] { network_->classify(s1); });
    for (const PartCount& part : count_.parts) {
      count_.parameters += part.parameters;
      count_.multiply_adds += part.multiply_adds;
    }
    return std::move(count_);
  }

 private:
  /// Elements of all parameters whose names begin with one of `prefixes`.
  std::int64_t parameters_under(const std::vector<std::string>& prefixes) const {
    std::int64_t sum = 0;
    for (const auto& item : network_->named_parameters()) {
      for (const std::string& prefix : prefixes) {
        sum += item.key().starts_with(prefix) ? item.value().numel() : 0;
      }
    }
    return sum;
  }

  PartCount count(const std::string& place, const std::string& part,
                  const std::vector<std::string>& prefixes,
                  const std::function<void()>& work) const {
    return {place, part, parameters_under(prefixes), count_multiply_adds(work)};
  }

  void add(const std::string& place, const std::string& part,
           const std::vector<std::string>& prefixes, const std::function<void()>& work) {
    count_.parts.push_back(count(place, part, prefixes, work));
  }

  at::Tensor add_cell(std::size_t index, const at::Tensor& s0, const at::Tensor& s1) {
    EvaluationCellImpl& cell = network_->cell(index);
    const std::string place =
        "cell " + std::to_string(index) + (cell.options().reduction ? " (reduction)" : " (normal)");
    const std::string name = "cells." + std::to_string(index) + ".";
    at::Tensor input;
    add(place, "preprocess", {name + "preprocess0.", name + "preprocess1."},
        [&] { input = cell.preprocess(s0, s1).second; });
    at::Tensor out = cell.forward(s0, s1);
    const at::Tensor node =
        at::zeros({1, cell.options().channels, out.size(2), out.size(3)}, out.options());
    std::size_t edge = 0;
    std::int64_t to = cell_inputs;
    for (const auto& edges : cell.options().genotype.nodes) {
      for (const GenotypeEdge& e : edges) {
        add(place,
            std::string(e.operation.name()) + " " + std::to_string(e.from) + "→" +
                std::to_string(to),
            {name + "_ops." + std::to_string(edge) + "."},
            [&] { cell.run_edge(edge, e.from < cell_inputs ? input : node); });
        ++edge;
      }
      ++to;
    }
    return out;
  }

  void add_auxiliary(const at::Tensor& features) {
    try {
      count_.auxiliary = count("auxiliary head", "", {"auxiliary_head."},
                               [&] { network_->classify_auxiliary(features); });
    } catch (const Error&) {  // too small for it; training would say so
    }
  }

  EvaluationNetwork network_;
  NetworkCount count_;
};

struct Row {
  std::string name;
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;
};

/// Adds up what has the same name, in the order of first appearance.
std::vector<Row> grouped(const std::vector<PartCount>& parts,
                         const std::function<std::string(const PartCount&)>& name_of) {
  std::vector<Row> rows;
  for (const PartCount& part : parts) {
    const std::string name = name_of(part);
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.name == name; });
    if (row == rows.end()) {
      row = rows.insert(rows.end(), Row{name});
    }
    row->parameters += part.parameters;
    row->multiply_adds += part.multiply_adds;
  }
  return rows;
}

std::string line(const std::string& name, const std::string& parameters,
                 const std::string& multiply_adds) {
  const auto padded = [](const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, columns(text)), ' ');
  };
  return name + padded(name, 24) + padded(parameters, 12) + parameters + padded(multiply_adds, 16) +
         multiply_adds + "\n";
}

std::string line(const Row& row) {
  return line(row.name, format_count(row.parameters), format_count(row.multiply_adds));
}

}  // namespace

NetworkCount count_network(const EvaluationNetworkOptions& options, std::int64_t height,
                           std::int64_t width) {
  const c10::NoGradGuard no_grad;
  return Counter(EvaluationNetwork(options))
      .run(at::zeros({1, options.image_channels, height, width}));
}

NetworkCount count_network(const TrainConfig& config, const Genotype& genotype,
                           const DatasetShape& images) {
  const auto options = network_options(config, genotype, images.channels, images.classes);
  check_memory(memory_to_run(options, {1, images.size, images.size}), c10::Device(c10::kCPU));
  return count_network(options, images.size, images.size);
}

std::string describe(const NetworkCount& count) {
  std::string text = line("", "parameters", "multiply-adds");
  for (const Row& row : grouped(count.parts, [](const PartCount& p) { return p.place; })) {
    text += line(row);
  }
  text += "\n";
  const auto operation = [](const PartCount& p) {
    return p.part.empty() ? p.place : p.part.substr(0, p.part.find(' '));
  };
  for (const Row& row : grouped(count.parts, operation)) {
    text += line(row);
  }
  text += "\n" + line(Row{"total", count.parameters, count.multiply_adds});
  if (count.auxiliary.parameters > 0) {
    text += line(Row{"(auxiliary head", count.auxiliary.parameters, count.auxiliary.multiply_adds});
    text.insert(text.size() - 1, ")");
  }
  return text;
}

nlohmann::ordered_json to_json(const NetworkCount& count) {
  const auto of_part = [](const PartCount& p) {
    return nlohmann::ordered_json{{"place", p.place},
                                  {"part", p.part},
                                  {"parameters", p.parameters},
                                  {"multiply_adds", p.multiply_adds}};
  };
  nlohmann::ordered_json json{{"parameters", count.parameters},
                              {"multiply_adds", count.multiply_adds},
                              {"auxiliary", of_part(count.auxiliary)}};
  for (const PartCount& part : count.parts) {
    json["parts"].push_back(of_part(part));
  }
  return json;
}

}  // namespace darts
