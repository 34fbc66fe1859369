#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/study/outcome.hpp>
#include <darts/study/results.hpp>
#include <darts/study/winner.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <sstream>

namespace darts {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// A study whose runs have left made-up figures.
class ResultsTest : public ::testing::Test {
 protected:
  ResultsTest() {
    study_.name = "made-up";
    study_.hold_out = 1000;
    study_.seeds = {0, 1, 2};
    study_.searches = {{"first", {}}, {"second", {}}};
    study_.random = 3;
    study_.training_seeds = {0, 1};
    candidates_ = candidates_of(study_);
    const double accuracies[] = {0.90, 0.85, 0.92, 0.84, 0.91, 0.86, 0.80, 0.88, 0.84};
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      finish(candidates_[i], accuracies[i]);
    }
  }

  static void put(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    testing::write_text(file, text);
  }

  static nlohmann::json epoch(int number, double valid_accuracy) {
    return {{"kind", "epoch"},
            {"epoch", number},
            {"seconds", 30.0},
            {"valid_accuracy", valid_accuracy}};
  }
  void put_records(const std::string& search, const std::vector<nlohmann::json>& records) {
    std::string lines;
    for (const nlohmann::json& record : records) {
      lines += record.dump() + "\n";
    }
    put(folder_.search(search) / "metrics.jsonl", lines);
  }

  /// Two trainings around `accuracy`.
  void finish(const Candidate& candidate, double accuracy) {
    const std::string genotype =
        format_json(to_json(candidate.genotype ? *candidate.genotype : load_genotype("DARTS_V2")));
    put(genotype_file(candidate, folder_), genotype);
    fs::create_directories(folder_.outcome("x").parent_path());
    if (candidate.search != nullptr) {
      put_records(candidate.name, {epoch(1, accuracy), {{"kind", "step"}}, epoch(2, accuracy)});
      write_outcome(folder_.outcome(candidate.name), {true});
    }
    double off = 0.01;
    for (const PlannedTraining& training : candidate.trainings) {
      put(folder_.training(training.name) / "genotype.json", genotype);
      put(folder_.training(training.name) / "result.json",
          nlohmann::json{{"selection_top1", accuracy + off},
                         {"seconds", 5.0},
                         {"parameters", 2'000'000},
                         {"multiply_adds", 300'000'000}}
              .dump());
      write_outcome(folder_.outcome(training.name), {true});
      off = -off;
    }
  }

  StudyResults results() const { return collect(study_, candidates_, folder_); }

  Correlation correlation(const std::string& figure) const {
    const auto correlations = results().correlations;
    return *std::ranges::find(correlations, figure, &Correlation::figure);
  }

  testing::TemporaryFolder temporary_;
  StudyFolder folder_{temporary_.path()};
  Study study_;
  std::vector<Candidate> candidates_;
};

TEST_F(ResultsTest, RanksCandidatesAndMethodsByTheirMeans) {
  const StudyResults r = results();
  EXPECT_EQ(r.candidates.front().name, "first-1");
  EXPECT_NEAR(r.candidates.front().accuracy(), 0.92, 1e-12);
  EXPECT_DOUBLE_EQ(r.candidates.front().search->seconds, 60.0);
  EXPECT_EQ(r.candidates.back().name, "random-0");
  ASSERT_EQ(r.methods.size(), 3U);
  EXPECT_EQ(r.methods[0].name, "first");
  EXPECT_NEAR(mean(r.methods[0].accuracies), 0.91, 1e-12);
  EXPECT_EQ(r.methods[1].name, "second");
  EXPECT_EQ(r.methods[2].name, "random");
  EXPECT_EQ(r.methods[2].search_seconds, 0.0);
  const Correlation supernet = correlation("supernet_valid_accuracy");
  EXPECT_EQ(supernet.candidates, 6);
  EXPECT_NEAR(supernet.rank, 1.0, 1e-12);
  EXPECT_NEAR(supernet.p, 2.0 / 720.0, 1e-12);
  EXPECT_EQ(correlation("skip_connections_normal").candidates, 9);
  EXPECT_TRUE(std::isnan(correlation("parameters").rank)) << "all have as many";
}

TEST_F(ResultsTest, SaysHowFarSearchesAreAboveChance) {
  StudyResults r = results();  // random: 0.80, 0.88, 0.84
  EXPECT_NEAR(r.methods[0].above_random.value(), 0.07 / 0.04, 1e-9);
  EXPECT_NEAR(r.methods[1].above_random.value(), 0.01 / 0.04, 1e-9);
  EXPECT_FALSE(r.methods[2].above_random);
  EXPECT_THAT(to_markdown(r), HasSubstr("first +1.8, second +0.3. More than two above it: none."));
  for (const std::string name : {"first-0", "first-1", "first-2"}) {
    finish(*std::ranges::find(candidates_, name, &Candidate::name), 0.93);
  }
  EXPECT_THAT(to_markdown(results()),
              HasSubstr("first +2.3, second +0.3. More than two above it: first."));
  candidates_.resize(7);  // a single random genotype
  r = results();
  EXPECT_FALSE(r.methods[0].above_random);
  EXPECT_THAT(to_markdown(r), Not(HasSubstr("From the mean of random")));
}

TEST_F(ResultsTest, CorrelatesTheLastEigenvaluesThatWereMeasured) {
  EXPECT_TRUE(std::isnan(correlation("eigenvalue").rank)) << "no search has measured any";
  double eigenvalue = 0.1;
  for (const std::string name : {"second-1", "first-0", "first-1"}) {  // from the worst on
    nlohmann::json before = epoch(1, 0.5);
    nlohmann::json last = epoch(2, 0.5);
    before["eigenvalue"] = 1.0 - eigenvalue;
    last["eigenvalue"] = eigenvalue;
    put_records(name, {before, last});
    eigenvalue /= 2.0;
  }
  nlohmann::json not_finite = epoch(1, 0.5);
  not_finite["eigenvalue"] = nullptr;  // as NaN is written
  put_records("first-2", {not_finite});
  EXPECT_NEAR(correlation("eigenvalue").rank, -1.0, 1e-12);
  EXPECT_EQ(correlation("eigenvalue").candidates, 3);
}

TEST_F(ResultsTest, TakesTheFiguresOfTheEpochWhoseGenotypeAStoppedSearchGave) {
  std::vector<nlohmann::json> records{epoch(1, 0.3), epoch(2, 0.4), epoch(3, 0.2), epoch(4, 0.1)};
  records[0]["eigenvalue"] = 0.5;
  records[2]["eigenvalue"] = 0.9;
  records.push_back({{"kind", "early_stop"}, {"after_epoch", 4}, {"genotype_epoch", 2}});
  put_records("first-1", records);
  const SearchFigures figures = results().candidates.front().search.value();
  EXPECT_EQ(figures.valid_accuracy, 0.4);
  EXPECT_EQ(figures.eigenvalue, 0.5);
  EXPECT_EQ(figures.seconds, 120.0) << "it took them all";
}

TEST_F(ResultsTest, DoesNotCorrelateAccuraciesOnImagesTrainedOn) {
  nlohmann::json record = epoch(1, 0.1);
  record["valid_images"] = "trained on";
  put_records("first-1", {record});
  EXPECT_NEAR(correlation("supernet_valid_accuracy").rank, 1.0, 1e-12);
  EXPECT_THAT(to_markdown(results()), HasSubstr("| 10.00 (images trained on) |"));
}

TEST_F(ResultsTest, PairsSearchesBySeedsAndTellsNoiseFromDifferences) {
  const StudyResults r = results();
  ASSERT_EQ(r.comparisons.size(), 3U);
  const Comparison& searches = r.comparisons[0];
  EXPECT_TRUE(searches.paired);
  EXPECT_NEAR(searches.test.difference, 0.06, 1e-12);  // of 0.05, 0.08, 0.05
  EXPECT_NEAR(searches.test.t, 6.0, 1e-9);
  EXPECT_NEAR(searches.corrected_p, 3.0 * searches.test.p, 1e-12);
  EXPECT_TRUE(searches.within_noise());  // p is 0.027, thrice that is not below 0.05
  EXPECT_FALSE(r.comparisons[1].paired);
  EXPECT_EQ(r.comparisons[1].second, "random");
}

TEST_F(ResultsTest, WaitsForAllTrainingsOfACandidate) {
  write_outcome(folder_.outcome("first-1-t1"), {false, "it broke"});
  const StudyResults r = results();
  EXPECT_THAT(r.missing, ElementsAre("first-1"));
  EXPECT_EQ(r.candidates.size(), 8U);
  EXPECT_THAT(to_markdown(r), HasSubstr("Not done yet: first-1."));
  EXPECT_FALSE(r.comparisons[0].paired) << "seeds 0 and 2 against 0, 1 and 2";
}

TEST_F(ResultsTest, WritesWhatItKnowsIntoItsTables) {
  write_winner(folder_.winner(), {"first-1", {"first-1", "random-0"}, {0.9, 0.92}});
  const StudyResults r = results();
  write_tables(r, folder_);
  std::string line;
  const auto json = nlohmann::json::parse(read_file(folder_.path() / "results.json"));
  EXPECT_EQ(json.at("candidates").size(), 9U);
  EXPECT_EQ(json.at("methods").at(0).at("name"), "first");
  EXPECT_EQ(json.at("comparisons").at(0).at("within_noise"), true);
  EXPECT_EQ(json.at("correlations").at(0).at("figure"), "supernet_valid_accuracy");
  EXPECT_NEAR(json.at("methods").at(0).at("above_random").get<double>(), 1.75, 1e-9);
  EXPECT_EQ(json.at("winner").at("candidate"), "first-1");
  const std::string csv = read_file(folder_.path() / "results.csv");
  EXPECT_EQ(std::ranges::count(csv, '\n'), 19);
  EXPECT_THAT(csv, HasSubstr("\nfirst-1,first,1,first-1-t0,0,0.93,5.000,2000000,300000000,"));
  const std::string methods = read_file(folder_.path() / "methods.csv");
  EXPECT_EQ(std::ranges::count(methods, '\n'), 4);
  EXPECT_THAT(methods, AllOf(HasSubstr("\nfirst,3,0.9"), HasSubstr("\nrandom,3,0.84,")));
  const std::string comparisons = read_file(folder_.path() / "comparisons.csv");
  EXPECT_EQ(std::ranges::count(comparisons, '\n'), 4);
  EXPECT_THAT(comparisons, AllOf(HasSubstr("\nfirst,second,0.06"), HasSubstr(",paired,"),
                                 HasSubstr("\nfirst,random,"), HasSubstr(",welch,")));
  for (const std::string& table : {methods, comparisons}) {
    for (std::istringstream lines(table); std::getline(lines, line);) {
      EXPECT_EQ(std::ranges::count(line, ','),
                std::ranges::count(table.substr(0, table.find('\n')), ','))
          << line;
    }
  }
  const std::string markdown = read_file(folder_.path() / "results.md");
  EXPECT_THAT(markdown, AllOf(HasSubstr("| first | 3 | 91.00 ± 1.00 |"),
                              HasSubstr("| first − second | 6.00 | paired by seeds |"),
                              HasSubstr("within noise"),
                              HasSubstr("| the supernet's validation accuracy (searches that hold "
                                        "images out) | 6 | 1.00 | 0.003 |\n"),
                              HasSubstr("91.00 ± 1.41 % top-1")));
}

TEST_F(ResultsTest, KeepsEveryEpochOfTheSearches) {
  nlohmann::json last = epoch(2, 0.5);
  last["skip_connections_normal"] = 3;
  last["eigenvalue"] = 0.25;
  put_records("second-0", {epoch(1, 0.25), {{"kind", "step"}}, last});
  write_tables(results(), folder_);
  const std::string csv = read_file(folder_.path() / "epochs.csv");
  EXPECT_EQ(std::ranges::count(csv, '\n'), 1 + 6 * 2);
  EXPECT_THAT(csv, AllOf(HasSubstr("\nsecond-0,second,0,1,30.0,,,,0.25,,,,,,,\n"),
                         HasSubstr("\nsecond-0,second,0,2,30.0,,,,0.5,3,,,,,,0.25\n")));
  last["train_loss"] = "low";
  put_records("second-0", {last});
  EXPECT_THAT(testing::error_of([&] { write_tables(results(), folder_); }),
              AllOf(HasSubstr("second-0/metrics.jsonl"), HasSubstr("train_loss")));
}

TEST_F(ResultsTest, ABrokenFileOfAFinishedRunIsNamed) {
  put(folder_.training("first-1-t1") / "result.json", "{\"selection_top1\": \"high\"}");
  EXPECT_THAT(testing::error_of([&] { results(); }),
              AllOf(HasSubstr("first-1-t1/result.json"), HasSubstr("selection_top1")));
}

TEST_F(ResultsTest, ATrainingOfAnotherGenotypeIsNamed) {
  put(folder_.training("first-1-t1") / "genotype.json",
      format_json(to_json(load_genotype("NASNet"))));
  EXPECT_THAT(testing::error_of([&] { results(); }),
              AllOf(HasSubstr("first-1-t1/genotype.json"), HasSubstr("another genotype")));
}

TEST_F(ResultsTest, AWinnerIsKnownOnceAllOfItsNetworksAreTested) {
  WinnerTest winner{"first-1", {"first-1"}, {0.9}, {}, 2};
  write_winner(folder_.winner(), winner);
  EXPECT_EQ(read_winner(folder_.winner())->networks, 2);
  EXPECT_FALSE(results().winner);
  EXPECT_THAT(testing::error_of([&] { check_not_tested(candidates_, folder_); }),
              HasSubstr("or its test has begun"));
  winner.top1.push_back(0.92);
  write_winner(folder_.winner(), winner);
  EXPECT_EQ(results().winner->candidate, "first-1");
}

TEST_F(ResultsTest, NamesAreQuotedInTheTables) {
  Candidate given = candidates_.back();
  given.name = given.method = "a,b";
  for (PlannedTraining& training : given.trainings) {
    training.name = "a,b-t" + std::to_string(training.seed);
  }
  finish(given, 0.5);
  candidates_.push_back(given);
  write_tables(results(), folder_);
  EXPECT_THAT(read_file(folder_.path() / "results.csv"),
              HasSubstr("\n\"a,b\",\"a,b\",2,\"a,b-t0\",0,0.51,"));
}

TEST_F(ResultsTest, AWinnerThatIsTestedStays) {
  std::vector<std::string> compared;
  std::vector<std::string> trainings;
  for (const Candidate& candidate : candidates_) {
    compared.push_back(candidate.name);
    for (const PlannedTraining& training : candidate.trainings) {
      trainings.push_back(training.name);
    }
  }
  std::ranges::sort(compared);
  std::ranges::sort(trainings);
  write_winner(folder_.winner(), {"first-1", compared, {0.9, 0.92}});
  check_not_tested(candidates_, folder_);  // one of an earlier version
  write_winner(folder_.winner(), {"first-1", compared, {0.9, 0.92}, trainings});
  EXPECT_EQ(read_winner(folder_.winner())->trainings, trainings);
  check_not_tested(candidates_, folder_);
  const PlannedTraining last = candidates_[0].trainings.back();
  candidates_[0].trainings.pop_back();
  EXPECT_THAT(testing::error_of([&] { check_not_tested(candidates_, folder_); }),
              HasSubstr("other trainings"));
  candidates_[0].trainings.push_back(last);
  candidates_.pop_back();
  EXPECT_THAT(testing::error_of([&] { check_not_tested(candidates_, folder_); }),
              HasSubstr("has been tested already"));
}

}  // namespace
}  // namespace darts
