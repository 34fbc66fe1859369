#pragma once

#include <darts/cell/search_cell.hpp>
#include <darts/parallel/batch_share.hpp>

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace darts {

struct NetworkSize {
  std::int64_t channels = 0;  ///< of the first cells
  std::int64_t cells = 0;
  std::int64_t batch = 0;  ///< images of 32×32×3
};

/// What is timed: a network of a size, and how and where it is run.
struct SubjectOptions {
  NetworkSize size;
  ExecutionOptions execution;  ///< of the evaluation network: without its recomputation
  bool channels_last = true;   ///< the images, and with them all that is computed of them
  c10::Device device = c10::kCPU;
  bool cuda_graph = false;
  bool tf32 = false;
  bool deterministic = false;
  std::string method = "darts";  ///< of a search
  std::string space = "darts";   ///< that it chooses from
  std::int64_t stage = 0;        ///< of those that the method goes through
  /// On several ranks, each with its rows of a batch; else by one process.
  bool on_ranks = false;
  BatchNormStatistics batch_norm = BatchNormStatistics::sync;
  std::shared_ptr<Ranks> ranks = single_rank();
};

/// A network of `size` on `device` as `execution` says: "fused", "plain", … as `runtime.execution`
/// has them, and behind it, each after a "+": a value of `runtime.precision`; "nchw", the
/// original's layout, without `runtime.channels_last`; and on a GPU "graph", "tf32" and
/// "deterministic", the settings of `runtime` of these names; or a search method, one of its
/// later stages ("stage2", of what a random theta leaves and of as many cells), a search space
/// ("s1"); or "sync" or "local", a value of `parallel.batch_norm`, on several ranks. Throws Error
/// as the config does, and for a setting that a CPU does not have.
SubjectOptions subject_options(const std::string& execution, const NetworkSize& size,
                               const c10::Device& device);

/// The type of the products, by which their ceiling is looked up: "fp32", "tf32" or "bf16".
std::string_view product_type(const SubjectOptions& options);

}  // namespace darts
