#include <darts/core/graph_table.hpp>
#include <darts/search/supernet_pass.hpp>

#include <tuple>
#include <utility>

namespace darts {
namespace {

/// Of inputs that are worth a graph: whole batches and an epoch's last, of either part of the
/// images, with each way to differentiate.
constexpr std::size_t most_kinds = 12;

struct SearchInputs {
  Batch batch;
  Mixings mixings;
  Differentiate by = Differentiate::both;
};

std::vector<at::Tensor*> tensors_of(SearchInputs& inputs) {
  return {&inputs.batch.images, &inputs.batch.labels, &inputs.mixings.normal.operations,
          &inputs.mixings.reduce.operations};
}

class GraphedPass : public SupernetPass {
 public:
  GraphedPass(const Supernet& supernet, std::shared_ptr<FlatWeights> weights)
      : supernet_(supernet),
        plain_(make_pass(supernet, std::move(weights))),
        statistics_(flatten_by_type(supernet->buffers())),
        graphs_(
            most_kinds,
            [this](const SearchInputs& inputs) {
              return plain_->run(inputs.batch, inputs.mixings, inputs.by);
            },
            [this] { return flats_of(statistics_); }) {}

  PassResult run(const Batch& batch, const Mixings& mixings, Differentiate by) override {
    if (mixings.normal.active.defined() || mixings.reduce.active.defined()) {
      return plain_->run(batch, mixings, by);  // other operations in every pass
    }
    return graphs_.run({batch.images.sizes().vec(), batch.weight, by, supernet_->is_training()},
                       {batch, mixings, by});
  }

 private:
  /// Sizes of the images, their weight, what is computed, and whether in training.
  using Kind = std::tuple<std::vector<std::int64_t>, double, Differentiate, bool>;

  Supernet supernet_;
  std::unique_ptr<SupernetPass> plain_;
  std::vector<FlatTensors> statistics_;
  GraphTable<Kind, SearchInputs, PassResult> graphs_;
};

}  // namespace

std::vector<at::Tensor*> tensors_of(PassResult& result) {
  std::vector<at::Tensor*> tensors{&result.loss, &result.logits, &result.correct};
  for (at::Tensor& gradient : result.mixing) {
    tensors.push_back(&gradient);
  }
  return tensors;
}

std::unique_ptr<SupernetPass> make_graphed_pass(const Supernet& supernet,
                                                std::shared_ptr<FlatWeights> weights) {
  return std::make_unique<GraphedPass>(supernet, std::move(weights));
}

}  // namespace darts
