#pragma once

#include <c10/core/Device.h>

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace darts {

/// What a device does at most, as LibTorch gets it, measured.
struct Ceilings {
  double copy = 0.0;  ///< bytes a second, read and written, of a tensor too large for any cache
  /// Floating-point operations a second in a product of square matrices, by product_type(). Of a
  /// CPU only fp32.
  std::map<std::string, double> products;

  /// Nothing if it was not measured.
  std::optional<double> product(std::string_view type) const;
};

/// Takes about a second. On a GPU by events: n = 8192, copies of 1 GiB. Leaves TF32 off.
Ceilings measure_ceilings(const c10::Device& device);

/// {"copy_bytes_per_s", "product_flop_per_s": {"fp32", …}}
nlohmann::ordered_json to_json(const Ceilings& ceilings);
Ceilings ceilings_of(const nlohmann::ordered_json& json);

/// For people: "copying 2031.5 GB/s; products fp32 50.1, tf32 400.3 TFLOP/s".
std::string describe(const Ceilings& ceilings);

}  // namespace darts
