#include "file_index.hpp"

#include "fixtures.hpp"

#include <darts/core/atomic_file.hpp>

#include <zlib.h>

#include <chrono>

namespace darts::detail {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

FileIndex small_index() {
  FileIndex index({"cat", "dog"}, true);
  index.add("a.JPEG", 0);
  index.add("b c.JPEG", 1);
  index.set_left_out("3 .webp");
  return index;
}

bool same(const FileIndex& a, const FileIndex& b) {
  bool equal = a.size() == b.size() && a.class_names() == b.class_names();
  for (std::int64_t i = 0; equal && i < a.size(); ++i) {
    equal = a.label(i) == b.label(i) && a.place(i) == b.place(i);
  }
  return equal;
}

TEST(FileIndex, KnowsWhereImagesLie) {
  const FileIndex index = small_index();
  EXPECT_EQ(index.size(), 2);
  EXPECT_EQ(index.place(1), fs::path("dog/b c.JPEG"));
  EXPECT_EQ(index.label(1), 1);
  FileIndex flat({"cat"}, false);
  flat.add("a.JPEG", 0);
  EXPECT_EQ(flat.place(0), fs::path("a.JPEG"));
}

TEST(FileIndex, SurvivesPacking) {
  const FileIndex index = small_index();
  const std::string bytes = pack_index(index, "state 1\n").value();
  const std::optional<FileIndex> back = unpack_index(bytes, "state 1\n");
  ASSERT_TRUE(back);
  EXPECT_TRUE(same(*back, index));
  EXPECT_EQ(back->left_out(), "3 .webp");
  EXPECT_EQ(packed_state(bytes), "state 1\n");
  EXPECT_EQ(packed_state("anything"), "");
}

TEST(FileIndex, IsNotUnpackedWhenDamagedOrOutOfDate) {
  const std::string bytes = pack_index(small_index(), "state 1\n").value();
  EXPECT_FALSE(unpack_index(bytes, "state 2\n"));
  EXPECT_FALSE(unpack_index(bytes, "state 1\nmore\n"));
  EXPECT_FALSE(unpack_index("", ""));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(unpack_index(bytes.substr(0, i), "state 1\n")) << i;
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(unpack_index(flipped, "state 1\n")) << i;
  }
  FileIndex odd({"cat"}, true);
  odd.add("line\nfeed.JPEG", 0);
  EXPECT_FALSE(pack_index(odd, ""));
}

/// An index with this in it, whose checksum is right.
std::string with_checksum(const std::string& body) {
  const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size());
  return "darts-file-index 2\n" + std::to_string(sum) + "\n" + body;
}

TEST(FileIndex, IsNotUnpackedWhenItSaysWhatCannotBe) {
  ASSERT_TRUE(unpack_index(with_checksum("0\n1\n2\ncat\ndog\n\n1\n1 a.JPEG\n"), ""));
  for (const std::string body : {
           "0\n1\n-1\n\n0\n",                                 // classes
           "0\n1\n9223372036854775807\ncat\n\n0\n",           // that do not follow
           "0\n1\ntwo\ncat\ndog\n\n0\n",                      // no number
           "0\n1\n2\ncat\ndog\n\n-1\n",                       // images
           "0\n1\n2\ncat\ndog\n\n4000000000000\n1 a.JPEG\n",  // that do not follow
           "0\n1\n2\ncat\ndog\n\n2\n1 a.JPEG\n",
           "0\n1\n2\ncat\ndog\n\n1\n2 a.JPEG\n",  // a label that is no class
           "0\n1\n2\ncat\ndog\n\n1\n-1 a.JPEG\n",
           "0\n1\n2\ncat\ndog\n\n1\na.JPEG\n",  // none
           "0\n1\n2\ncat\ndog\n\n1\n1\n",       // no name
           "0\n1\n2\ncat\ndog\n\n1\n1 a.JPEG\nmore\n",
           "",
       }) {
    EXPECT_FALSE(unpack_index(with_checksum(body), "")) << body;
  }
}

class CachedIndex : public testing::Test {
 protected:
  CachedIndex() {
    add("cat/1.JPEG");
    add("cat/2.JPEG");
    add("dog/1.JPEG");
    age();
  }

  void add(const fs::path& image) const {
    test::write_file(root.path() / "train" / image, "pixels");
  }

  /// As if nothing had changed for a minute.
  void age(int seconds = 60) const {
    const auto time = fs::file_time_type::clock::now() - std::chrono::seconds(seconds);
    for (const char* folder : {"train/cat", "train/dog", "train"}) {
      fs::last_write_time(root.path() / folder, time);
    }
  }

  FileIndex index() const { return cached_index(find_imagenet(root.path(), Split::train), cache); }

  fs::path cache_file() const { return root.path() / ".darts-index-train"; }

  test::TempFolder root;
  IndexCache cache;
};

TEST_F(CachedIndex, IsKeptBesideTheData) {
  const FileIndex first = index();
  ASSERT_TRUE(fs::exists(cache_file()));
  EXPECT_EQ(first.size(), 3);
  // A folder whose time was set back shows that the list is not made anew.
  const auto time = fs::last_write_time(root.path() / "train/cat");
  add("cat/3.JPEG");
  fs::last_write_time(root.path() / "train/cat", time);
  EXPECT_TRUE(same(index(), first));
}

TEST_F(CachedIndex, IsMadeAnewWhenFilesCameOrWent) {
  index();
  add("cat/3.JPEG");
  EXPECT_EQ(index().size(), 4);
  age(30);
  EXPECT_EQ(index().size(), 4);
  fs::remove(root.path() / "train/dog/1.JPEG");
  add("dog/9.JPEG");
  EXPECT_EQ(index().place(3), fs::path("dog/9.JPEG"));
  add("emu/1.JPEG");
  EXPECT_EQ(index().class_names().size(), 3U);
}

TEST_F(CachedIndex, IsMadeAnewWhenAFolderInAClassFolderChanges) {
  add("cat/more/1.JPEG");
  const auto age_all = [&] {
    age();
    fs::last_write_time(root.path() / "train/cat/more",
                        fs::file_time_type::clock::now() - std::chrono::minutes(1));
  };
  age_all();
  const FileIndex first = index();
  EXPECT_EQ(first.place(2), fs::path("cat/more/1.JPEG"));
  ASSERT_TRUE(fs::exists(cache_file()));
  EXPECT_TRUE(same(index(), first));
  add("cat/more/2.JPEG");
  EXPECT_EQ(index().size(), 5);
  fs::create_directories(root.path() / "train/cat/empty/deeper");
  add("cat/even/more/1.JPEG");
  const auto age_more = [&] {
    for (const char* folder : {"empty/deeper", "empty", "even/more", "even"}) {
      fs::last_write_time(root.path() / "train/cat" / folder,
                          fs::file_time_type::clock::now() - std::chrono::minutes(1));
    }
    age_all();
  };
  age_more();
  EXPECT_EQ(index().size(), 6);
  add("cat/even/2.JPEG");  // beside a folder that has images
  EXPECT_EQ(index().size(), 7);
  age_more();
  EXPECT_EQ(index().size(), 7);
  add("cat/empty/deeper/1.JPEG");  // where there was none
  EXPECT_EQ(index().size(), 8);
}

TEST_F(CachedIndex, IsMadeAnewWhenItIsDamaged) {
  const FileIndex first = index();
  for (const char* bytes : {"", "darts-file-index 1\n", "darts-file-index 2\n", "anything"}) {
    fs::remove(cache_file());
    test::write_file(cache_file(), bytes);
    EXPECT_TRUE(same(index(), first));
    EXPECT_GT(fs::file_size(cache_file()), 50U);
  }
}

TEST_F(CachedIndex, IsNotKeptOfFoldersThatJustChanged) {
  age(0);
  EXPECT_EQ(index().size(), 3);
  EXPECT_FALSE(fs::exists(cache_file()));
}

TEST_F(CachedIndex, MayLieElsewhere) {
  const test::TempFolder elsewhere;
  cache.folder = elsewhere.path() / "new";
  const FileIndex first = index();
  EXPECT_FALSE(fs::exists(cache_file()));
  EXPECT_FALSE(fs::is_empty(cache.folder));
  EXPECT_TRUE(same(index(), first));
}

TEST_F(CachedIndex, NeedsNoPlaceToWrite) {
  test::write_file(root.path() / "file", "");
  cache.folder = root.path() / "file";  // no folder
  std::string note;
  cache.warn = [&note](const std::string& text) { note = text; };
  EXPECT_EQ(index().size(), 3);
  EXPECT_THAT(note, HasSubstr("made anew at every start"));
}

}  // namespace
}  // namespace darts::detail
