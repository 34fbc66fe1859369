#include "core/child_process.hpp"
#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"

#include <darts/core/atomic_file.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>
#include <thread>

namespace darts {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using ::testing::HasSubstr;

/// Everything in a folder but the file "kept".
int others_in(const fs::path& folder) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    count += entry.path().filename() == "kept" ? 0 : 1;
  }
  return count;
}

/// Writes 1 MB over a small file where that must fail, and checks what is left; 0 if all is well.
int overwrite_must_fail(const fs::path& folder, const std::string& reason) {
  const fs::path file = folder / "kept";
  try {
    write_file_atomically(file, std::string(1'000'000, 'x'));
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.find(reason) == std::string::npos ||
        message.find("cannot write " + file.string()) != 0 ||
        message.find("the previous file is unchanged") == std::string::npos) {
      std::fprintf(stderr, "unexpected: %s\n", error.what());
      return 2;
    }
    return read_file(file) == "old" && others_in(folder) == 0 ? 0 : 3;
  }
  return 1;
}

TEST(AtomicFile, WritesPiecesAndReplaces) {
  const testing::TemporaryFolder folder;
  const fs::path file = folder / "kept";
  write_file_atomically(file, "old");
  EXPECT_EQ(read_file(file), "old");
  const std::string large(3'000'000, 'y');
  const std::array<std::string_view, 3> pieces{"new ", "", large};
  write_file_atomically(file, pieces);
  EXPECT_EQ(read_file(file), "new " + large);
  write_file_atomically(file, "");
  EXPECT_EQ(read_file(file), "");
  EXPECT_EQ(others_in(folder.path()), 0);
}

TEST(AtomicFile, TakesANameWithoutAFolder) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(testing::run_child([&] {
              fs::current_path(folder.path());
              write_file_atomically("plain", "text");
              return read_file("plain") == "text" ? 0 : 1;
            }),
            0);
}

TEST(AtomicFile, KeepsTheOldFileAtAFileSizeLimit) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "kept", "old");
  EXPECT_EQ(testing::run_child([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{100'000, 100'000};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              return overwrite_must_fail(folder.path(), "File too large; raise the limit");
            }),
            0);
}

TEST(AtomicFile, KeepsTheOldFileOnAFullDisk) {
  const testing::TemporaryFolder folder;
  const int status = testing::run_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
      return 77;
    }
    write_file_atomically(folder / "kept", "old");
    return overwrite_must_fail(folder.path(), "No space left on device; free some space");
  });
  if (status == 77) {
    GTEST_SKIP() << "this process may not mount a file system";
  }
  EXPECT_EQ(status, 0);
}

TEST(AtomicFile, ReplacesWhatALinkLeadsTo) {
  const testing::TemporaryFolder folder;
  fs::create_directory(folder / "elsewhere");
  write_file_atomically(folder / "elsewhere/target", "old");
  fs::create_symlink("elsewhere/target", folder / "link");
  fs::create_symlink("link", folder / "link_to_link");
  write_file_atomically(folder / "link_to_link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link_to_link"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "elsewhere/target"), "new");
  fs::create_symlink(folder / "elsewhere/later", folder / "dangling");
  write_file_atomically(folder / "dangling", "made");
  EXPECT_EQ(read_file(folder / "elsewhere/later"), "made");
  fs::create_symlink("round", folder / "round");
  EXPECT_THAT(error_of([&] { write_file_atomically(folder / "round", "x"); }),
              HasSubstr("cannot write"));
}

TEST(AtomicFile, WritesIntoADeviceOrAPipe) {
  write_file_atomically("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THAT(error_of([] { write_file_atomically("/dev/full", "x"); }),
              HasSubstr("cannot write /dev/full: No space left on device"));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  const testing::TemporaryFolder folder;
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string got;
  std::jthread reader([&] { got = read_file(pipe); });
  write_file_atomically(pipe, "through");
  reader.join();
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(pipe));
}

TEST(AtomicFile, ReadsNoMoreThanIsAsked) {
  EXPECT_THAT(error_of([] { read_file("/dev/zero", 1000); }),
              HasSubstr("cannot read /dev/zero: it is larger than 1000 B"));
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "ten", "0123456789");
  EXPECT_EQ(read_file(folder / "ten", 10), "0123456789");
  EXPECT_THAT(error_of([&] { read_file(folder / "ten", 9); }), HasSubstr("larger than 9 B"));
}

TEST(AtomicFile, SaysWhyItCannotWrite) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { write_file_atomically(folder / "missing/file", "x"); }),
              HasSubstr("missing/file: No such file or directory"));
  fs::create_directory(folder / "taken");
  EXPECT_THAT(error_of([&] { write_file_atomically(folder / "taken", "x"); }),
              HasSubstr("Is a directory"));
  EXPECT_EQ(others_in(folder.path()), 1);
}

TEST(AtomicFile, SaysWhyItCannotRead) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_file(folder / "missing"); }),
              HasSubstr("cannot read " + (folder / "missing").string() + ": No such file"));
  EXPECT_THAT(error_of([&] { read_file(folder.path()); }), HasSubstr("Is a directory"));
}

TEST(AtomicFile, ReadsWhatHasNoSize) { EXPECT_FALSE(read_file("/proc/self/stat").empty()); }

TEST(AtomicFile, RemovesTemporariesOfDeadProcessesOnly) {
  const testing::TemporaryFolder folder;
  const pid_t dead = testing::start_child([] { return 0; });
  testing::wait_for(dead);
  const auto make = [&](const std::string& name) { std::ofstream(folder / name) << "x"; };
  make(".a.json.tmp-" + std::to_string(dead));
  make(".a.json.tmp-" + std::to_string(::getpid()));
  make(".a.json.tmp-" + std::to_string(::getppid()));
  make(".a.json.tmp-12x");
  make("a.json.tmp-" + std::to_string(dead));
  make("kept");
  EXPECT_EQ(remove_stale_temporaries(folder.path()), 2);
  EXPECT_EQ(others_in(folder.path()), 3);
  EXPECT_EQ(remove_stale_temporaries(folder / "missing"), 0);
}

}  // namespace
}  // namespace darts
