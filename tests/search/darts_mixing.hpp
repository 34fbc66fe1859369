#pragma once

#include <darts/search/supernet.hpp>
#include <darts/search/theta_pass.hpp>

#include <memory>

namespace darts::testing {

/// What DARTS runs the cells of a supernet with.
inline Mixings mixings_of(const SupernetImpl& supernet) {
  return SearchMethod().mix_all(supernet.theta(), {}, Moves::w);
}

/// The supernet's logits as DARTS mixes it.
inline at::Tensor logits_of(SupernetImpl& supernet, const at::Tensor& images) {
  return supernet.forward(images, mixings_of(supernet));
}

/// DARTS' passes through a supernet.
inline std::shared_ptr<ThetaPass> theta_pass(const Supernet& supernet,
                                             std::shared_ptr<FlatWeights> weights = nullptr) {
  return std::make_shared<ThetaPass>(supernet, make_pass(supernet, std::move(weights)),
                                     std::make_shared<const SearchMethod>());
}

}  // namespace darts::testing
