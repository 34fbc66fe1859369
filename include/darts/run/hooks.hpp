#pragma once

#include <darts/core/log.hpp>
#include <darts/core/progress.hpp>
#include <darts/parallel/ranks.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace darts {

/// What a run tells and asks its surroundings. As it stands a run is silent and never stops early.
struct RunHooks {
  Log log = Log::silent();            ///< beside the run directory's log.txt
  bool show_progress = false;         ///< a progress bar, or lines where there is no terminal
  std::function<bool()> should_stop;  ///< asked after every step; may be empty
  /// Those that make the run together. The first one writes; if one is to stop, all do.
  std::shared_ptr<Ranks> ranks = single_rank();

  bool stop_requested() const { return should_stop && should_stop(); }

  /// A progress display of `total` steps, if they are to be shown.
  std::optional<Progress> progress(std::string label, std::int64_t total,
                                   std::int64_t first_step = 0) const;
};

}  // namespace darts
