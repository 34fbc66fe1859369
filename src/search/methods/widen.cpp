#include <darts/cell/topology.hpp>
#include <darts/core/random.hpp>
#include <darts/search/methods/widen.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

namespace darts {
namespace {

const std::string model = "model.";
const std::string w_optimizer = "w_optimizer.";
const std::string alpha_optimizer = "alpha_optimizer.";

/// "model.cells.3._ops.5._ops.2.op.1.weight" → what is before the operation's place, …
struct OperationTensor {
  std::string edge;        ///< "cells.3._ops.5._ops."
  std::int64_t cell = 0;   ///< 3
  std::int64_t row = 0;    ///< 5
  std::int64_t place = 0;  ///< 2
  std::string part;        ///< "op.1.weight"
};

/// Nothing if `name` (without what stands before "cells.") is not one of an operation.
std::optional<OperationTensor> parse(const std::string& name) {
  long cell = 0;
  long row = 0;
  long place = 0;
  int edge_end = 0;
  int end = 0;
  if (std::sscanf(name.c_str(), "cells.%ld._ops.%ld._ops.%n%ld.%n", &cell, &row, &edge_end, &place,
                  &end) != 3 ||
      end == 0) {
    return std::nullopt;
  }
  return OperationTensor{name.substr(0, static_cast<std::size_t>(edge_end)), cell, row, place,
                         name.substr(static_cast<std::size_t>(end))};
}

/// Which channels of an operation are copied, drawn when first asked for.
class Copies {
 public:
  explicit Copies(std::uint64_t seed) : stream_(seed, RandomPurpose::stage) {}

  /// `more` of `channels`; `which`: a name for the choice, such as "…op.1".
  at::Tensor of(const std::string& which, std::int64_t channels, std::int64_t more) {
    const auto [place, is_new] = drawn_.try_emplace(which);
    if (is_new) {
      std::vector<std::int64_t> index;
      for (std::int64_t i = 0; i < more; ++i) {
        index.push_back(
            static_cast<std::int64_t>(stream_.below(static_cast<std::uint64_t>(channels))));
      }
      place->second = at::tensor(index, at::kLong);
    }
    return place->second;
  }

 private:
  RandomStream stream_;
  std::map<std::string, at::Tensor> drawn_;
};

/// The choices that a part of an operation goes by: of its output channels, and of its input
/// channels, which are those of the depthwise convolution before a pointwise one.
struct Choices {
  std::string out;
  std::string in;  ///< empty: it has none
};

Choices choices_of(const std::string& operation, const std::string& part) {
  const auto is = [&part](const char* start) { return part.starts_with(start); };
  if (is("op.1.") || is("op.5.")) {  // depthwise
    return {operation + part.substr(0, 4), ""};
  }
  if (is("op.2.") || is("op.6.")) {  // pointwise
    return {operation + part.substr(0, 4), operation + (is("op.2.") ? "op.1" : "op.5")};
  }
  if (is("op.3.") || is("op.7.")) {  // their batch norms
    return {operation + (is("op.3.") ? "op.2" : "op.6"), ""};
  }
  if (is("conv_1.") || is("conv_2.")) {
    return {operation + part.substr(0, 6), operation + part.substr(0, 6) + " in"};
  }
  return {operation + "pool", ""};
}

/// A tensor of an operation as the wider one has it.
at::Tensor widen(const at::Tensor& old, const at::Tensor& now, const std::string& operation,
                 const std::string& part, Copies& copies) {
  if (old.sizes() == now.sizes()) {
    return old;
  }
  const std::int64_t more = now.size(0) - old.size(0);
  if (part.starts_with("bn.")) {  // of a factorized reduce: those of both convolutions
    const std::int64_t half = old.size(0) / 2;
    return widened(old, at::cat({copies.of(operation + "conv_1", half, more / 2),
                                 copies.of(operation + "conv_2", half, more / 2)}));
  }
  const Choices choices = choices_of(operation, part);
  at::Tensor in;
  if (!choices.in.empty() && old.size(1) != now.size(1)) {
    in = copies.of(choices.in, old.size(1), now.size(1) - old.size(1));
  }
  return widened(old, copies.of(choices.out, old.size(0), more), in);
}

/// Of each column of a row, its column before.
std::vector<std::int64_t> columns_before(const StageEnd& before, const SearchStage& stage,
                                         CellType type, std::int64_t row) {
  const std::vector<Primitive>& offered = before.stage.space.primitives.of(type).of(row);
  std::vector<std::int64_t> columns;
  for (const Primitive& primitive : stage.space.primitives.of(type).of(row)) {
    columns.push_back(std::ranges::find(offered, primitive) - offered.begin());
  }
  return columns;
}

/// Of a tensor of alpha's shape, the columns that are still there.
at::Tensor kept_columns(const at::Tensor& old, const at::Tensor& now, const StageEnd& before,
                        const SearchStage& stage, CellType type) {
  at::Tensor kept = at::zeros_like(now);
  for (std::int64_t row = 0; row < now.size(0); ++row) {
    const std::vector<std::int64_t> columns = columns_before(before, stage, type, row);
    kept.select(0, row)
        .narrow(0, 0, std::ssize(columns))
        .copy_(old.select(0, row).index_select(0, at::tensor(columns, at::kLong).to(old.device())));
  }
  return kept;
}

/// The name that a tensor of the supernet had in the stage before.
std::string name_before(const std::string& name, const StageEnd& before, const SearchStage& stage,
                        std::int64_t cells) {
  const auto found = parse(name);
  if (!found) {
    return name;
  }
  const auto type = is_reduction_cell(found->cell, cells) ? CellType::reduction : CellType::normal;
  const auto columns = columns_before(before, stage, type, found->row);
  return found->edge + std::to_string(columns[static_cast<std::size_t>(found->place)]) + "." +
         found->part;
}

std::int64_t count_cells(const NamedTensors& tensors) {
  std::int64_t cells = 0;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(model)) {
      const auto found = parse(name.substr(model.size()));
      cells = found ? std::max(cells, found->cell + 1) : cells;
    }
  }
  return cells;
}

/// alpha and what its optimizer remembers, without the columns that are gone.
void take_over_theta(const StageEnd& before, const SearchStage& stage, NamedTensors& now) {
  for (const CellType type : cell_types) {
    const std::string name = theta_name("alphas", type);
    at::Tensor& alphas = now.at(model + name);
    for (const auto& [full, tensor] : before.tensors) {
      const bool remembered = full.starts_with(alpha_optimizer + name + ".");
      if (full == model + name || (remembered && tensor.dim() == 2)) {
        now[full] = kept_columns(tensor, alphas, before, stage, type);
      } else if (remembered) {
        now[full] = tensor;
      }
    }
  }
}

}  // namespace

at::Tensor widened(const at::Tensor& tensor, const at::Tensor& out_channels,
                   const at::Tensor& in_channels) {
  const auto append = [](const at::Tensor& t, std::int64_t dimension, const at::Tensor& index) {
    return index.defined()
               ? at::cat({t, t.index_select(dimension, index.to(t.device()))}, dimension)
               : t;
  };
  return append(append(tensor, 1, in_channels), 0, out_channels);
}

void take_over_widened(const StageEnd& before, const SearchStage& stage, NamedTensors& now,
                       std::uint64_t seed) {
  const c10::NoGradGuard no_grad;
  Copies copies(seed);
  const std::int64_t cells = count_cells(now);
  NamedTensors taken;
  for (const auto& [full, tensor] : now) {
    if (!full.starts_with(model) || full.starts_with(model + "alphas_")) {
      continue;
    }
    const std::string name = full.substr(model.size());
    const std::string old_name = name_before(name, before, stage, cells);
    const auto parsed = parse(name);
    const auto take = [&, &wider = tensor](const at::Tensor& old) {
      return parsed ? widen(old, wider, parsed->edge + std::to_string(parsed->place) + ".",
                            parsed->part, copies)
                    : old;
    };
    taken[full] = take(before.tensors.at(model + old_name));
    const auto momentum = before.tensors.find(w_optimizer + old_name + ".momentum_buffer");
    if (momentum != before.tensors.end()) {
      taken[w_optimizer + name + ".momentum_buffer"] = take(momentum->second);
    }
  }
  take_over_theta(before, stage, now);
  for (auto& [name, tensor] : taken) {
    now[name] = tensor;
  }
}

}  // namespace darts
