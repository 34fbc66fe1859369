#include <darts/core/absolute_path.hpp>
#include <darts/core/utf8.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace darts {
namespace {

TEST(Utf8, IsToldFromOtherBytes) {
  for (const char* text : {"", "data", "caf\u00e9", "\u6f22", "\U0001f600", "\u007f", "\u07ff",
                           "\ud7ff", "\uffff", "\U0010ffff"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text : {"caf\xe9", "\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf",
                           "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80", "\xe6\xbc", "\xff\xfe", "\xc3(", "\xe6\xbc("}) {
    EXPECT_FALSE(is_utf8(text)) << as_utf8(text);
  }
}

TEST(Utf8, OtherBytesAreWrittenAsNumbers) {
  EXPECT_EQ(as_utf8("caf\xe9 \u6f22/x"), "caf\\xe9 \u6f22/x");
  EXPECT_EQ(as_utf8("\xe6\xbc"), "\\xe6\\xbc");
  EXPECT_TRUE(is_utf8(as_utf8("\xff\xfe\xc0\x80z")));
}

TEST(AbsolutePath, IsTheSameFromEverywhere) {
  const std::filesystem::path here = std::filesystem::current_path();
  EXPECT_EQ(absolute_path("data"), here / "data");
  EXPECT_EQ(absolute_path("./data/x"), here / "data/x");
  EXPECT_EQ(absolute_path("../data"), here / "../data");
  EXPECT_EQ(absolute_path("/data"), "/data");
  EXPECT_EQ(absolute_path(""), "");
}

}  // namespace
}  // namespace darts
