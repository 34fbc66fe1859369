#pragma once

#include "arguments.hpp"

#include <functional>

namespace darts {

/// Draws the subject of a measurement and runs it so often that memory and algorithms have settled:
/// three times on a GPU, else once.
std::function<void()> prepare(const Work& work, const SubjectOptions& options);

/// A process for one measurement, so that each has its own peak of memory and none can end the
/// others: prints JSON objects, one a line, and returns the exit status. For `arguments.child`
/// - "result": the first of the works, executions and sizes, as Result::add() reads it; the times
///   before a GPU is traced, so that they stand whatever becomes of that;
/// - "ceilings": {"environment", "ceilings"}.
/// What fails is {"failed": reason} and status 1.
int run_child(const Arguments& arguments);

}  // namespace darts
