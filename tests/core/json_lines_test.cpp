#include "core/child_process.hpp"
#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/json_lines.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <limits>
#include <stdexcept>

namespace darts {
namespace {

using nlohmann::json;
using testing::error_of;
using ::testing::HasSubstr;

TEST(JsonLines, AppendsOneObjectALine) {
  const testing::TemporaryFolder folder;
  JsonLines lines(folder / "a.jsonl");
  EXPECT_EQ(lines.size(), 0);
  lines.append({{"epoch", 1}, {"text", "two\nlines"}});
  lines.append({{"loss", std::numeric_limits<double>::quiet_NaN()},
                {"gap", -std::numeric_limits<double>::infinity()}});
  lines.append({{"path", "no UTF-8: \xff"}});
  lines.sync();
  const std::string text = read_file(folder / "a.jsonl");
  EXPECT_EQ(lines.size(), static_cast<std::int64_t>(text.size()));
  EXPECT_EQ(text.substr(0, text.find('\n')), R"({"epoch":1,"text":"two\nlines"})");
  const auto records = read_json_lines(folder / "a.jsonl");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_TRUE(records[1]["loss"].is_null());
  EXPECT_TRUE(records[1]["gap"].is_null());
  EXPECT_THROW(lines.append(json::array()), std::logic_error);
}

TEST(JsonLines, GoesOnWhereACheckpointWas) {
  const testing::TemporaryFolder folder;
  std::int64_t size = 0;
  {
    JsonLines lines(folder / "a");
    lines.append({{"step", 1}});
    size = lines.size();
    lines.append({{"step", 2}});
  }
  JsonLines lines(folder / "a");
  lines.truncate(size);
  lines.append({{"step", 22}});
  EXPECT_EQ(read_file(folder / "a"), "{\"step\":1}\n{\"step\":22}\n");
  EXPECT_THAT(error_of([&] { lines.truncate(1000); }),
              HasSubstr((folder / "a").string() + " is shorter (23 bytes) than when"));
}

TEST(JsonLines, DropsALineThatWasCutOff) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "a", "{\"step\":1}\n{\"step\":" + std::string(10'000, '2'));
  EXPECT_EQ(read_json_lines(folder / "a").size(), 1U);
  JsonLines lines(folder / "a");
  EXPECT_EQ(lines.size(), 11);
  lines.append({{"step", 3}});
  EXPECT_EQ(read_json_lines(folder / "a").back(), json({{"step", 3}}));
  write_file_atomically(folder / "b", "{\"st");
  EXPECT_EQ(JsonLines(folder / "b").size(), 0);
}

TEST(JsonLines, SaysWhichLineIsBroken) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "a", "{}\n[1]\n{}\n");
  EXPECT_THAT(error_of([&] { read_json_lines(folder / "a"); }), HasSubstr("a:2: this line"));
}

TEST(JsonLines, LeavesWholeLinesOnAFullDisk) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(
      testing::run_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        JsonLines lines(folder / "a");
        lines.append({{"step", 1}});
        const rlimit limit{100, 100};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
          lines.append({{"text", std::string(200, 'x')}});
          return 1;
        } catch (const Error& error) {
          const std::string message = error.what();
          return message.find("cannot write " + (folder / "a").string() + ": File too large") == 0
                     ? 0
                     : 2;
        }
      }),
      0);
  EXPECT_EQ(read_file(folder / "a"), "{\"step\":1}\n");
}

TEST(JsonLines, SaysWhyItCannotBeOpened) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { JsonLines(folder / "missing/a"); }), HasSubstr("cannot write "));
  EXPECT_THAT(error_of([&] { read_json_lines(folder / "missing"); }), HasSubstr("cannot read "));
}

}  // namespace
}  // namespace darts
