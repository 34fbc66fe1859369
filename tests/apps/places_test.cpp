// Names of files are bytes, and a run can be gone on with from any working directory.
#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"
#include "support/test_paths.hpp"

#include <nlohmann/json.hpp>

#include <csignal>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* odd = "caf\xe9";  // in Latin-1
constexpr const char* odd_as_text = "caf\\xe9";

/// While it lives, `folder` is the working directory, also of programs that are started.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const fs::path& folder) : before_(fs::current_path()) {
    fs::create_directories(folder);
    fs::current_path(folder);
  }
  ~WorkingDirectory() {
    std::error_code ignored;
    fs::current_path(before_, ignored);
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

 private:
  fs::path before_;
};

class TrainingInPlaces : public TrainFixture {
 protected:
  ProgramResult eval(const Arguments& arguments) const {
    return Program("darts_eval", arguments, at("eval_output")).wait();
  }
};

TEST_F(TrainingInPlaces, WhatARecordHoldsIsFoundNotToBeUtf8AtTheStart) {
  const auto error_with = [&](const Arguments& more) {
    Arguments arguments = recipe();
    arguments.insert(arguments.end(), more.begin(), more.end());
    return error_of(arguments);
  };
  const std::string refused = "must be UTF-8, got \"" + std::string(odd_as_text) + "\"";
  EXPECT_THAT(error_with({"--name", odd}), StartsWith("error: --name: " + refused));
  EXPECT_THAT(error_with({"--data-root", odd}), StartsWith("error: --data-root: " + refused));
  EXPECT_THAT(error_with({"--set", "run.root=" + std::string(odd)}), HasSubstr("run.root"));
  EXPECT_THAT(error_of({"--genotype", genotype_file(), "--config",
                        write_text(at("latin.yaml"), "extends: tiny.yaml\nname: caf\xe9\n")}),
              HasSubstr("latin.yaml: is not UTF-8 text"));
  EXPECT_THAT(
      error_of({"--genotype", genotype_file(), "--config",
                write_text(at("null.yaml"), "extends: tiny.yaml\nrun:\n  root: \"runs\\0x\"\n")}),
      AllOf(HasSubstr("null.yaml:3: run.root: must not hold a NUL byte")));
  for (const std::string split : {"train", "test"}) {
    for (const std::string name : {"tea", odd}) {
      fs::create_directories(at("pictures") / split / name);
      fs::copy_file(test_data_folder() / "images/grey.jpg",
                    at("pictures") / split / name / "x.jpg");
    }
  }
  EXPECT_THAT(error_with({"--set", "data.dataset=image_folder", "--data-root", at("pictures")}),
              HasSubstr("the class \"" + std::string(odd_as_text) + "\" has a name that is not"));
  EXPECT_TRUE(!fs::exists(runs()) || fs::is_empty(runs()));
}

TEST_F(TrainingInPlaces, OtherNamesMayBeAnyBytes) {
  fs::create_directories(at(odd));
  fs::copy_file(genotype_file(), at(odd) / (std::string(odd) + ".txt"));
  fs::copy_file(recipe_file(), at(odd) / "tiny.yaml");
  const fs::path run = finish({"--config", at(odd) / "tiny.yaml", "--set", "train.epochs=1",
                               "--genotype", at(odd) / (std::string(odd) + ".txt")});
  EXPECT_EQ(nlohmann::json::parse(bytes_of(run / "genotype.json")).at("name"), odd_as_text);
  const fs::path moved = at(odd) / "run";
  fs::rename(run, moved);
  const ProgramResult resumed = this->run({"--resume", moved});
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  const ProgramResult tested = eval({moved, "--threads", "1"});
  EXPECT_EQ(tested.status, 0) << tested.err;
  const auto report = nlohmann::json::parse(bytes_of(moved / "test.json"));
  EXPECT_THAT(report.at("checkpoint").get<std::string>(), HasSubstr(odd_as_text));
  Arguments fine_tuning = recipe({"train.epochs=1"});
  fine_tuning.insert(fine_tuning.end(), {"--init-from", newest_checkpoint(moved)});
  finish(fine_tuning);
}

TEST_F(TrainingInPlaces, ARunGoesOnFromAnotherWorkingDirectory) {
  const std::vector<std::string> settings{"data.root=data", "run.root=runs", "train.epochs=8"};
  Arguments arguments = RunFixture::recipe(settings);
  arguments.insert(arguments.end(), {"--genotype", "genotype.txt"});
  fs::path run;
  {
    const WorkingDirectory here(at(""));
    run = fs::absolute(start_and_stop(arguments, SIGINT, 3));
  }
  EXPECT_THAT(bytes_of(run / "config.yaml"),
              AllOf(HasSubstr(at("data").string()), HasSubstr(runs().string())));
  const WorkingDirectory there(at("elsewhere"));
  EXPECT_EQ(finish({"--resume", run}), run);
  EXPECT_EQ(eval({run}).status, 0);
}

class SearchInPlaces : public SearchFixture {};

TEST_F(SearchInPlaces, ARunGoesOnFromAnotherWorkingDirectory) {
  const Arguments arguments = recipe({"data.root=data", "run.root=runs", "search.epochs=8"});
  fs::path run;
  {
    const WorkingDirectory here(at(""));
    run = fs::absolute(start_and_stop(arguments, SIGINT, 3));
  }
  const WorkingDirectory there(at("elsewhere"));
  EXPECT_EQ(finish({"--resume", run}), run);
}

TEST_F(SearchInPlaces, AGenotypeSaysWhereItComesFromInUtf8) {
  const fs::path run = finish(recipe({"search.epochs=1"}));
  const fs::path copy = at(std::string(odd) + ".safetensors");
  fs::copy_file(newest_checkpoint(run), copy);
  const ProgramResult result = this->run({"--derive", copy});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto genotype = nlohmann::json::parse(result.out);
  EXPECT_EQ(genotype.at("name"), odd_as_text);
  EXPECT_THAT(genotype.at("provenance").at("derived_from").get<std::string>(),
              HasSubstr(odd_as_text));
  const fs::path moved = at(odd);
  fs::rename(run, moved);
  EXPECT_EQ(this->run({"--derive", moved}).status, 0);
  EXPECT_EQ(this->run({"--resume", moved}).status, 0);
}

}  // namespace
}  // namespace darts::testing
