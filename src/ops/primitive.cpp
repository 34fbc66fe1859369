#include <darts/core/named_rows.hpp>
#include <darts/ops/average_pool.hpp>
#include <darts/ops/conv_block.hpp>
#include <darts/ops/factorized_reduce.hpp>
#include <darts/ops/noise.hpp>
#include <darts/ops/primitive.hpp>
#include <darts/ops/zero.hpp>

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include <array>

namespace darts {
namespace {

using torch::nn::AnyModule;

AnyModule make_none(const OperationOptions& o) { return AnyModule(Zero(o.stride)); }

AnyModule make_max_pool(const OperationOptions& o) {
  return AnyModule(
      torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(3).stride(o.stride).padding(1)));
}

AnyModule make_avg_pool(const OperationOptions& o) { return AnyModule(AveragePool(o.stride)); }

AnyModule make_skip(const OperationOptions& o) {
  if (o.stride == 1) {
    return AnyModule(torch::nn::Identity());
  }
  return AnyModule(FactorizedReduce(FactorizedReduceOptions{o.channels, o.channels, o.affine}));
}

template <class Block, std::int64_t kernel_size, std::int64_t dilation>
AnyModule make_conv(const OperationOptions& o) {
  return AnyModule(
      Block(ConvBlockOptions{o.channels, o.channels, kernel_size, o.stride, dilation, o.affine}));
}

AnyModule make_noise(const OperationOptions& o) { return AnyModule(Noise(o.stride)); }

AnyModule make_conv_7x1(const OperationOptions& o) { return AnyModule(make_conv_7x1_1x7(o)); }

constexpr auto table = std::to_array<PrimitiveRow>({
    {"none", PrimitiveKind::none, make_none},
    {"max_pool_3x3", PrimitiveKind::pool, make_max_pool},
    {"avg_pool_3x3", PrimitiveKind::pool, make_avg_pool},
    {"skip_connect", PrimitiveKind::skip, make_skip},
    {"sep_conv_3x3", PrimitiveKind::conv, make_conv<SepConv, 3, 1>},
    {"sep_conv_5x5", PrimitiveKind::conv, make_conv<SepConv, 5, 1>},
    {"dil_conv_3x3", PrimitiveKind::conv, make_conv<DilConv, 3, 2>},
    {"dil_conv_5x5", PrimitiveKind::conv, make_conv<DilConv, 5, 2>},
    {"sep_conv_7x7", PrimitiveKind::conv, make_conv<SepConv, 7, 1>},
    {"conv_7x1_1x7", PrimitiveKind::conv, make_conv_7x1},
    {"noise", PrimitiveKind::noise, make_noise},
});

}  // namespace

std::string_view kind_name(PrimitiveKind kind) {
  switch (kind) {
    case PrimitiveKind::none:
      return "none";
    case PrimitiveKind::pool:
      return "pool";
    case PrimitiveKind::skip:
      return "skip";
    case PrimitiveKind::conv:
      return "conv";
    case PrimitiveKind::noise:
      return "noise";
  }
  return "";
}

std::span<const PrimitiveRow> primitive_table() { return table; }

Primitive Primitive::parse(std::string_view name) {
  return Primitive(&find_row(table, name, "operation"));
}

std::vector<Primitive> default_primitives() {
  std::vector<Primitive> primitives;
  for (const PrimitiveRow& row : std::span(table).first(8)) {
    primitives.push_back(Primitive::parse(row.name));
  }
  return primitives;
}

std::vector<Primitive> parse_primitives(const std::vector<std::string>& names) {
  std::vector<Primitive> primitives;
  primitives.reserve(names.size());
  for (const std::string& name : names) {
    primitives.push_back(Primitive::parse(name));
  }
  return primitives;
}

std::vector<std::string> primitive_names(const std::vector<Primitive>& primitives) {
  std::vector<std::string> names;
  names.reserve(primitives.size());
  for (const Primitive& primitive : primitives) {
    names.emplace_back(primitive.name());
  }
  return names;
}

}  // namespace darts
