// darts_eval on checkpoints that darts_train wrote, and its counts.
#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"
#include "data/fixtures.hpp"
#include "support/test_paths.hpp"
#include "support/write_png.hpp"

#include <darts/core/checkpoint.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/data/dataset.hpp>
#include <darts/eval/stored_network.hpp>

#include <ATen/ops/randn.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DartsEval : public TrainFixture {
 protected:
  ProgramResult eval(const Arguments& arguments) const {
    return Program("darts_eval", arguments, at("eval_output")).wait();
  }
  std::string eval_error(const Arguments& arguments) const {
    const ProgramResult result = eval(arguments);
    EXPECT_EQ(result.status, 1) << result.out;
    EXPECT_EQ(lines_with(result.err, "error: ").size(), 1U) << result.err;
    return result.err;
  }
};

TEST_F(DartsEval, GivesTheFiguresOfTheTraining) {
  const fs::path run = finish(recipe());
  const ProgramResult result = eval({run, "--threads", "1"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("images                  48\n"), HasSubstr("Ankle boot")));
  const auto report = nlohmann::json::parse(bytes_of(run / "test.json"));
  const auto trained = nlohmann::json::parse(bytes_of(run / "result.json"));
  EXPECT_EQ(report.at("top1"), trained.at("test_top1"));
  EXPECT_EQ(report.at("top5"), trained.at("test_top5"));
  EXPECT_NEAR(report.at("loss").get<double>(), trained.at("test_loss").get<double>(), 1e-6);
  int tested = 0;
  int right = 0;
  for (std::size_t row = 0; row < 10; ++row) {
    for (const int value : report.at("confusion").at(row)) {
      tested += value;
    }
    right += report.at("confusion").at(row).at(row).get<int>();
  }
  EXPECT_EQ(tested, images);
  EXPECT_DOUBLE_EQ(static_cast<double>(right) / images, report.at("top1").get<double>());
}

TEST_F(DartsEval, KeepsTheRunsOwnFiguresBesideThoseOfOtherImages) {
  const fs::path run = finish(recipe({"train.epochs=1"}));
  ASSERT_EQ(eval({run}).status, 0);
  const std::string own = bytes_of(run / "test.json");
  fs::copy(at("data"), at("other"), fs::copy_options::recursive);
  const ProgramResult result = eval({run, "--data-root", at("other")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("so not in test.json; --json FILE keeps it"));
  EXPECT_EQ(bytes_of(run / "test.json"), own);
  EXPECT_EQ(eval({run, "--data-root", at("other"), "--json", at("other.json")}).status, 0);
  EXPECT_EQ(bytes_of(run / "test.json"), own);
  EXPECT_FALSE(bytes_of(at("other.json")).empty());
}

TEST_F(DartsEval, TestsTheBestAndTheMovingAverage) {
  const fs::path run = finish(recipe({"train.average=0.5", "train.epochs=3"}));
  const auto figure = [&](const Arguments& more) {
    Arguments arguments{run, "--json", at("report.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(eval(arguments).status, 0);
    return nlohmann::json::parse(bytes_of(at("report.json")));
  };
  const auto trained = nlohmann::json::parse(bytes_of(run / "result.json"));
  EXPECT_EQ(figure({}).at("top1"), trained.at("test_top1"));
  EXPECT_EQ(figure({"--best"}).at("top1"), trained.at("best_test_top1"));
  EXPECT_NE(figure({}).at("loss"), figure({"--trained-weights"}).at("loss"));
  EXPECT_EQ(figure({"--limit", "10"}).at("images"), 10);
  EXPECT_NE(figure({}).at("loss"), figure({"--recalibrate", "2"}).at("loss"));
  EXPECT_EQ(figure({"--precision", "bf16"}).at("images"), 48);
  const double loss = figure({}).at("loss");
  EXPECT_NEAR(figure({"--execution", "plain"}).at("loss"), loss, 1e-5);
  EXPECT_NEAR(figure({"--execution", "plain", "--no-channels-last"}).at("loss"), loss, 1e-5);
}

TEST_F(DartsEval, LogitsAreThoseOfTheNetwork) {
  const fs::path run = finish(recipe());
  Checkpoint input;
  input.tensors.emplace("images", at::randn({3, 1, 32, 32}));
  save_checkpoint(at("images.safetensors"), input);
  const ProgramResult result =
      eval({run, "--logits", at("images.safetensors"), "-o", at("logits.safetensors")});
  ASSERT_EQ(result.status, 0) << result.err;
  EvaluationNetwork network =
      load_network(load_checkpoint(newest_checkpoint(run)), WeightsKind::best_known);
  const at::Tensor expected = network->forward(input.tensors.at("images")).logits;
  const at::Tensor actual = require(load_checkpoint(at("logits.safetensors")), "logits");
  EXPECT_TRUE(actual.allclose(expected, 1e-4, 1e-5));
}

TEST_F(DartsEval, PredictsPictures) {
  const fs::path run = finish(recipe({"train.epochs=1"}));
  const fs::path pictures = test_data_folder() / "images";
  const ProgramResult result =
      eval({run, "--top", "3", "--predict", pictures / "landscape_rgb.jpg", pictures / "grey.jpg"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("landscape_rgb.jpg\n"), HasSubstr("grey.jpg\n")));
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '%'), 6) << result.out;
  EXPECT_THAT(eval_error({run, "--predict", write_text(at("no.jpg"), "not a picture")}),
              HasSubstr("no.jpg"));
}

TEST_F(DartsEval, PredictsWhatItsTestFinds) {
  const fs::path run = finish(recipe());
  ASSERT_EQ(eval({run, "--threads", "1"}).status, 0);
  const auto report = nlohmann::json::parse(bytes_of(run / "test.json"));
  const ImageSet set = load_dataset({.name = "fashion_mnist", .root = at("data")}, Split::test);
  Arguments arguments{run, "--threads", "1", "--top", "1", "--predict"};
  for (std::int64_t i = 0; i < set.size(); ++i) {
    arguments.push_back(write_png(at("pictures") / (std::to_string(i) + ".png"),
                                  set.images[i].narrow(0, 2, 28).narrow(1, 2, 28)));
  }
  const ProgramResult result = eval(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  std::istringstream lines(result.out);
  std::vector<std::vector<int>> found(10, std::vector<int>(10));
  for (std::int64_t i = 0; i < set.size(); ++i) {
    std::string file;
    std::string line;
    ASSERT_TRUE(std::getline(lines, file) && std::getline(lines, line));
    const std::string name = line.substr(line.find("%  ") + 3);
    const auto column = std::ranges::find(set.class_names, name) - set.class_names.begin();
    ++found.at(static_cast<std::size_t>(set.labels[i].item<std::int64_t>()))
          .at(static_cast<std::size_t>(column));
  }
  EXPECT_EQ(nlohmann::json(found), report.at("confusion"));
}

TEST_F(DartsEval, CountsWithoutData) {
  const ProgramResult result = eval({"--count", "DARTS_V2"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("images of 32×32×3, 10 classes"), HasSubstr("3,349,342"),
                                HasSubstr("528,359,040")));
  EXPECT_THAT(eval({"--count", "DARTS_V2", "--config", "cifar100.yaml"}).out,
              AllOf(HasSubstr("100 classes"), HasSubstr("3,401,272")));
  EXPECT_THAT(eval({"--count", "DARTS_V2", "--config", "fashion_mnist.yaml"}).out,
              HasSubstr("32×32×1, 10 classes"));
  EXPECT_THAT(eval({"--count", "DARTS_V2", "--config", "imagenet.yaml"}).out,
              AllOf(HasSubstr("224×224×3, 1000 classes"), HasSubstr("4,718,752")));
  EXPECT_THAT(eval({"--count", "DARTS_V2", "--config", "image_folder.yaml", "--classes", "7"}).out,
              HasSubstr("64×64×3, 7 classes"));
  EXPECT_THAT(eval_error({"--count", "DARTS_V2", "--config", "image_folder.yaml"}),
              HasSubstr("--classes"));
  EXPECT_EQ(eval({"--count", genotype_file(), "--config", recipe_file(), "--image-channels", "1",
                  "--json", at("count.json")})
                .status,
            0);
  EXPECT_GT(nlohmann::json::parse(bytes_of(at("count.json"))).at("parts").size(), 5U);
}

TEST_F(DartsEval, ListsTheGenotypesThatAreKnownByName) {
  const ProgramResult result = eval({"--list-genotypes"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("CIFAR-10 error, %"), HasSubstr("\nNASNet "),
                                HasSubstr("\nDARTS_V2           DARTS      2.76 ± 0.09")));
}

TEST_F(DartsEval, SaysWhatIsWrong) {
  EXPECT_THAT(eval_error({}), HasSubstr("say what to test"));
  EXPECT_THAT(eval_error({"--count", "DARTS_V9"}), HasSubstr("DARTS_V9"));
  EXPECT_THAT(eval_error({at("none.safetensors")}), HasSubstr("none.safetensors"));
  EXPECT_THAT(eval_error({at("data")}), HasSubstr("has no checkpoint"));
  EXPECT_THAT(eval_error({"x", "--split", "valid"}), HasSubstr("--split"));
  EXPECT_THAT(eval_error({"x", "--count", "DARTS_V2"}), HasSubstr("--count"));
  EXPECT_THAT(eval_error({"--predict", "picture.jpg", "x"}), HasSubstr("stands before --predict"));
  const fs::path run = finish(recipe({"train.epochs=1"}));
  const fs::path file = newest_checkpoint(run);
  const std::string bytes = bytes_of(file);
  EXPECT_THAT(eval_error({write_text(at("cut.safetensors"), bytes.substr(0, bytes.size() / 2))}),
              HasSubstr("cut.safetensors"));
  Checkpoint search;
  search.meta = R"({"kind": "search"})";
  save_checkpoint(at("search.safetensors"), search);
  EXPECT_THAT(eval_error({at("search.safetensors")}), HasSubstr("one of a search"));
  EXPECT_THAT(eval_error({run, "--data-root", at("nowhere"), "--data", "cifar10"}),
              HasSubstr("get_data.py cifar10"));
  EXPECT_THAT(eval_error({run, "--logits", at("none.safetensors"), "-o", at("out")}),
              HasSubstr("none.safetensors"));
}

}  // namespace
}  // namespace darts::testing
