// darts_search --derive: genotypes from a run directory or a checkpoint.
#include "apps/run_fixture.hpp"

#include <darts/core/json_lines.hpp>

#include <nlohmann/json.hpp>

#include <fstream>
#include <set>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class DartsSearchDerive : public SearchFixture {
 protected:
  json derive(Arguments arguments) const {
    arguments.insert(arguments.begin(), "--derive");
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return json::parse(result.out, nullptr, false);
  }
};

void expect_same_edges(const json& a, const json& b) {
  for (const char* part :
       {"format", "version", "normal", "normal_concat", "reduce", "reduce_concat"}) {
    EXPECT_EQ(a.at(part), b.at(part)) << part;
  }
}

TEST_F(DartsSearchDerive, AgreesWithTheSearch) {
  const fs::path run = finish(recipe({"run.keep_checkpoints=9", "space.nodes=3"}));
  const auto of_epoch = [&](int epoch) {
    return json::parse(
        bytes_of(run / "genotypes" / ("epoch_00" + std::to_string(epoch) + ".json")));
  };
  expect_same_edges(derive({run}), of_epoch(2));
  expect_same_edges(derive({run, "--epoch", "1"}), of_epoch(1));
  EXPECT_EQ(derive({run, "--epoch", "0"}).at("provenance").at("epoch"), 0);
  expect_same_edges(derive({run / "checkpoints/epoch_001_step_000000.safetensors"}), of_epoch(1));
  expect_same_edges(derive({run / "checkpoints/epoch_002_step_000000.safetensors"}), of_epoch(2));

  const ProgramResult to_file = SearchFixture::run({"--derive", run, "-o", at("g.json")});
  EXPECT_EQ(to_file.status, 0) << to_file.err;
  EXPECT_EQ(to_file.out, "");
  expect_same_edges(json::parse(bytes_of(at("g.json"))), of_epoch(2));
}

TEST_F(DartsSearchDerive, TakesAnotherMethodsWayWhereItsRunIsGiven) {
  using ::testing::HasSubstr;
  const fs::path run = finish(recipe({"search.epochs=1"}));
  EXPECT_THAT(error_of({"--derive", run, "--method", "nonsense"}),
              HasSubstr("--method nonsense: "));
  expect_same_edges(derive({run, "--method", "p-darts"}),
                    derive({run, "--set", "search.method=p-darts"}));
  const std::string checkpoint = newest_checkpoint(run).string();
  EXPECT_THAT(error_of({"--derive", checkpoint, "--method", "gdas"}),
              HasSubstr("--method goes with a run directory"));
  EXPECT_THAT(error_of({"--derive", checkpoint, "--seed", "3"}), HasSubstr("excludes"));
  EXPECT_EQ(derive({checkpoint, "--name", "mine"}).at("name"), "mine");
}

TEST_F(DartsSearchDerive, KeepsAsManyEdgesAsAsked) {
  const fs::path run = finish(recipe({"search.epochs=1", "space.edges_per_node=1"}));
  EXPECT_EQ(derive({run}).at("normal").at(0).size(), 1U);
  EXPECT_EQ(derive({newest_checkpoint(run)}).at("normal").at(0).size(), 1U);
  EXPECT_EQ(derive({run, "--set", "space.edges_per_node=2"}).at("normal").at(0).size(), 2U);
}

TEST_F(DartsSearchDerive, CapsSkipConnectionsOfTheNormalCell) {
  const auto skips = [](const json& genotype, const char* cell) {
    std::size_t count = 0;
    for (const json& node : genotype.at(cell)) {
      for (const json& edge : node) {
        count += edge.at(0) == "skip_connect" ? 1 : 0;
      }
    }
    return count;
  };
  const std::vector<std::string> settings{"search.epochs=1", "space.nodes=2",
                                          "space.primitives=[skip_connect, max_pool_3x3]",
                                          "alpha.init_scale=1", "seed=5"};
  const fs::path run = finish(recipe(settings));
  const json free = derive({run});
  ASSERT_GT(skips(free, "normal"), 1U) << "another seed will do";
  const json capped = derive({run, "--set", "derive.max_skips=1"});
  EXPECT_EQ(skips(capped, "normal"), 1U);
  EXPECT_EQ(capped.at("reduce"), free.at("reduce"));
  std::vector<std::string> with_cap = settings;
  with_cap.emplace_back("derive.max_skips=1");
  const fs::path other = finish(recipe(with_cap));
  expect_same_edges(json::parse(bytes_of(other / "genotype.json")), capped);
  expect_same_edges(derive({newest_checkpoint(other)}), capped);
}

TEST_F(DartsSearchDerive, KnowsWhatEveryEdgeOffered) {
  const fs::path run =
      finish(recipe({"search.epochs=1", "space.edges.normal=[[noise], [sep_conv_3x3, none]]",
                     "space.edges.reduce=[[max_pool_3x3, noise], [none]]"}));
  const json genotype = json::parse(bytes_of(run / "genotype.json"));
  std::set<std::string> normal;
  for (const json& edge : genotype.at("normal").at(0)) {
    normal.insert(edge.at(0));
  }
  EXPECT_EQ(normal, (std::set<std::string>{"noise", "sep_conv_3x3"}));
  EXPECT_EQ(genotype.at("reduce").at(0).size(), 1U);  // from the other input there is only none
  expect_same_edges(derive({run}), genotype);
  expect_same_edges(derive({newest_checkpoint(run)}), genotype);
  const json alphas = read_json_lines(run / "alphas.jsonl").back();
  EXPECT_EQ(alphas.at("primitives").at("normal"),
            json::parse(R"([["noise"],["sep_conv_3x3","none"]])"));
  EXPECT_EQ(alphas.at("normal").at(0).size(), 1U);
  EXPECT_EQ(alphas.at("normal").at(1).size(), 2U);
}

TEST_F(DartsSearchDerive, ReadsWhatAKilledRunLeft) {
  const fs::path run = finish(recipe({"search.epochs=1"}));
  std::ofstream(run / "alphas.jsonl", std::ios::app) << R"({"epoch":2,"normal":[[0.1)";
  EXPECT_EQ(derive({run}).at("provenance").at("epoch"), 1);
}

TEST_F(DartsSearchDerive, SaysWhatIsNotThere) {
  using ::testing::HasSubstr;
  const fs::path run = finish(recipe({"search.epochs=1"}));
  EXPECT_THAT(error_of({"--derive", run, "--epoch", "7"}),
              HasSubstr("no alphas of epoch 7; recorded are epochs 0 to 1"));
  EXPECT_THAT(error_of({"--derive", newest_checkpoint(run), "--epoch", "1"}),
              HasSubstr("--epoch goes with a run directory"));
  EXPECT_THAT(error_of({"--derive", run, "-o", at("no/such/folder/g.json")}),
              HasSubstr("no/such/folder"));
  EXPECT_THAT(error_of({"--derive", run, "--resume", run}), HasSubstr("--resume"));
  EXPECT_THAT(error_of({"--epoch", "1"}), HasSubstr("--derive"));
  EXPECT_THAT(error_of({"--derive", at("nowhere")}), HasSubstr("nowhere"));
  EXPECT_THAT(error_of({"--derive", recipe_file()}), HasSubstr("not a checkpoint"));
  std::ofstream(run / "alphas.jsonl", std::ios::app)
      << R"({"epoch":2,"primitives":["none","skip_connect"],"normal":[[null,0.0],[0.0,0.0]],)"
      << R"("reduce":[[0.0,0.0],[0.0,0.0]]})"
      << "\n";
  EXPECT_THAT(
      error_of({"--derive", run}),
      HasSubstr(
          "alphas.jsonl: epoch 2: alphas are not finite: the search had diverged; --epoch N"));
  fs::remove(run / "alphas.jsonl");
  EXPECT_THAT(error_of({"--derive", run}), HasSubstr("alphas.jsonl"));
}

}  // namespace
}  // namespace darts::testing
