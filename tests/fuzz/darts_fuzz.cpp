// The libFuzzer program: darts_fuzz --target=NAME, then libFuzzer's options and folders of inputs;
// darts_fuzz --list prints a line for each target, its name and its folders of inputs.
#include "fuzz/target.hpp"

#include <darts/core/main.hpp>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace {

const darts::fuzz::Target* chosen = nullptr;

int choose(int count, char** arguments) {
  constexpr std::string_view option = "--target=";
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--list") {
      for (const darts::fuzz::Target& target : darts::fuzz::targets()) {
        std::cout << target.name << " tests/fuzz/corpus/" << target.name;
        for (const std::string_view folder : target.inputs) {
          std::cout << ' ' << folder;
        }
        std::cout << '\n';
      }
      std::cout.flush();
      std::exit(0);
    }
    if (argument.starts_with(option)) {
      chosen = &darts::fuzz::find_target(argument.substr(option.size()));
    }
  }
  if (chosen == nullptr) {
    throw darts::Error("say which target: --target=NAME; --list prints their names");
  }
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  if (darts::run_main("darts_fuzz", [&] { return choose(*count, *arguments); }) != 0) {
    std::exit(1);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
