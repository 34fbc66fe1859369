#pragma once

#include <darts/parallel/ranks.hpp>
#include <darts/search/curvature.hpp>

#include <functional>
#include <optional>

namespace darts {

/// The curvature as the first of the ranks measures it, on all of them. Where each measured for
/// itself, two that round differently would take unlike numbers of products, and what hangs on the
/// figure, such as when a search stops, would part them.
///
/// `measure` is called on the first rank, with what it is to ask before every product: whether to
/// stop, because `asked` says so on one of the ranks. The others take part in that. Nothing, on all
/// ranks, if it was stopped.
std::optional<Curvature> shared_curvature(
    Ranks& ranks, const std::function<bool()>& asked,
    const std::function<std::optional<Curvature>(const std::function<bool()>& should_stop)>&
        measure);

}  // namespace darts
