#include <darts/parallel/broadcast_checkpoint.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

/// What the others have to know before the numbers come: {"file", "meta", "tensors": [[name, type,
/// shape], …]}.
std::string header_of(const Checkpoint& checkpoint) {
  Json json{
      {"file", checkpoint.file.string()}, {"meta", checkpoint.meta}, {"tensors", Json::array()}};
  for (const auto& [name, tensor] : checkpoint.tensors) {
    json["tensors"].push_back({name, static_cast<int>(tensor.scalar_type()), tensor.sizes().vec()});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Checkpoint empty_of(const std::string& header) {
  const Json json = Json::parse(header);
  Checkpoint checkpoint;
  checkpoint.file = json["file"].get<std::string>();
  checkpoint.meta = json["meta"].get<std::string>();
  for (const Json& tensor : json["tensors"]) {
    checkpoint.tensors.emplace(
        tensor[0].get<std::string>(),
        at::empty(tensor[2].get<std::vector<std::int64_t>>(),
                  at::TensorOptions().dtype(static_cast<at::ScalarType>(tensor[1].get<int>()))));
  }
  return checkpoint;
}

/// The memory of a dense tensor, as bytes.
at::Tensor bytes_of(const at::Tensor& tensor) { return tensor.flatten().view(at::kByte); }

}  // namespace

Checkpoint broadcast_checkpoint(Ranks& ranks, const std::function<Checkpoint()>& load) {
  if (ranks.alone()) {
    return load();
  }
  Checkpoint checkpoint;
  if (ranks.is_first()) {
    checkpoint = load();
    ranks.of_first(header_of(checkpoint));
  } else {
    checkpoint = empty_of(ranks.of_first(""));
  }
  std::vector<at::Tensor> parts;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (tensor.numel() > 0) {
      parts.push_back(bytes_of(tensor));
    }
  }
  if (parts.empty()) {
    return checkpoint;
  }
  const at::Tensor all = at::cat(parts);
  ranks.broadcast(all);
  if (!ranks.is_first()) {
    std::int64_t at = 0;
    for (const at::Tensor& part : parts) {
      at::Tensor(part).copy_(all.narrow(0, at, part.numel()));
      at += part.numel();
    }
  }
  return checkpoint;
}

}  // namespace darts
