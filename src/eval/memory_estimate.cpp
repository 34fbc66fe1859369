#include <darts/cell/network_memory.hpp>
#include <darts/cell/topology.hpp>
#include <darts/eval/memory_estimate.hpp>

#include <algorithm>
#include <cmath>
#include <set>

namespace darts {
namespace {

CellContents contents_of(const CellGenotype& genotype, CellType type) {
  CellContents contents;
  std::set<std::int64_t> read;
  for (const auto& node : genotype.nodes) {
    for (const GenotypeEdge& edge : node) {
      const std::int64_t stride = type == CellType::reduction && edge.from < cell_inputs ? 2 : 1;
      contents.operations += size_by_channels([&](std::int64_t channels) {
        return edge.operation.make({channels, stride, /*affine=*/true}).ptr();
      });
      if (edge.from >= cell_inputs) {
        read.insert(edge.from);
      }
    }
  }
  contents.normalized = static_cast<double>(contents.operations.batch_norms);
  contents.states = static_cast<double>(read.size());
  contents.outputs = std::ssize(genotype.concat);
  return contents;
}

NetworkMemory memory_of(const EvaluationNetworkOptions& o, const BatchSizes& batch) {
  NetworkSizes sizes;
  sizes.stem = {o.stem, o.image_channels,
                o.stem == NetworkStem::imagenet ? o.channels : 3 * o.channels};
  sizes.cells = o.cells;
  sizes.channels = o.channels;
  sizes.height = batch.height;
  sizes.width = batch.width;
  sizes.classes = o.classes;
  sizes.affine = true;
  sizes.contents = {contents_of(o.genotype.normal, CellType::normal),
                    contents_of(o.genotype.reduce, CellType::reduction)};
  return network_memory(sizes);
}

/// Elements and tensors of the auxiliary head.
ModuleSize auxiliary_head(const EvaluationNetworkOptions& o) {
  return size_by_channels([&o](std::int64_t channels) {
    return AuxiliaryHead(AuxiliaryHeadOptions{o.stem, channels, o.classes}).ptr();
  });
}

/// Channels of the cell that it looks at.
std::int64_t auxiliary_channels(const EvaluationNetworkOptions& o) {
  std::int64_t channels = o.channels;
  std::int64_t outputs = 0;
  for (std::int64_t i = 0; i <= 2 * o.cells / 3 && i < o.cells; ++i) {
    const bool reduction = is_reduction_cell(i, o.cells);
    channels *= reduction ? 2 : 1;
    outputs = std::ssize((reduction ? o.genotype.reduce : o.genotype.normal).concat);
  }
  return channels * outputs;
}

}  // namespace

MemoryNeed memory_need(const TrainConfig& config, const EvaluationNetworkOptions& network,
                       const BatchSizes& batch) {
  NetworkMemory memory = memory_of(network, batch);
  if (network.auxiliary) {
    const ModuleSize head = auxiliary_head(network);
    memory.parameters += head.parameters(auxiliary_channels(network));
    memory.tensors += static_cast<double>(head.tensors);
  }
  const std::int64_t parts =
      std::max<std::int64_t>(1, std::min(config.train.parts, batch.images / 2));
  const std::int64_t at_once = (batch.images + parts - 1) / parts;
  const double copies = config.train.average > 0.0 ? 4 : 3;
  MemoryNeed need{"the training"};
  need.lower =
      "train.batch_size, network.channels or network.cells, or raise train.parts (--dry-run "
      "estimates)";
  need.weights = copies * memory.parameters * sizeof(float);
  need.activations =
      memory.kept * static_cast<double>(at_once) * bytes_of_activation(config.runtime.precision);
  need.modules = memory.tensors * bytes_of_tensor;
  return need;
}

MemoryNeed memory_need(const TrainConfig& config, const EvaluationNetworkOptions& network,
                       const TrainData& data) {
  MemoryNeed need =
      memory_need(config, network, BatchSizes{data.images_at_once(), data.height(), data.width()});
  need.images = static_cast<double>(data.bytes_held());
  return need;
}

ParametersBySize parameters_by_size(const EvaluationNetworkOptions& network) {
  return {std::llround(memory_of(network, {}).parameters),
          std::llround(auxiliary_head(network).parameters(auxiliary_channels(network)))};
}

MemoryNeed memory_to_run(const EvaluationNetworkOptions& network, const BatchSizes& batch,
                         Precision precision) {
  const NetworkMemory memory = memory_of(network, batch);
  MemoryNeed need{"the network"};
  need.lower = "the number of images at a time or the network's sizes";
  need.weights = memory.parameters * sizeof(float);
  need.activations =
      memory.passing * static_cast<double>(batch.images) * bytes_of_activation(precision);
  need.modules = memory.tensors * bytes_of_tensor;
  return need;
}

}  // namespace darts
