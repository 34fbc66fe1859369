#include <darts/cell/topology.hpp>
#include <darts/search/theta.hpp>

#include <ATen/ops/xlogy.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace darts {

std::string theta_name(std::string_view what, CellType type) {
  return std::string(what) + (type == CellType::normal ? "_normal" : "_reduce");
}

std::vector<ThetaShape> alpha_shapes(const SearchSpace& space) {
  std::vector<ThetaShape> shapes;
  shapes.reserve(cell_types.size());
  for (const CellType type : cell_types) {
    shapes.push_back({theta_name("alphas", type),
                      {edge_count(space.nodes), space.primitives.of(type).columns()}});
  }
  return shapes;
}

Theta::Theta(const Alphas& alphas, const ByCellType<at::Tensor>& missing) : missing_(missing) {
  for (const CellType type : cell_types) {
    add(theta_name("alphas", type), alphas.of(type));
  }
}

ByCellType<at::Tensor> missing_columns(const SearchSpace& space, const Alphas& alphas) {
  const auto missing = [&](CellType type) {
    return missing_columns(space.primitives.of(type), alphas.of(type).size(0));
  };
  return {missing(CellType::normal), missing(CellType::reduction)};
}

void Theta::add(std::string name, at::Tensor tensor) {
  names_.push_back(std::move(name));
  tensors_.push_back(std::move(tensor));
}

void Theta::add_fixed(std::string name, at::Tensor tensor) {
  fixed_names_.push_back(std::move(name));
  fixed_.push_back(std::move(tensor));
}

bool Theta::contains(std::string_view name) const {
  return std::ranges::find(names_, name) != names_.end() ||
         std::ranges::find(fixed_names_, name) != fixed_names_.end();
}

at::Tensor Theta::at(std::string_view name) const {
  TORCH_CHECK(contains(name), "theta has no tensor ", name);
  const auto found = std::ranges::find(names_, name);
  if (found != names_.end()) {
    return tensors_[static_cast<std::size_t>(found - names_.begin())];
  }
  const auto fixed = std::ranges::find(fixed_names_, name);
  return fixed_[static_cast<std::size_t>(fixed - fixed_names_.begin())];
}

void Theta::set_gradients(const std::vector<at::Tensor>& gradients) const {
  TORCH_CHECK(gradients.size() == tensors_.size(), "theta: ", tensors_.size(),
              " gradients expected, got ", gradients.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    tensors_[i].mutable_grad() = gradients[i];
  }
}

std::vector<std::string> Theta::all_names() const {
  std::vector<std::string> names = names_;
  names.insert(names.end(), fixed_names_.begin(), fixed_names_.end());
  return names;
}

Theta Theta::detached_to_cpu() const {
  Theta copy;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    copy.add(names_[i], tensors_[i].detach().cpu());
  }
  for (std::size_t i = 0; i < fixed_.size(); ++i) {
    copy.add_fixed(fixed_names_[i], fixed_[i].detach().cpu());
  }
  const auto to_cpu = [](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.cpu() : tensor;
  };
  copy.set_missing({to_cpu(missing_.normal), to_cpu(missing_.reduce)});
  return copy;
}

double mean_entropy(const at::Tensor& shares) {
  const at::Tensor p = shares.detach().to(at::kDouble);
  return -at::xlogy(p, p).sum(-1).mean().item<double>();
}

}  // namespace darts
