#pragma once

#include <darts/eval/evaluation_network.hpp>
#include <darts/eval/train_config.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace darts {

/// What a part of an evaluation network costs.
struct PartCount {
  std::string place;  ///< "stem", "cell 0 (normal)", …, "classifier", "auxiliary head"
  std::string part;   ///< within a cell: "preprocess", "sep_conv_3x3 0→2"; else empty
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;  ///< of one image
};

struct NetworkCount {
  std::vector<PartCount> parts;  ///< in the order of execution, without the auxiliary head
  PartCount auxiliary;           ///< only used in training: not part of the totals, as in the paper
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;
};

/// Parameters, and multiply-adds of one image of height × width (convolutions and linear layers),
/// by cell and operation. Runs every operation once on zeros to see what it costs. The auxiliary
/// head is left out where the images are too small for it.
NetworkCount count_network(const EvaluationNetworkOptions& options, std::int64_t height,
                           std::int64_t width);

/// The same of the network that a genotype stands for under a recipe, on such images.
NetworkCount count_network(const TrainConfig& config, const Genotype& genotype,
                           const DatasetShape& images);

/// As a table for a terminal: cells, then all operations of all cells together.
std::string describe(const NetworkCount& count);

/// Everything: {"parameters", "multiply_adds", "auxiliary": {…}, "parts": [{"place", "part", …}]}.
nlohmann::ordered_json to_json(const NetworkCount& count);

}  // namespace darts
