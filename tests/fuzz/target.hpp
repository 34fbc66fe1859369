#pragma once

#include <darts/core/error.hpp>

#include <string_view>
#include <typeinfo>
#include <vector>

namespace darts::fuzz {

/// A parser, run on any bytes. What it makes of them is either a value, of which the target may ask
/// that it survives being written and read again, or a refusal. Anything else that is thrown is a
/// finding, as is whatever the sanitizers say.
struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
  /// Folders of the source tree with inputs, beside tests/fuzz/corpus/NAME.
  std::vector<std::string_view> inputs;
};

/// All targets, a file each.
const std::vector<Target>& targets();

/// The target of that name. Throws Error that lists the names.
const Target& find_target(std::string_view name);

/// Throws std::logic_error, which no parser may throw, unless `holds`.
void check(bool holds, std::string_view what);

/// Checks that a refusal is one line that says something.
void check_message(std::string_view message);

/// Whether `parse` takes its input. It may refuse it by throwing a Refusal, and not by an exception
/// that derives from it.
template <class Refusal = Error, class Parse>
bool takes(const Parse& parse) {
  try {
    parse();
    return true;
  } catch (const Refusal& refusal) {
    if (typeid(refusal) != typeid(Refusal)) {
      throw;
    }
    check_message(refusal.what());
  }
  return false;
}

}  // namespace darts::fuzz
