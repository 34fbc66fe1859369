// darts_search from its start to its end.
#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"
#include "support/test_paths.hpp"

#include <darts/cell/genotype.hpp>
#include <darts/core/checkpoint.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/core/text.hpp>
#include <darts/search/search_methods.hpp>

#include <nlohmann/json.hpp>

#include <tuple>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DartsSearch : public SearchFixture {};

TEST_F(DartsSearch, LeavesAWholeRunDirectory) {
  const ProgramResult result = run(recipe());
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(lines_with(result.err, "error:").size(), 0U) << result.err;
  const fs::path run = run_directory_of(result.out);
  EXPECT_EQ(run.parent_path(), runs());
  EXPECT_TRUE(run.filename().string().starts_with("tiny-"));
  for (const char* file : {"config.yaml", "log.txt", "metrics.jsonl", "genotypes/epoch_001.json",
                           "genotypes/epoch_002.json", "genotype.json"}) {
    EXPECT_GT(bytes_of(run / file).size(), 0U) << file;
  }
  EXPECT_EQ(bytes_of(run / "genotype.json"), bytes_of(run / "genotypes/epoch_002.json"));
  EXPECT_TRUE(nlohmann::json::parse(bytes_of(run / "environment.json")).is_object());
  EXPECT_THAT(bytes_of(run / "log.txt"), HasSubstr("epoch 2/2"));
  const auto alphas = read_json_lines(run / "alphas.jsonl");
  ASSERT_EQ(alphas.size(), 3U);
  for (std::size_t epoch = 0; epoch < alphas.size(); ++epoch) {
    EXPECT_EQ(alphas[epoch].at("epoch"), epoch);
    EXPECT_EQ(alphas[epoch].at("normal").size(), 2U);
  }
  EXPECT_EQ(newest_checkpoint(run).filename(), "epoch_002_step_000000.safetensors");
  EXPECT_TRUE(fs::exists(run / "checkpoints/best.safetensors"));
  EXPECT_THAT(result.out, HasSubstr("genotype: " + (run / "genotype.json").string()));
}

TEST_F(DartsSearch, SaysWhetherAnAccuracyIsAValidations) {
  const auto outcome_of = [&](const std::string& order) {
    const ProgramResult result = run(recipe({"search.order=" + order}));
    EXPECT_EQ(result.status, 0) << result.err;
    const fs::path run = run_directory_of(result.out);
    return std::tuple(result.out, read_json_lines(run / "metrics.jsonl").back().at("valid_images"),
                      nlohmann::json::parse(bytes_of(run / "genotype.json")).at("provenance"));
  };
  const auto [first, held_out, provenance] = outcome_of("first");
  EXPECT_THAT(first, AllOf(HasSubstr("  valid loss "), HasSubstr("best validation accuracy ")));
  EXPECT_EQ(held_out, "held out");
  EXPECT_FALSE(provenance.contains("valid_images"));
  const auto [joint, trained_on, origin] = outcome_of("joint");
  EXPECT_THAT(joint,
              AllOf(HasSubstr("  loss on images trained on "),
                    HasSubstr("best accuracy on images trained on "), Not(HasSubstr("valid"))));
  EXPECT_EQ(trained_on, "trained on");
  EXPECT_EQ(origin.at("valid_images"), "trained on");
}

TEST_F(DartsSearch, SearchesOnPhotographs) {
  std::vector<std::string> settings = write_photographs(4);
  settings.insert(settings.end(),
                  {"data.portion_w=0.5", "data.portion_alpha=0.25", "space.stem=imagenet",
                   "space.cells=2", "search.batch_size=4", "search.epochs=1"});
  write_text(at("imagenet/train/n01/bad.JPEG"), bytes_of(at("imagenet/train/n01/420_0.JPEG")));
  const fs::path run = finish(recipe(settings));
  const auto records = read_json_lines(run / "metrics.jsonl");
  EXPECT_EQ(records.size(), 4U);  // 12 of 25 photographs in three steps, and the epoch
  EXPECT_EQ(records.back().at("skipped_images"), 0);
  const auto tensors = load_checkpoint(newest_checkpoint(run)).tensors;
  EXPECT_EQ(tensors.at("model.classifier.weight").size(0), 2);
  EXPECT_TRUE(tensors.contains("model.stem1.1.weight"));
  EXPECT_EQ(nlohmann::json::parse(bytes_of(run / "genotype.json")).at("provenance").at("dataset"),
            "imagenet");
}

TEST_F(DartsSearch, PhotographsThatCannotBeReadAreLeftOutAndCounted) {
  std::vector<std::string> settings = write_photographs(1);
  write_text(at("imagenet/train/n02/bad.JPEG"), "");
  settings.insert(settings.end(), {"search.batch_size=4", "search.epochs=1"});
  const ProgramResult failed = run(recipe(settings));
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.err, HasSubstr("bad.JPEG"));
  settings.emplace_back("data.on_error=skip");
  const fs::path run = finish(recipe(settings));
  const auto epoch = read_json_lines(run / "metrics.jsonl").back();
  EXPECT_EQ(epoch.at("skipped_images").get<int>() + epoch.at("skipped_valid_images").get<int>(), 2);
  for (const auto& file : fs::recursive_directory_iterator(at("imagenet/train"))) {
    if (file.is_regular_file()) {
      write_text(file.path(), "");
    }
  }
  EXPECT_THAT(this->run(recipe(settings)).err,
              HasSubstr("none of the training images could be used; 4"));
}

TEST_F(DartsSearch, TheRecipeForImagenetIsPcDarts) {
  const ProgramResult result = run({"--config", configs_folder() / "search/imagenet.yaml",
                                    "--data-root", at("none"), "--dry-run"});
  EXPECT_EQ(result.status, 1);  // after the config: no data
  EXPECT_THAT(result.err, HasSubstr(at("none").string()));
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("  portion_w: 0.1\n"), HasSubstr("  portion_alpha: 0.025\n"),
                    HasSubstr("  stem: imagenet\n"), HasSubstr("  cells: 8\n"),
                    HasSubstr("  channels: 16\n"), HasSubstr("  epochs: 50\n"),
                    HasSubstr("  hue: 0.0\n"), HasSubstr("  learning_rate: 0.006\n")));
}

TEST_F(DartsSearch, TakesTheConfigOfARunBack) {
  const fs::path first = finish(recipe({"search.epochs=1", "seed=9", "space.channels=3"}));
  const fs::path second = finish({"--config", first / "config.yaml"});
  EXPECT_NE(first, second);
  EXPECT_EQ(bytes_of(first / "config.yaml"), bytes_of(second / "config.yaml"));
  expect_same_run(first, second);
}

TEST_F(DartsSearch, IsTheSameAgainWithAnyNumberOfWorkers) {
  const fs::path one = finish(recipe());
  expect_same_run(one, finish(recipe({"data.workers=0"})));
  expect_same_run(one, finish(recipe({"data.workers=3", "data.prefetch=1"})));
}

TEST_F(DartsSearch, AnotherSeedIsAnotherSearch) {
  const fs::path one = finish(recipe({"search.epochs=1"}));
  Arguments arguments = recipe({"search.epochs=1"});
  arguments.insert(arguments.end(), {"--seed", "4"});
  const fs::path other = finish(arguments);
  EXPECT_NE(bytes_of(one / "alphas.jsonl"), bytes_of(other / "alphas.jsonl"));
}

TEST_F(DartsSearch, TheCommandLineBeatsTheFile) {
  Arguments arguments = recipe({"search.epochs=1", "search.epochs=3", "data.workers=0"});
  arguments.insert(arguments.end(), {"--name", "other", "--data-root", at("data").string(),
                                     "--device", "cpu", "--dry-run"});
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("name: other\n"));
  EXPECT_THAT(result.out, HasSubstr("  epochs: 3\n"));
}

TEST_F(DartsSearch, DryRunEstimatesAndLeavesNothing) {
  Arguments arguments = recipe();
  arguments.push_back("--dry-run");
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr(" parameters, "));
  EXPECT_THAT(result.out, HasSubstr(" multiply-adds an image"));
  EXPECT_THAT(result.out, HasSubstr("steps an epoch: 6\n"));
  EXPECT_THAT(result.out, HasSubstr("the whole search: about "));
  EXPECT_THAT(result.out, HasSubstr("memory at the peak: "));
  EXPECT_FALSE(fs::exists(runs()));
}

TEST_F(DartsSearch, DryRunLooksAtEveryStage) {
  Arguments arguments =
      recipe({"search.method=p-darts", "search.order=first", "search.epochs=3",
              "space.primitives=[none, skip_connect, sep_conv_3x3, max_pool_3x3]",
              "p_darts.dropped_first=1", "p_darts.dropped_second=1", "p_darts.more_cells_third=2"});
  arguments.push_back("--dry-run");
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("stage 2 of 3, about: memory: at least "));
  EXPECT_THAT(result.out, HasSubstr("stage 3 of 3, about: memory: at least "));
  EXPECT_THAT(result.out, HasSubstr("measured of stage 1 of 3"));
}

TEST_F(DartsSearch, StartsFromGivenWeights) {
  const fs::path source = newest_checkpoint(finish(recipe()));
  Arguments arguments = recipe({"seed=4", "search.epochs=1", "run.keep_checkpoints=9"});
  arguments.insert(arguments.end(), {"--init-from", source});
  const fs::path run = finish(arguments);
  const Checkpoint given = load_checkpoint(source);
  const Checkpoint first = load_checkpoint(run / "checkpoints/epoch_000_step_000000.safetensors");
  int compared = 0;
  for (const auto& [name, tensor] : first.tensors) {
    if (name.starts_with("model.")) {
      EXPECT_TRUE(tensor.equal(require(given, name))) << name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 10);
  EXPECT_EQ(
      read_json_lines(run / "alphas.jsonl").front().at("normal"),
      read_json_lines(source.parent_path().parent_path() / "alphas.jsonl").back().at("normal"));
}

TEST_F(DartsSearch, RunsInBf16) {
  const fs::path run =
      finish(recipe({"search.epochs=1", "runtime.precision=bf16",
                     "space.primitives=[none, sep_conv_5x5, dil_conv_3x3, dil_conv_5x5]"}));
  const auto epoch = read_json_lines(run / "metrics.jsonl").back();
  EXPECT_EQ(epoch.at("kind"), "epoch");
  EXPECT_GT(epoch.at("valid_loss").get<double>(), 0.0);
}

TEST_F(DartsSearch, Helps) {
  const auto said = [&](const char* option) {
    const ProgramResult result = run({option});
    EXPECT_EQ(result.status, 0) << option;
    EXPECT_EQ(result.err, "") << option;
    return result.out;
  };
  EXPECT_THAT(said("--help"), HasSubstr("--resume"));
  EXPECT_THAT(said("--version"), ::testing::StartsWith("darts "));
  EXPECT_THAT(said("--config-reference"), HasSubstr("`space.channels`"));
  EXPECT_THAT(said("--list-operations"), HasSubstr("\navg_pool_3x3    pool\n"));
  EXPECT_THAT(said("--help"), HasSubstr("--list-methods"));
  const std::string keys = said("--help-config");
  for (const char* key : {"seed", "data.root", "space.channels", "search.method", "w.learning_rate",
                          "alpha.beta1", "runtime.device", "run.root"}) {
    EXPECT_THAT(keys, HasSubstr(key));
  }
}

TEST_F(DartsSearch, WarnsOfSettingsOfAnotherMethod) {
  const std::vector<std::string> settings{"gdas.tau_end=0.5", "search.epochs=1"};
  const std::string warning = "warning: gdas.tau_end has no effect: search.method is darts";
  Arguments dry = recipe(settings);
  dry.push_back("--dry-run");
  for (const Arguments& arguments : {recipe(settings), dry}) {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(lines_with(result.err, warning), std::vector<std::string>{warning}) << result.err;
  }
}

TEST_F(DartsSearch, ListsTheMethodsInAlignedColumns) {
  const ProgramResult result = run({"--list-methods"});
  EXPECT_EQ(result.status, 0) << result.err;
  const std::vector<std::string> lines = lines_with(result.out, "");
  ASSERT_EQ(lines.size(), 1 + search_methods().size());
  const std::size_t paper = lines.front().find("paper");
  const std::size_t days = lines.front().find("GPU days");
  for (std::size_t i = 0; i < search_methods().size(); ++i) {
    const SearchMethodRow& row = search_methods()[i];
    const std::string& line = lines[i + 1];
    EXPECT_LE(columns(line), 100U) << line;
    EXPECT_THAT(line, ::testing::StartsWith(std::string(row.name) + " "));
    EXPECT_EQ(line.find(row.paper), paper) << line;
    EXPECT_THAT(line, HasSubstr(" " + std::string(row.error.empty() ? "-" : row.error) + " "));
    const std::string_view before = cut_to_columns(line, days);
    EXPECT_EQ(line.substr(before.size()), row.gpu_days.empty() ? "-" : row.gpu_days) << line;
  }
}

TEST_F(DartsSearch, DrawsTheGenotypesOfSeedsInARow) {
  Arguments three = recipe();
  three.insert(three.end(), {"--method", "random", "--seed", "5", "--count", "3"});
  const ProgramResult printed = run(three);
  ASSERT_EQ(printed.status, 0) << printed.err;
  const std::vector<std::string> lines = lines_with(printed.out, "tiny_");
  ASSERT_EQ(lines.size(), 3U) << printed.out;
  EXPECT_FALSE(fs::exists(runs()));

  Arguments one = recipe();
  one.insert(one.end(), {"--method", "random", "--seed", "7"});
  const Genotype seventh = load_genotype(finish(one).string());
  EXPECT_EQ(lines[2], "tiny_7 = " + to_notation(seventh));

  three.insert(three.end(), {"-o", at("drawn")});
  ASSERT_EQ(run(three).status, 0);
  EXPECT_EQ(load_genotype(at("drawn/tiny_7.json").string()), seventh);

  Arguments searched = recipe();
  searched.insert(searched.end(), {"--count", "3"});
  EXPECT_THAT(error_of(searched), HasSubstr("--method random"));
  Arguments output = recipe();
  output.insert(output.end(), {"-o", at("drawn")});
  EXPECT_THAT(error_of(output), HasSubstr("--derive"));
}

TEST_F(DartsSearch, EndsWithWordsWhenItDiverges) {
  const fs::path good = newest_checkpoint(finish(recipe({"search.epochs=1"})));
  Arguments arguments = recipe({"w.learning_rate=1e30"});
  arguments.insert(arguments.end(), {"--init-from", good});
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 1);
  const auto lines = lines_with(result.err, "error: ");
  ASSERT_EQ(lines.size(), 1U) << result.err;
  EXPECT_TRUE(result.err.ends_with(lines.front() + "\n")) << result.err;
  const fs::path run = run_directory_of(result.out);
  const fs::path last_good = run / "checkpoints/epoch_000_step_000000.safetensors";
  for (const std::string& part :
       {std::string("diverged in epoch 1, step "), std::string("norm of w "),
        std::string("norm of alpha "), "last good checkpoint: " + last_good.string() + ";"}) {
    EXPECT_THAT(lines.front(), HasSubstr(part));
  }
  const std::string bytes = bytes_of(last_good);
  for (const auto& [name, tensor] : load_checkpoint(last_good).tensors) {
    if (name.starts_with("model.")) {
      EXPECT_TRUE(tensor.equal(require(load_checkpoint(good), name))) << name;
    }
  }
  EXPECT_EQ(SearchFixture::run({"--resume", run}).status, 1);  // the same again
  EXPECT_EQ(newest_checkpoint(run), last_good);
  EXPECT_EQ(bytes_of(last_good), bytes);
}

}  // namespace
}  // namespace darts::testing
