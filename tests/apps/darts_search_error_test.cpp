// What darts_search says to a user's mistakes: one line, and a status that is not 0.
#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"
#include "data/fixtures.hpp"

#include <nlohmann/json.hpp>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DartsSearchErrors : public SearchFixture {
 protected:
  std::string error_of_setting(const std::string& setting) const {
    return error_of(recipe({setting}));
  }

  /// The error of a recipe that continues the fixture's by `text`.
  std::string error_of_yaml(const std::string& text) const {
    const fs::path file = write_text(at("bad.yaml"), "extends: tiny.yaml\n" + text);
    return error_of({"--config", file});
  }
};

TEST_F(DartsSearchErrors, Settings) {
  EXPECT_THAT(error_of_setting("search.epoch=2"),
              AllOf(HasSubstr("unknown key"), HasSubstr("did you mean search.epochs?")));
  EXPECT_THAT(error_of_setting("search.epochs=two"),
              AllOf(HasSubstr("search.epochs"), HasSubstr("whole number"), HasSubstr("\"two\"")));
  EXPECT_THAT(error_of_setting("w.momentum=1.5"),
              AllOf(HasSubstr("w.momentum"), HasSubstr("between 0 and 1")));
  EXPECT_THAT(error_of_setting("search.method=third"),
              AllOf(HasSubstr("search.method"), HasSubstr("darts")));
  EXPECT_THAT(error_of_setting("search.order=third"),
              AllOf(HasSubstr("search.order"), HasSubstr("second"), HasSubstr("joint")));
  EXPECT_THAT(error_of_setting("runtime.device=tpu"), HasSubstr("tpu"));
  EXPECT_THAT(error_of_setting("name=a/b"), HasSubstr("a/b"));
  EXPECT_THAT(error_of_setting("nonsense"), HasSubstr("nonsense"));
}

TEST_F(DartsSearchErrors, ConfigFiles) {
  const std::string file = at("bad.yaml").string();
  EXPECT_THAT(error_of_yaml("space:\n  cels: 3\n"),
              AllOf(HasSubstr(file + ":3"), HasSubstr("space.cels"), HasSubstr("space.cells")));
  EXPECT_THAT(error_of_yaml("space:\n  cells: many\n"),
              AllOf(HasSubstr(file + ":3"), HasSubstr("space.cells"), HasSubstr("whole number")));
  EXPECT_THAT(error_of_yaml("space:\n  cells: 0\n"),
              AllOf(HasSubstr(file + ":3"), HasSubstr("space.cells")));
  EXPECT_THAT(error_of_yaml("space: [\n"), HasSubstr("bad.yaml"));
  EXPECT_THAT(error_of({"--config", "no_such_recipe"}),
              AllOf(HasSubstr("no_such_recipe"), HasSubstr("cifar10")));
}

TEST_F(DartsSearchErrors, AStartThatFailsLeavesNoRunDirectory) {
  EXPECT_THAT(error_of_setting("data.limit=1"), HasSubstr("image"));
  EXPECT_TRUE(fs::is_empty(runs()));
}

TEST_F(DartsSearchErrors, CommandLine) {
  EXPECT_THAT(error_of({"--frobnicate"}), AllOf(HasSubstr("--frobnicate"), HasSubstr("--help")));
  EXPECT_THAT(error_of({"cifar10"}), HasSubstr("cifar10"));
  EXPECT_THAT(error_of({"--set"}), HasSubstr("--set"));
  EXPECT_THAT(error_of({"--resume", at("x"), "--config", recipe_file()}), HasSubstr("--config"));
  EXPECT_THAT(error_of({"--resume", at("x"), "--init-from", at("y")}), HasSubstr("--init-from"));
}

TEST_F(DartsSearchErrors, MissingData) {
  const fs::path nothing = at("nothing");
  EXPECT_THAT(error_of(recipe({"data.dataset=cifar10", "data.root=" + nothing.string()})),
              AllOf(HasSubstr("scripts/get_data.py"), HasSubstr(nothing.string())));
  fs::remove(at("data/fashion-mnist/train-labels-idx1-ubyte"));
  EXPECT_THAT(error_of(recipe()),
              AllOf(HasSubstr("scripts/get_data.py"), HasSubstr("train-labels-idx1-ubyte")));
}

TEST_F(DartsSearchErrors, DamagedData) {
  const fs::path pixels = at("data/fashion-mnist/train-images-idx3-ubyte");
  const fs::path labels = at("data/fashion-mnist/train-labels-idx1-ubyte");
  const std::string good = bytes_of(pixels);
  write_text(pixels, test::idx({images, 8, 8}, std::string(images * 64, 'x')));
  EXPECT_THAT(error_of(recipe()), AllOf(HasSubstr(pixels.string()), HasSubstr("8×8")));
  write_text(pixels, good.substr(0, good.size() / 2));
  EXPECT_THAT(error_of(recipe()), HasSubstr(pixels.string()));
  write_text(pixels, good);
  write_text(labels, test::idx({images}, std::string(images, '\x0a')));
  EXPECT_THAT(error_of(recipe()), AllOf(HasSubstr(labels.string()), HasSubstr("label 10")));
}

TEST_F(DartsSearchErrors, TooFewImages) {
  EXPECT_THAT(error_of_setting("data.limit=3"),
              AllOf(HasSubstr("data.train_portion"), HasSubstr("3 images")));
}

TEST_F(DartsSearchErrors, PartsOfEveryClass) {
  const auto error = [&](const std::vector<std::string>& settings) {
    return error_of(recipe(settings));
  };
  EXPECT_THAT(error({"data.portion_w=0.1"}),
              AllOf(HasSubstr("data.portion_w"), HasSubstr("data.portion_alpha")));
  EXPECT_THAT(error({"data.portion_w=0.9", "data.portion_alpha=0.2"}), HasSubstr("at most 1"));
  EXPECT_THAT(error({"data.portion_w=0.5", "data.portion_alpha=0.2", "data.limit=20"}),
              HasSubstr("data.limit"));
}

TEST_F(DartsSearchErrors, RunRoot) {
  write_text(at("file"));
  EXPECT_THAT(error_of_setting("run.root=" + at("file/runs").string()),
              HasSubstr(at("file/runs").string()));
  EXPECT_THAT(error_of_setting("run.root=/proc/no/runs"), HasSubstr("/proc/no"));
}

TEST_F(DartsSearchErrors, NoRunDirectory) {
  fs::create_directories(at("empty"));
  EXPECT_THAT(error_of({"--resume", at("empty")}), HasSubstr(at("empty").string()));
  EXPECT_THAT(error_of({"--resume", at("nowhere")}), HasSubstr(at("nowhere").string()));
  EXPECT_THAT(error_of({"--resume", recipe_file()}), HasSubstr(recipe_file().string()));
}

/// Checkpoints that do not do, on a run that can go on afterwards all the same.
class DartsSearchCheckpoints : public DartsSearchErrors {
 protected:
  DartsSearchCheckpoints() : run_(finish(recipe())), file_(newest_checkpoint(run_)) {}

  std::string error_on_resuming(const Arguments& more = {}) const {
    Arguments arguments{"--resume", run_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const std::string metrics = bytes_of(run_ / "metrics.jsonl");
    const std::string alphas = bytes_of(run_ / "alphas.jsonl");
    std::string error = error_of(arguments);
    EXPECT_EQ(bytes_of(run_ / "metrics.jsonl"), metrics);
    EXPECT_EQ(bytes_of(run_ / "alphas.jsonl"), alphas);
    return error;
  }

  fs::path run_;
  fs::path file_;
};

TEST_F(DartsSearchCheckpoints, OfAnotherConfig) {
  const std::string bytes = bytes_of(file_);
  EXPECT_THAT(
      error_on_resuming({"--set", "space.channels=4"}),
      AllOf(HasSubstr(file_.string()), HasSubstr("space.channels: 4"), HasSubstr("channels: 2")));
  EXPECT_THAT(error_on_resuming({"--seed", "8"}), HasSubstr("seed: 8"));
  EXPECT_EQ(bytes_of(file_), bytes);
  EXPECT_EQ(finish({"--resume", run_}), run_);
}

TEST_F(DartsSearchCheckpoints, Damaged) {
  const std::string whole = bytes_of(file_);
  write_text(file_, whole.substr(0, whole.size() - 100));
  EXPECT_THAT(error_on_resuming(), AllOf(HasSubstr(file_.string()), HasSubstr("cut off")));
  std::string flipped = whole;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  write_text(file_, flipped);
  EXPECT_THAT(error_on_resuming(), AllOf(HasSubstr(file_.string()), HasSubstr("damaged")));
  const std::string header = R"({"__metadata__":{"format":"darts-checkpoint","version":"2"}})";
  std::string newer(8, '\0');
  newer[0] = static_cast<char>(header.size());
  write_text(file_, newer + header);
  EXPECT_THAT(error_on_resuming(), AllOf(HasSubstr(file_.string()), HasSubstr("version")));
  fs::remove(file_);  // as the messages say: an older one does
  EXPECT_EQ(finish({"--resume", run_}), run_);
}

TEST_F(DartsSearchCheckpoints, ToStartFrom) {
  const auto error_from = [&](const fs::path& checkpoint, const std::string& setting) {
    Arguments arguments = recipe({setting});
    arguments.insert(arguments.end(), {"--init-from", checkpoint});
    return error_of(arguments);
  };
  EXPECT_THAT(error_from(file_, "space.channels=4"),
              AllOf(HasSubstr(file_.string()), HasSubstr("model.stem")));
  EXPECT_THAT(error_from(file_, "space.nodes=2"), HasSubstr(file_.string()));
  EXPECT_THAT(error_from(at("nowhere"), "seed=1"), HasSubstr(at("nowhere").string()));
  EXPECT_THAT(error_from(run_ / "genotype.json", "seed=1"), HasSubstr("not a checkpoint"));
}

TEST_F(DartsSearchErrors, AnEmptyTextIsNotTheSameAsNone) {
  for (const char* option :
       {"--resume", "--derive", "--init-from", "--name", "--seed", "--config", "--data-root"}) {
    EXPECT_THAT(error_of({option, ""}), HasSubstr(std::string(option) + " is given an empty text"));
  }
  EXPECT_THAT(error_of({"--derive", runs(), "--epoch", "-7"}), HasSubstr("--epoch"));
}

}  // namespace
}  // namespace darts::testing
