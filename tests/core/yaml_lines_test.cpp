#include "expect_error.hpp"
#include "temporary_folder.hpp"
#include "write_text.hpp"

#include <darts/core/yaml_lines.hpp>

namespace darts {
namespace {

using ::testing::HasSubstr;

TEST(YamlLines, AreAllKeysWithTheirLinesSectionsFirst) {
  const testing::TemporaryFolder folder;
  testing::write_text(folder / "x.yaml",
                      "a: {b: 1, c.d: two words}\ne:\n  - x\n  - [1, \"y, z\"]\nf: {}\n");
  const auto lines = read_yaml_lines(folder / "x.yaml");
  std::string text;
  for (const YamlLine& line : lines) {
    text += line.key + "@" + std::to_string(line.line) +
            (line.is_section ? "/" : "=" + line.value) + "\n";
  }
  EXPECT_EQ(text, "a@1/\na.b@1=1\na.c.d@1=two words\ne@2=[\"x\",[\"1\",\"y, z\"]]\nf@5/\n");
}

TEST(YamlLines, RefusesAKeyWithoutAValue) {
  const testing::TemporaryFolder folder;
  testing::write_text(folder / "x.yaml", "a: 1\nb:\n");
  EXPECT_THAT(testing::error_of([&] { read_yaml_lines(folder / "x.yaml"); }),
              HasSubstr("x.yaml:2: b: has no value"));
}

}  // namespace
}  // namespace darts
