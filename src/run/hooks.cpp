#include <darts/run/hooks.hpp>

#include <utility>

namespace darts {

std::optional<Progress> RunHooks::progress(std::string label, std::int64_t total,
                                           std::int64_t first_step) const {
  if (!show_progress) {
    return std::nullopt;
  }
  ProgressOptions options;
  options.label = std::move(label);
  options.total = total;
  options.first_step = first_step;
  return std::optional<Progress>(std::in_place, std::move(options));
}

}  // namespace darts
