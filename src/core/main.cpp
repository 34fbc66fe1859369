#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>

namespace darts {
namespace {

/// The first line with something on it.
std::string first_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  const std::string line = one_line(text.substr(0, text.find_first_of("\r\n")));
  return line.empty() ? "unknown error" : line;
}

int report(std::ostream& errors, std::string_view message) {
  // One write, so that lines of several processes on one terminal do not mix.
  errors << "error: " + std::string(message) + "\n" << std::flush;
  return 1;
}

}  // namespace

int run_main(std::string_view program, const std::function<int()>& body) {
  return run_main(program, body, std::cerr);
}

int run_main(std::string_view program, const std::function<int()>& body, std::ostream& errors) {
  try {
    return body();
  } catch (const Error& e) {
    return report(errors, one_line(e.what()));
  } catch (const std::bad_alloc&) {
    return report(errors, "out of memory; use a smaller batch or network, or a larger machine");
  } catch (const std::logic_error& e) {
    return report(errors, first_line(e.what()) + " (a bug in " + std::string(program) +
                              "; please report it)");
  } catch (const std::exception& e) {
    return report(errors, first_line(e.what()));
  } catch (...) {
    return report(errors,
                  "unknown exception (a bug in " + std::string(program) + "; please report it)");
  }
}

}  // namespace darts
