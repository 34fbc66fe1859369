#pragma once

namespace darts {

// What darts_search can be asked for without searching.

/// One operation a line: its name and its kind.
void print_operations();

/// One method a line, in aligned columns; what is not known is "-".
void print_methods();

}  // namespace darts
