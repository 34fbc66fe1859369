#pragma once

#include <darts/cell/search_cell.hpp>
#include <darts/cell/stem.hpp>
#include <darts/ops/initialize.hpp>
#include <darts/search/method.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <vector>

namespace darts {

struct SupernetOptions {
  ByCellType<CellPrimitives> primitives = everywhere(default_primitives());
  EdgeOptions edge;            ///< what every edge has beside them
  std::int64_t cells = 8;      ///< reduction cells stand at ⌊cells/3⌋ and ⌊2·cells/3⌋
  std::int64_t channels = 16;  ///< channels of the first cells' nodes; doubled by a reduction
  std::int64_t nodes = 4;      ///< intermediate nodes of a cell
  NetworkStem stem = NetworkStem::cifar;
  std::int64_t stem_multiplier = 3;  ///< the stem has stem_multiplier · channels
  bool stem_affine = true;           ///< its batch norms learn scale and shift
  std::int64_t image_channels = 3;
  std::int64_t classes = 10;
  std::vector<ThetaShape> theta;        ///< of the search method; none: alpha alone
  std::vector<ThetaShape> fixed_theta;  ///< of a selection: no parameters, but buffers
  ExecutionOptions execution;
};

/// The supernet (the search network): stem, cells of mixed operations, global pooling, classifier
/// (paper, section 3.1 and A.1.1). Holds both the weights w and the architecture parameters theta,
/// but knows nothing of what theta means: a search method makes mixing weights of it, with which
/// the supernet is run.
///
/// Names of parameters and buffers are the original implementation's: `stem.K` (ImageNet:
/// `stem0.K`, `stem1.K`),
/// `cells.I._ops.E._ops.P.op.K.weight`, `classifier.weight`; alpha is `alphas_normal` and
/// `alphas_reduce`, edges × columns.
class SupernetImpl : public torch::nn::Cloneable<SupernetImpl> {
 public:
  explicit SupernetImpl(SupernetOptions options);
  void reset() override;

  /// images: (N, image_channels, H, W) → logits (N, classes), of bfloat16 under autocast.
  at::Tensor forward(const at::Tensor& images, const Mixings& mixings);

  /// The parameters that training moves: all but theta, in a fixed order, with their names.
  std::vector<at::Tensor> weights() const;
  std::vector<std::string> weight_names() const;

  /// Of each of weights(), whether a pass with these mixing weights runs it.
  std::vector<bool> run_by(const Mixings& mixings) const;

  /// The architecture parameters themselves (not copies).
  Theta theta() const;
  Alphas alphas() const { return theta().alphas(); }

  const SupernetOptions& options() const { return options_; }

  /// Whether the fused execution has kernels for all that the cells do.
  bool has_kernels();

  /// How the cells are run from now on; what they compute stays the same.
  void set_execution(const ExecutionOptions& execution);

 private:
  bool is_theta(const std::string& name) const;
  at::Tensor missing_columns(CellType type) const;
  /// bf16 unless the cells see to it themselves, by what they store.
  Precision autocast_precision(const at::Tensor& images);

  SupernetOptions options_;
  Stem stem_;
  torch::nn::Sequential cells_{nullptr};  // as a list: it survives clone()
  torch::nn::Linear classifier_{nullptr};
};
TORCH_MODULE(Supernet);

/// How a supernet begins.
struct SupernetInit {
  WeightInit weights = WeightInit::modern;
  double alpha_scale = darts::alpha_scale;
};

/// Draws w and sets theta to the method's start, both from `seed` alone.
void initialize_supernet(Supernet& supernet, std::uint64_t seed,
                         const SearchMethod& method = SearchMethod(),
                         const SupernetInit& init = {});

}  // namespace darts
