#include <darts/cell/topology.hpp>
#include <darts/search/edge_weights.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>

#include <vector>

namespace darts {
namespace {

template <class Function>
at::Tensor by_node(const at::Tensor& edges, const Function& function) {
  std::vector<at::Tensor> nodes;
  for (std::int64_t node = 0; first_edge(node) < edges.size(0); ++node) {
    nodes.push_back(function(edges.narrow(0, first_edge(node), predecessors(node))));
  }
  return at::cat(nodes);
}

}  // namespace

at::Tensor softmax_by_node(const at::Tensor& betas) {
  return by_node(betas, [](const at::Tensor& node) { return at::softmax(node, 0); });
}

at::Tensor normalized_by_node(const at::Tensor& weights) {
  return by_node(weights, [](const at::Tensor& node) { return node / node.sum(); });
}

at::Tensor weigh_edges(const at::Tensor& operations, const at::Tensor& edges) {
  const at::Tensor column = edges.unsqueeze(1);
  return at::cat({operations * column, column}, 1);
}

}  // namespace darts
