#include <darts/search/shared_curvature.hpp>

#include <array>
#include <span>

namespace darts {
namespace {

/// What the ranks come to before every product, and at the end.
struct Vote {
  bool stop = false;      ///< one of them is asked to
  bool measures = false;  ///< the first one goes on
};

Vote vote(Ranks& ranks, bool stop, bool measures) {
  std::array<double, 2> votes{stop ? 1.0 : 0.0, measures ? 1.0 : 0.0};
  ranks.sum(std::span<double>(votes));
  return {votes[0] > 0.0, votes[1] > 0.0};
}

}  // namespace

std::optional<Curvature> shared_curvature(
    Ranks& ranks, const std::function<bool()>& asked,
    const std::function<std::optional<Curvature>(const std::function<bool()>&)>& measure) {
  if (ranks.alone()) {
    return measure(asked);
  }
  std::array<double, 3> figures{};
  if (ranks.is_first()) {
    const auto measured = measure([&] { return vote(ranks, asked(), true).stop; });
    if (!measured || vote(ranks, asked(), false).stop) {
      return std::nullopt;
    }
    figures = {measured->eigenvalue, measured->seconds, static_cast<double>(measured->products)};
  } else {
    for (Vote all{.measures = true}; all.measures;) {
      all = vote(ranks, asked(), false);
      if (all.stop) {
        return std::nullopt;
      }
    }
  }
  ranks.sum(std::span<double>(figures));
  return Curvature{figures[0], figures[1], static_cast<std::int64_t>(figures[2])};
}

}  // namespace darts
