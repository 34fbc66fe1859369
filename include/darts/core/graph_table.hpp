#pragma once

#include <darts/core/device_graph.hpp>
#include <darts/core/flat_tensors.hpp>

#include <c10/core/GradMode.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace darts {

/// A pass that is captured as a DeviceGraph for each kind of inputs that it is run on, the first
/// time, and launched from then on.
///
/// `Inputs` and `Outputs` are structs with a function `tensors_of(T&)` beside them that gives
/// pointers to their tensors, of which any may be undefined; all else in the inputs has to be part
/// of the `Kind`, and so has which of them are defined. Graphs are for a GPU; on the CPU all but
/// the capture is done.
template <class Kind, class Inputs, class Outputs>
class GraphTable {
 public:
  using Pass = std::function<Outputs(const Inputs&)>;
  /// What the runs before a capture may not change.
  using Kept = std::function<std::vector<at::Tensor>()>;

  /// At most `most_kinds` have a graph; others are run by `pass` as it is, since batches of many
  /// sizes, as unreadable images make them, are not worth one.
  GraphTable(std::size_t most_kinds, Pass pass, Kept kept)
      : most_kinds_(most_kinds), pass_(std::move(pass)), kept_(std::move(kept)) {}

  Outputs run(const Kind& kind, const Inputs& inputs) {
    auto found = captured_.find(kind);
    if (found == captured_.end()) {
      if (captured_.size() == most_kinds_) {
        return pass_(inputs);
      }
      found = captured_.emplace(kind, capture(inputs)).first;
    }
    return launch(*found->second, inputs);
  }

 private:
  /// A graph with the tensors that it reads and writes each time.
  struct Captured {
    Inputs inputs;
    Outputs outputs;
    std::unique_ptr<DeviceGraph> graph;
  };

  /// With tensors of its own.
  template <class Struct>
  static Struct copy_of(Struct values) {
    for (at::Tensor* tensor : tensors_of(values)) {
      if (tensor->defined()) {
        *tensor = tensor->detach().clone();
      }
    }
    return values;
  }

  std::unique_ptr<Captured> capture(const Inputs& inputs) {
    auto captured = std::make_unique<Captured>();
    captured->inputs = copy_of(inputs);
    const FlatRestore kept(kept_());  // as it is without the passes to warm up
    captured->graph = std::make_unique<DeviceGraph>(
        tensors_of(captured->inputs).front()->device(),
        [this, &c = *captured] { c.outputs = pass_(c.inputs); }, first_);
    if (first_ == nullptr) {
      first_ = captured->graph.get();
    }
    return captured;
  }

  /// The graph's own tensors are written anew by the next launch, so copies are handed out.
  static Outputs launch(Captured& captured, Inputs inputs) {
    const c10::NoGradGuard no_grad;
    const auto own = tensors_of(captured.inputs);
    const auto given = tensors_of(inputs);
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (own[i]->defined()) {
        own[i]->copy_(*given[i], /*non_blocking=*/true);
      }
    }
    {
      const c10::AutoGradMode with_gradients(true);  // where a launch runs the work
      captured.graph->launch();
    }
    return copy_of(captured.outputs);
  }

  std::size_t most_kinds_;
  Pass pass_;
  Kept kept_;
  std::map<Kind, std::unique_ptr<Captured>> captured_;
  const DeviceGraph* first_ = nullptr;  ///< whose memory the others share
};

}  // namespace darts
