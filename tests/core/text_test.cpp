#include <darts/core/text.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace darts {
namespace {

TEST(Text, CountsHaveThousandsSeparators) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1930618), "1,930,618");
  EXPECT_EQ(format_count(-123), "-123");
  EXPECT_EQ(format_count(-123456), "-123,456");
  EXPECT_EQ(format_count(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Text, DurationsUseTwoUnits) {
  EXPECT_EQ(format_duration(0.0), "0.0 s");
  EXPECT_EQ(format_duration(4.23), "4.2 s");
  EXPECT_EQ(format_duration(59.94), "59.9 s");
  EXPECT_EQ(format_duration(200.0), "3 min 20 s");
  EXPECT_EQ(format_duration(185.0), "3 min 05 s");
  EXPECT_EQ(format_duration(3720.0), "1 h 02 min");
  EXPECT_EQ(format_duration(51.0 * 3600), "2 d 03 h");
  EXPECT_EQ(format_duration(-4.23), "-4.2 s");
}

TEST(Text, DurationsRoundUpIntoTheNextUnit) {
  EXPECT_EQ(format_duration(59.96), "1 min 00 s");
  EXPECT_EQ(format_duration(119.7), "2 min 00 s");
  EXPECT_EQ(format_duration(3599.6), "1 h 00 min");
  EXPECT_EQ(format_duration(24 * 3600 - 20), "1 d 00 h");
}

TEST(Text, DurationsThatAreNoTimesAreAQuestionMark) {
  EXPECT_EQ(format_duration(std::numeric_limits<double>::quiet_NaN()), "?");
  EXPECT_EQ(format_duration(std::numeric_limits<double>::infinity()), "?");
  EXPECT_EQ(format_duration(1e300), "?");
}

TEST(Text, ShellWordsAreQuotedWhereTheyNeedIt) {
  EXPECT_EQ(csv_field("first-0"), "first-0");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("the \"best\""), "\"the \"\"best\"\"\"");
  EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(shell_quoted("runs/cifar10-20261125-101500"), "runs/cifar10-20261125-101500");
  EXPECT_EQ(shell_quoted("my runs/a"), "'my runs/a'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted("$HOME"), "'$HOME'");
  EXPECT_EQ(shell_quoted(""), "''");
}

TEST(Text, BytesUseBinaryUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(16U << 20U), "16.0 MiB");
  EXPECT_EQ(format_bytes((1ULL << 20U) - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
}

TEST(Text, FixedDecimals) {
  EXPECT_EQ(format_fixed(45.149, 1), "45.1");
  EXPECT_EQ(format_fixed(2.0, 0), "2");
  EXPECT_EQ(format_fixed(-0.5, 3), "-0.500");
  EXPECT_EQ(format_fixed(std::numeric_limits<double>::quiet_NaN(), 2), "nan");
  EXPECT_EQ(format_fixed(-std::numeric_limits<double>::infinity(), 2), "-inf");
  EXPECT_EQ(format_fixed(std::numeric_limits<double>::max(), 80).size(), 309U + 81U);
}

TEST(Text, ShortestNumbersAlwaysHaveAPoint) {
  EXPECT_EQ(format_shortest(0.0), "0.0");
  EXPECT_EQ(format_shortest(-0.0), "-0.0");
  EXPECT_EQ(format_shortest(1.0), "1.0");
  EXPECT_EQ(format_shortest(0.025), "0.025");
  EXPECT_EQ(format_shortest(3e-4), "0.0003");
  EXPECT_EQ(format_shortest(1e-8), "1.0e-08");
  EXPECT_EQ(format_shortest(1.5e300), "1.5e+300");
}

TEST(Text, ShortestNumbersReadBackExactly) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) {
      continue;
    }
    const std::string text = format_shortest(value);
    double back = 0.0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(result.ptr, text.data() + text.size()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << text;
    ASSERT_NE(text.find('.'), std::string::npos) << text;
  }
}

TEST(Text, EditDistanceCountsEachKindOfEditOnce) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("epochs", "epochs"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("epocs", "epochs"), 1U);
  EXPECT_EQ(edit_distance("epochss", "epochs"), 1U);
  EXPECT_EQ(edit_distance("epoche", "epochs"), 1U);
  EXPECT_EQ(edit_distance("serach", "search"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Text, EditDistanceIsSymmetric) {
  std::mt19937 random(2);
  const auto word = [&] {
    std::string text(random() % 8, 'a');
    for (char& c : text) {
      c = static_cast<char>('a' + random() % 3);
    }
    return text;
  };
  for (int i = 0; i < 500; ++i) {
    const std::string a = word();
    const std::string b = word();
    const std::size_t distance = edit_distance(a, b);
    ASSERT_EQ(distance, edit_distance(b, a)) << a << " " << b;
    ASSERT_LE(distance, std::max(a.size(), b.size()));
    ASSERT_EQ(distance == 0, a == b);
  }
}

TEST(Text, NearestIsNearEnoughOrNothing) {
  const std::vector<std::string> words{"search.epochs", "search.method", "w.momentum"};
  EXPECT_EQ(nearest("search.epocs", words), "search.epochs");
  EXPECT_EQ(nearest("w.momentun", words), "w.momentum");
  EXPECT_EQ(nearest("banana", words), std::nullopt);
  EXPECT_EQ(nearest("search.epochs", {}), std::nullopt);
  EXPECT_EQ(nearest("", std::vector<std::string>{"w"}), std::nullopt);
  EXPECT_EQ(nearest("x", std::vector<std::string>{"w"}), std::nullopt);
  const std::vector<std::string> methods{"darts", "pc-darts", "DARTS_V2"};
  EXPECT_EQ(nearest("PC_DARTS", methods), "pc-darts");
  EXPECT_EQ(nearest("darts_v2", methods), "DARTS_V2");
  const std::vector<std::string> equal{"ab", "ac"};
  EXPECT_EQ(nearest("ad", equal), "ab");
}

TEST(Text, JoinsWithSeparators) {
  EXPECT_EQ(join({}), "");
  EXPECT_EQ(join(std::vector<std::string>{"a"}), "a");
  EXPECT_EQ(join(std::vector<std::string>{"", "b", ""}), ", b, ");
  EXPECT_EQ(join(std::vector<std::string>{"a", "b"}, " or "), "a or b");
}

TEST(Text, OneLineFoldsControlCharacters) {
  EXPECT_EQ(one_line("a\r\n\tb\n"), "a b");
  EXPECT_EQ(one_line("\n\n"), "");
  EXPECT_EQ(one_line("  kept  "), "  kept  ");
  EXPECT_EQ(one_line("\x1b[31mred"), "[31mred");
  EXPECT_EQ(one_line("größer – 漢字"), "größer – 漢字");
}

TEST(Text, QuotesAreCutWhereTheyAreLong) {
  EXPECT_EQ(in_quotes("fast"), "\"fast\"");
  EXPECT_EQ(in_quotes(std::string(60, 'x')), "\"" + std::string(60, 'x') + "\"");
  EXPECT_EQ(in_quotes(std::string(61, 'x')), "\"" + std::string(59, 'x') + "…\"");
}

TEST(Text, ColumnsAreCodePoints) {
  EXPECT_EQ(columns("größe"), 5U);
  EXPECT_EQ(cut_to_columns("größe", 3), "grö");
  EXPECT_EQ(cut_to_columns("größe", 0), "");
  EXPECT_EQ(cut_to_columns("größe", 5), "größe");
  EXPECT_EQ(cut_to_columns("größe", 99), "größe");
}

}  // namespace
}  // namespace darts
