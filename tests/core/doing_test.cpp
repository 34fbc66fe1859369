#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/core/doing.hpp>

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <new>
#include <stdexcept>
#include <system_error>
#include <tuple>
#include <vector>

namespace darts {
namespace {

namespace fs = std::filesystem;
using ::darts::testing::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string said(const std::function<void()>& work) {
  return error_of([&] { doing("read x", work); });
}

/// The message of the MemoryError that ends it.
std::string memory_said(const Task& task, const std::function<void()>& work) {
  try {
    doing(task, work);
  } catch (const MemoryError& e) {
    return std::string(e.what()) + " | " + e.advice;
  }
  ADD_FAILURE() << "no MemoryError was thrown";
  return {};
}

TEST(Doing, GivesWhatIsDone) {
  EXPECT_EQ(doing("count", [] { return 3; }), 3);
  int value = 1;
  within("x", [&]() -> int& { return value; }) = 2;
  EXPECT_EQ(value, 2);
}

TEST(Doing, LetsOurErrorsAndBugsPass) {
  EXPECT_EQ(said([] { throw Error("y: a bad value"); }), "y: a bad value");
  const auto bug = [] { throw std::logic_error("a field twice"); };
  EXPECT_THROW(doing("read x", bug), std::logic_error);
  EXPECT_THROW(within("x", bug), std::logic_error);
  EXPECT_THROW(doing("read x", [] { throw 42; }), int);
}

TEST(Doing, SaysInOurWordsWhatLibrariesMean) {
  const auto json = nlohmann::json::parse(R"({"epoch": "x"})");
  EXPECT_EQ(said([&] { json.at("epoch").get<int>(); }),
            "cannot read x: type must be number, but is string");
  EXPECT_EQ(said([&] { json.at("step"); }), "cannot read x: key 'step' not found");
  EXPECT_EQ(said([] { std::ignore = nlohmann::json::parse("{\"a\":"); }),
            "cannot read x: not valid JSON at byte 6; the file may be cut off");
  EXPECT_EQ(said([] { std::ignore = nlohmann::json::parse("1e999"); }),
            "cannot read x: not valid JSON: a number is too large");
  EXPECT_EQ(said([] { YAML::Load("a: [\n"); }).find("cannot read x: not valid YAML, line 2: "), 0U);
  EXPECT_EQ(said([] { std::ignore = fs::file_size("/nowhere/y"); }),
            "cannot read x: cannot look at /nowhere/y: No such file or directory; check the path");
  EXPECT_THAT(said([] { throw std::system_error(EAGAIN, std::generic_category(), "thread"); }),
              AllOf(HasSubstr("cannot read x: the system starts no more threads; "),
                    HasSubstr("runtime.threads"), HasSubstr("data.workers")));
  EXPECT_EQ(said([] { at::zeros({2}).add(at::zeros({3})); }),
            "cannot read x: The size of tensor a (2) must match the size of tensor b (3) at "
            "non-singleton dimension 0");
  EXPECT_EQ(said([] { throw std::runtime_error("it is cut off\n#0 main"); }),
            "cannot read x: it is cut off");
  EXPECT_EQ(error_of([] {
              doing(Task("read x").or_else("remove it"), [] { throw std::runtime_error("bad"); });
            }),
            "cannot read x: bad; remove it");
}

TEST(Doing, SaysWhatWasTriedWithAFile) {
  const testing::TemporaryFolder folder;
  fs::create_directory(folder / "full");
  testing::write_text(folder / "full" / "x", "");
  const std::string gone = "/nowhere/create";
  const std::string why = ": No such file or directory; check the path";
  EXPECT_EQ(said([&] { fs::create_directory(gone); }),
            "cannot read x: cannot create " + gone + why);
  EXPECT_EQ(said([&] {
              fs::create_directories(folder / "full/x/y");
            }).find("cannot read x: cannot create " + (folder / "full/x").string()),
            0U);
  EXPECT_EQ(said([&] { fs::rename(gone, "/nowhere/x"); }),
            "cannot read x: cannot rename " + gone + " to /nowhere/x" + why);
  EXPECT_EQ(said([&] { fs::directory_iterator{gone}; }),
            "cannot read x: cannot list " + gone + why);
  EXPECT_EQ(said([&] { fs::recursive_directory_iterator{gone}; }),
            "cannot read x: cannot list " + gone + why);
  EXPECT_EQ(said([&] {
              fs::remove(folder / "full");
            }).find("cannot read x: cannot remove " + (folder / "full").string() + ": "),
            0U);
  EXPECT_EQ(said([&] { fs::resize_file(gone, 0); }), "cannot read x: cannot change " + gone + why);
  EXPECT_EQ(said([&] { std::ignore = fs::last_write_time(gone); }),
            "cannot read x: cannot look at " + gone + why);
  // Words of another library's.
  EXPECT_EQ(said([] {
              throw fs::filesystem_error("", std::make_error_code(std::errc::io_error));
            }).find("cannot read x: cannot look at a folder: "),
            0U);
}

TEST(Doing, SaysForWhatMemoryDidNotSuffice) {
  EXPECT_EQ(memory_said("read x", [] { throw std::bad_alloc(); }),
            "out of memory: cannot read x | ");
  EXPECT_EQ(memory_said(Task("read x").needs_memory("lower y"), [] { throw std::bad_alloc(); }),
            "out of memory: cannot read x | lower y");
  EXPECT_EQ(memory_said("read x", [] { at::empty({std::int64_t{1} << 46}, at::kByte); }),
            "out of memory: cannot read x (64.0 TiB were asked for at once) | ");
  for (const std::function<void()>& work : std::vector<std::function<void()>>{
           [] {
             at::empty({std::int64_t{1} << 40, std::int64_t{1} << 40});
           },
           [] { std::vector<int>().reserve(std::numeric_limits<std::size_t>::max()); }}) {
    EXPECT_THAT(memory_said("read x", work),
                AllOf(HasSubstr("out of memory: cannot read x ("), HasSubstr("than any memory")));
  }
  EXPECT_EQ(memory_said("read x", [] { TORCH_CHECK(false, "CUDNN_STATUS_ALLOC_FAILED"); }),
            "out of memory on the GPU: cannot read x (CUDNN_STATUS_ALLOC_FAILED) | ");
}

TEST(Doing, TheInnermostTaskIsSaid) {
  EXPECT_THAT(memory_said("run", [] { doing("read x", [] { throw std::bad_alloc(); }); }),
              HasSubstr("cannot read x"));
  EXPECT_EQ(said([] { doing("read y", [] { throw std::runtime_error("cut off"); }); }),
            "cannot read y: cut off");
  EXPECT_THAT(memory_said("run", [] { within("x", [] { throw std::bad_alloc(); }); }),
              Not(HasSubstr("run")));
}

TEST(Within, PutsThePlaceBeforeWhateverIsThrown) {
  EXPECT_EQ(error_of([] { within("x.json", [] { throw Error("\"a\" is missing"); }); }),
            "x.json: \"a\" is missing");
  EXPECT_EQ(error_of([] { within("x.json", [] { throw std::runtime_error("cut off"); }); }),
            "x.json: cut off");
  EXPECT_THROW(within("x.json", [] { throw std::bad_alloc(); }), MemoryError);
}

}  // namespace
}  // namespace darts
