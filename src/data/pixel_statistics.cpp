#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/data/pixel_statistics.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace darts {
namespace {

std::string text_of(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    text += (text.empty() ? "" : ", ") + format_shortest(value);
  }
  return text;
}

}  // namespace

void check_statistics(const PixelStatistics& statistics) {
  const auto finite = [](double value) { return std::isfinite(value); };
  if (!std::ranges::all_of(statistics.mean, finite) ||
      !std::ranges::all_of(statistics.stddev,
                           [](double value) { return std::isfinite(value) && value > 0.0; })) {
    throw Error("images cannot be normalised with the means (mean) " + text_of(statistics.mean) +
                " and the standard deviations (stddev) " + text_of(statistics.stddev) +
                ": all have to be finite, the deviations above 0");
  }
}

}  // namespace darts
