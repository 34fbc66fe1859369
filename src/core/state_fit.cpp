#include "state_fit.hpp"

#include <darts/core/error.hpp>

#include <c10/util/StringUtil.h>

#include <algorithm>

namespace darts::detail {

std::string join_name(std::string_view prefix, std::string_view name) {
  std::string joined(prefix);
  if (!joined.empty()) {
    joined += '.';
  }
  return joined.append(name);
}

StateFit::StateFit(const NamedTensors& tensors, std::string_view prefix, std::string_view place)
    : tensors_(tensors), prefix_(prefix), place_(place) {}

const at::Tensor* StateFit::find(const std::string& name, const at::Tensor& like) {
  asked_.insert(name);
  const auto it = tensors_.find(name);
  if (it == tensors_.end()) {
    complaints_.push_back(name + " is missing in the checkpoint");
    return nullptr;
  }
  const at::Tensor& stored = it->second;
  if (stored.sizes() != like.sizes()) {
    complaints_.push_back(c10::str(name, " has shape ", stored.sizes(), " in the checkpoint, ",
                                   like.sizes(), " in ", place_));
    return nullptr;
  }
  if (stored.scalar_type() != like.scalar_type()) {
    complaints_.push_back(c10::str(name, " has dtype ", stored.scalar_type(),
                                   " in the checkpoint, ", like.scalar_type(), " in ", place_));
    return nullptr;
  }
  return &stored;
}

bool StateFit::contains(const std::string& name) const { return tensors_.contains(name); }

void StateFit::finish(std::string_view what) {
  const std::string below = prefix_.empty() ? prefix_ : prefix_ + ".";
  for (const auto& [name, tensor] : tensors_) {
    if (name.starts_with(below) && !asked_.contains(name)) {
      complaints_.push_back(name + " is not part of " + place_);
    }
  }
  if (complaints_.empty()) {
    return;
  }
  constexpr std::size_t most = 3;
  std::string message = std::string(what) + " does not fit " + place_ + ": ";
  for (std::size_t i = 0; i < std::min(most, complaints_.size()); ++i) {
    message.append(i == 0 ? "" : "; ").append(complaints_[i]);
  }
  if (complaints_.size() > most) {
    message.append("; and ").append(std::to_string(complaints_.size() - most)).append(" more");
  }
  throw Error(message + " (was it made with another configuration?)");
}

}  // namespace darts::detail
