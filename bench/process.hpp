#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace darts {

/// Runs a shell's command and returns the JSON objects that it printed, one a line, as one; other
/// lines are left out. If it ended before its end: with "failed", the reason on one line, unless it
/// said so itself.
nlohmann::ordered_json run_process(const std::string& command);

}  // namespace darts
