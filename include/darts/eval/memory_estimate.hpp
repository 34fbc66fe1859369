#pragma once

#include <darts/eval/evaluation_network.hpp>
#include <darts/eval/train_config.hpp>
#include <darts/eval/train_data.hpp>
#include <darts/run/memory_need.hpp>

namespace darts {

/// What training this network needs in memory at least, by its sizes alone: w, that of the
/// auxiliary head included, with its gradient, momentum and moving average, and what a pass keeps
/// of such a batch, or of a part of it.
MemoryNeed memory_need(const TrainConfig& config, const EvaluationNetworkOptions& network,
                       const BatchSizes& batch);

/// The same of a step on this data.
MemoryNeed memory_need(const TrainConfig& config, const EvaluationNetworkOptions& network,
                       const TrainData& data);

/// The same of running it on such a batch, without gradients.
MemoryNeed memory_to_run(const EvaluationNetworkOptions& network, const BatchSizes& batch,
                         Precision precision = Precision::fp32);

/// Parameters of a network, by its sizes alone: nothing of them is allocated.
struct ParametersBySize {
  std::int64_t network = 0;    ///< without the auxiliary head
  std::int64_t auxiliary = 0;  ///< of the head that it has or could have
};
ParametersBySize parameters_by_size(const EvaluationNetworkOptions& network);

}  // namespace darts
