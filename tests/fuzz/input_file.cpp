#include "fuzz/input_file.hpp"

#include <fstream>

namespace darts::fuzz {

std::filesystem::path input_file(std::string_view name, std::string_view bytes) {
  static const testing::TemporaryFolder folder;
  std::filesystem::path file = folder / name;
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  return file;
}

}  // namespace darts::fuzz
