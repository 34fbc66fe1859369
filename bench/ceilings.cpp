#include "ceilings.hpp"

#include "machine_peaks.hpp"
#include "step_times.hpp"

#include <darts/core/device.hpp>
#include <darts/core/text.hpp>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

constexpr std::int64_t warm_up = 3;
constexpr std::int64_t repetitions = 10;

double best_time(const std::function<void()>& work, const c10::Device& device) {
  step_times(work, warm_up, device);
  return std::ranges::min(step_times(work, repetitions, device));
}

double copying(const c10::Device& device) {
  const at::Tensor from = at::rand({256 << 20}, device);
  const at::Tensor to = at::empty_like(from);
  return 2.0 * static_cast<double>(from.nbytes()) / best_time([&] { to.copy_(from); }, device);
}

double product(const c10::Device& device, c10::ScalarType type) {
  constexpr std::int64_t n = 8192;
  const at::Tensor a = at::rand({n, n}, device).to(type);
  const at::Tensor b = at::rand({n, n}, device).to(type);
  return 2.0 * n * n * n / best_time([&] { at::mm(a, b); }, device);
}

}  // namespace

std::optional<double> Ceilings::product(std::string_view type) const {
  const auto found = products.find(std::string(type));
  return found == products.end() ? std::nullopt : std::optional(found->second);
}

Ceilings measure_ceilings(const c10::Device& device) {
  if (device.is_cpu()) {
    const MachinePeaks peaks = measure_peaks();
    return {peaks.bytes, {{"fp32", peaks.flops}}};
  }
  Ceilings ceilings;
  ceilings.copy = copying(device);
  set_tf32(true);
  ceilings.products["tf32"] = product(device, c10::kFloat);
  set_tf32(false);
  ceilings.products["fp32"] = product(device, c10::kFloat);
  ceilings.products["bf16"] = product(device, c10::kBFloat16);
  return ceilings;
}

nlohmann::ordered_json to_json(const Ceilings& ceilings) {
  return {{"copy_bytes_per_s", ceilings.copy}, {"product_flop_per_s", ceilings.products}};
}

Ceilings ceilings_of(const nlohmann::ordered_json& json) {
  return {json.at("copy_bytes_per_s").get<double>(),
          json.at("product_flop_per_s").get<std::map<std::string, double>>()};
}

std::string describe(const Ceilings& ceilings) {
  std::string text = "copying " + format_fixed(ceilings.copy / 1e9, 1) + " GB/s; products";
  for (const auto& [type, rate] : ceilings.products) {
    text += (text.ends_with("products") ? " " : ", ") + type + " " + format_fixed(rate / 1e12, 2);
  }
  return text + " TFLOP/s";
}

}  // namespace darts
