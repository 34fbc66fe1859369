#include <darts/cell/mixed_operation.hpp>
#include <darts/cell/network_memory.hpp>
#include <darts/cell/topology.hpp>
#include <darts/search/memory_estimate.hpp>
#include <darts/search/search_methods.hpp>

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <vector>

namespace darts {
namespace {

/// Edges that offer the same and have the same stride are as large.
struct EdgeKind {
  std::vector<Primitive> primitives;
  std::int64_t stride = 1;
  std::int64_t count = 0;
};

std::vector<EdgeKind> kinds_of_edges(const SupernetOptions& options, CellType type) {
  const CellPrimitives& primitives = options.primitives.of(type);
  std::vector<EdgeKind> kinds;
  std::int64_t edge = 0;
  for (std::int64_t node = 0; node < options.nodes; ++node) {
    for (std::int64_t from = 0; from < predecessors(node); ++from, ++edge) {
      const std::int64_t stride = type == CellType::reduction && from < cell_inputs ? 2 : 1;
      const auto& offered = primitives.of(edge);
      auto kind = std::ranges::find_if(kinds, [&](const EdgeKind& known) {
        return known.stride == stride && known.primitives == offered;
      });
      if (kind == kinds.end()) {
        kind = kinds.insert(kind, {offered, stride, 0});
      }
      ++kind->count;
    }
  }
  return kinds;
}

/// `runs_all`: every pass runs every operation.
CellContents contents_of(const SupernetOptions& options, CellType type, bool runs_all) {
  const std::int64_t partial = options.edge.partial;
  CellContents contents;
  std::int64_t normalized = 0;
  for (const EdgeKind& kind : kinds_of_edges(options, type)) {
    const auto make = [&](std::int64_t channels) {
      return MixedOperation(kind.primitives, OperationOptions{channels, kind.stride}, options.edge)
          .ptr();
    };
    const ModuleSize size = size_by_channels(make, partial);
    contents.operations += size * kind.count;
    // A pool and its batch norm are made again by a fused cell's backward pass.
    const auto pools = std::ranges::count(kind.primitives, PrimitiveKind::pool, &Primitive::kind);
    normalized += (size.batch_norms - pools) * kind.count;
  }
  contents.normalized =
      runs_all ? static_cast<double>(normalized) / static_cast<double>(partial) : 0.0;
  // The last node is not read; of the others operations see their part of the channels.
  contents.states = static_cast<double>(options.nodes - 1) / static_cast<double>(partial);
  contents.outputs = options.nodes;
  return contents;
}

bool runs_all_operations(const SearchMethod& method, const SupernetOptions& options) {
  const c10::NoGradGuard no_grad;
  Theta theta;
  for (const ThetaShape& shape : options.theta) {
    theta.add(shape.name, at::zeros(shape.sizes));
  }
  theta.set_missing(missing_columns({options.primitives, options.nodes}, theta.alphas()));
  const Mixings mixings = method.mix_all(theta, {}, Moves::w);
  return !mixings.normal.active.defined() && !mixings.reduce.active.defined();
}

bool recomputes(const SearchConfig& config, const c10::Device& device) {
  return config.runtime.recompute && config.runtime.execution == Execution::fused &&
         device.is_cpu();
}

/// The weights themselves, their gradient and momentum; of the second order those that the unrolled
/// step starts from.
double copies_of_weights(const SearchConfig& config, const SearchMethod& method) {
  if (!method.trains()) {
    return 1;
  }
  return config.search.order == SearchOrder::second ? 4 : 3;
}

}  // namespace

MemoryNeed memory_need(const SearchConfig& config, const SupernetOptions& options,
                       const BatchSizes& batch, const c10::Device& device) {
  const auto method = search_method(config);
  const bool runs_all = runs_all_operations(*method, options);
  NetworkSizes sizes;
  sizes.stem = {options.stem, options.image_channels, options.stem_multiplier * options.channels};
  sizes.cells = options.cells;
  sizes.channels = options.channels;
  sizes.height = batch.height;
  sizes.width = batch.width;
  sizes.classes = options.classes;
  sizes.contents = {contents_of(options, CellType::normal, runs_all),
                    contents_of(options, CellType::reduction, runs_all)};
  const NetworkMemory memory = network_memory(sizes);

  const bool recompute = recomputes(config, device);
  const double kept = recompute ? memory.kept_to_recompute : memory.kept;
  MemoryNeed need{"the search"};
  const bool measures = config.search.curvature.every > 0;
  need.lower = "search.batch_size, space.channels, space.cells or space.nodes" +
               std::string(recompute || !device.is_cpu() ? "" : ", or set runtime.recompute=true") +
               (measures ? ", or search.curvature_every=0" : "") + " (--dry-run estimates)";
  need.weights = copies_of_weights(config, *method) * memory.parameters * sizeof(float);
  need.modules = memory.tensors * bytes_of_tensor;
  if (method->trains()) {
    // A measurement of the curvature computes in float64, or keeps two passes in float32.
    const double bytes = measures ? sizeof(double) : bytes_of_activation(config.runtime.precision);
    need.activations = kept * static_cast<double>(batch.images) * bytes;
  }
  return need;
}

MemoryNeed memory_need(const SearchConfig& config, const SupernetOptions& options,
                       const SearchData& data, const c10::Device& device) {
  const BatchSizes batch{data.images_at_once(), data.height(), data.width()};
  MemoryNeed need = memory_need(config, options, batch, device);
  need.images = static_cast<double>(data.bytes_held());
  return need;
}

}  // namespace darts
