#include "cell/example_genotype.hpp"
#include "core/expect_error.hpp"

#include <darts/cell/genotype.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <set>
#include <string>

namespace darts {
namespace {

using ::testing::AllOf;
using testing::error_of;
using testing::example_genotype;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::uneven_genotype;
using Json = nlohmann::ordered_json;

/// The message about the example after a change of its JSON.
std::string error_after(const std::function<void(Json&)>& change) {
  Json json = to_json(example_genotype());
  change(json);
  const std::string message = error_of([&] { genotype_from_json(format_json(json), "here.json"); });
  EXPECT_THAT(message, StartsWith("here.json: "));
  return message;
}

/// As version 1 wrote it: all nodes' edges in one list.
Json version_1(const Genotype& genotype) {
  Json json = to_json(genotype);
  json["version"] = 1;
  for (const char* cell : {"normal", "reduce"}) {
    Json flat = Json::array();
    for (const Json& node : json[cell]) {
      flat.insert(flat.end(), node.begin(), node.end());
    }
    json[cell] = flat;
  }
  return json;
}

TEST(GenotypeJson, GoesThereAndBack) {
  const Genotype genotype = example_genotype();
  const Genotype back = genotype_from_json(format_json(to_json(genotype)), "x");
  EXPECT_EQ(back, genotype);
  EXPECT_EQ(back.name, genotype.name);
}

TEST(GenotypeJson, TextIsValidJsonWithOneNodeALine) {
  const std::string text = format_json(to_json(example_genotype()));
  EXPECT_EQ(Json::parse(text), to_json(example_genotype()));
  EXPECT_THAT(text, HasSubstr("\n  [[\"sep_conv_3x3\",1],[\"skip_connect\",0]],\n"));
  EXPECT_THAT(text, HasSubstr("\"normal_concat\": [2,3]"));
}

TEST(GenotypeJson, FieldsAreThoseOfTheFormat) {
  const Json json = to_json(example_genotype());
  EXPECT_EQ(json["format"], "darts-genotype");
  EXPECT_EQ(json["version"], 2);
  EXPECT_EQ(json["normal"][1][0], Json({"dil_conv_5x5", 2}));
  EXPECT_EQ(json["reduce_concat"], Json({3}));
}

TEST(GenotypeJson, SaysTheKindsOfItsOperations) {
  const Json json = to_json(example_genotype());
  std::set<std::string> named;
  for (const char* cell : {"normal", "reduce"}) {
    for (const Json& node : json[cell]) {
      for (const Json& edge : node) {
        named.insert(edge[0].get<std::string>());
      }
    }
  }
  EXPECT_EQ(json["operations"].size(), named.size());
  for (const auto& [name, kind] : json["operations"].items()) {
    EXPECT_TRUE(named.contains(name)) << name;
    EXPECT_EQ(kind, kind_name(Primitive::parse(name).kind())) << name;
  }
}

TEST(GenotypeJson, KindsMayBeMissingOrOfOperationsThatDoNotOccur) {
  Json json = to_json(example_genotype());
  json["operations"]["of_another_program"] = "pool";
  EXPECT_EQ(genotype_from_json(format_json(json), "x"), example_genotype());
  json.erase("operations");
  EXPECT_EQ(genotype_from_json(format_json(json), "x"), example_genotype());
  for (const Json& kinds : {Json("conv"), Json({{"skip_connect", 3}}), Json::array()}) {
    EXPECT_THAT(error_after([&](Json& j) { j["operations"] = kinds; }),
                HasSubstr("operations: must be an object of texts"));
  }
}

TEST(GenotypeJson, AnyNumberOfEdgesANodeGoesThereAndBack) {
  const Genotype uneven = uneven_genotype();
  const Json json = to_json(uneven);
  EXPECT_EQ(json["normal"][1], Json::array());
  EXPECT_EQ(json["normal"][2].size(), 3U);
  EXPECT_EQ(genotype_from_json(format_json(json), "x"), uneven);
}

TEST(GenotypeJson, Version1IsRead) {
  Json json = version_1(example_genotype());
  EXPECT_EQ(genotype_from_json(json.dump(), "x"), example_genotype());

  const auto skip = [](std::int64_t from) {
    return GenotypeEdge{Primitive::parse("skip_connect"), from};
  };
  Genotype one;
  one.normal.nodes = {{skip(1)}, {skip(2)}, {skip(0)}};
  one.normal.concat = {2, 3, 4};
  one.reduce = one.normal;
  json = version_1(one);
  json["edges_per_node"] = 1;
  EXPECT_EQ(genotype_from_json(json.dump(), "x"), one);

  Genotype three;  // the first node has two predecessors only
  three.normal.nodes = {{skip(1), skip(0)}, {skip(2), skip(0), skip(1)}};
  three.normal.concat = {2, 3};
  three.reduce = three.normal;
  json = version_1(three);
  json["edges_per_node"] = 3;
  EXPECT_EQ(genotype_from_json(json.dump(), "x"), three);
}

TEST(GenotypeJson, AFieldThatIsThereTwiceIsAnError) {
  std::string text = to_json(example_genotype()).dump();
  text.insert(text.find("\"normal\""), "\"normal\": [], ");
  EXPECT_THAT(testing::error_of([&] { genotype_from_json(text, "x"); }),
              HasSubstr("x: the field \"normal\" is given twice"));
}

TEST(GenotypeJson, EdgesPerNodeIsAFieldOfVersion1Alone) {
  EXPECT_THAT(error_after([](Json& j) { j["edges_per_node"] = 2; }),
              HasSubstr("unknown field \"edges_per_node\""));
  for (const Json& count : {Json(0), Json(-1), Json("2"), Json(2.0)}) {
    Json json = version_1(example_genotype());
    json["edges_per_node"] = count;
    EXPECT_THAT(error_of([&] { genotype_from_json(json.dump(), "x"); }),
                HasSubstr("edges_per_node: must be a whole number of at least 1"));
  }
}

TEST(GenotypeJson, ASingleNodeOfTwoEdgesGoesThereAndBack) {
  Genotype genotype = example_genotype();
  genotype.normal.nodes.resize(1);
  genotype.normal.concat = {2};
  genotype.reduce = genotype.normal;
  EXPECT_EQ(genotype_from_json(format_json(to_json(genotype)), "x"), genotype);
}

TEST(GenotypeJson, ProvenanceGoesThereAndBack) {
  Json json = to_json(example_genotype());
  EXPECT_FALSE(json.contains("provenance"));
  json["provenance"] = {{"config", {{"seed", 3}}}, {"epochs", {1, 2}}, {"accuracy", 0.1}};
  const std::string text = format_json(json);
  const Genotype genotype = genotype_from_json(text, "x");
  EXPECT_EQ(genotype, example_genotype());
  EXPECT_EQ(format_json(to_json(genotype)), text);
  EXPECT_THAT(error_after([](Json& j) { j["provenance"] = "a search"; }),
              HasSubstr("provenance: must be an object"));
}

TEST(GenotypeJson, NameMayBeMissing) {
  Json json = to_json(example_genotype());
  json.erase("name");
  EXPECT_EQ(genotype_from_json(format_json(json), "x").name, "");
}

TEST(GenotypeJson, HeaderErrors) {
  EXPECT_THAT(error_after([](Json& j) { j.erase("format"); }), HasSubstr("not a genotype"));
  EXPECT_THAT(error_after([](Json& j) { j["format"] = "other"; }), HasSubstr("not a genotype"));
  EXPECT_THAT(error_after([](Json& j) { j.erase("version"); }),
              HasSubstr("the field \"version\" is missing"));
  EXPECT_THAT(error_after([](Json& j) { j["version"] = 3; }),
              AllOf(HasSubstr("version 3"), HasSubstr("reads versions 1 and 2")));
  EXPECT_THAT(error_after([](Json& j) { j["version"] = "1"; }), HasSubstr("version \"1\""));
  EXPECT_THAT(error_after([](Json& j) { j["normal_concatenate"] = 1; }),
              HasSubstr("unknown field \"normal_concatenate\""));
  EXPECT_THAT(error_after([](Json& j) { j["nor\nmal"] = 1; }),
              HasSubstr("unknown field \"nor mal\""));
  EXPECT_THAT(error_of([] { genotype_from_json("[1]", "x"); }), HasSubstr("not a genotype"));
}

TEST(GenotypeJson, NamesOfTheWrongTypeAreErrors) {
  EXPECT_THAT(error_after([](Json& j) { j["name"] = 3; }), HasSubstr("name"));
}

TEST(GenotypeJson, MissingFields) {
  for (const std::string field : {"normal", "normal_concat", "reduce", "reduce_concat"}) {
    EXPECT_THAT(error_after([&](Json& j) { j.erase(field); }),
                HasSubstr("the field \"" + field + "\" is missing"));
  }
}

TEST(GenotypeJson, FieldsOfTheWrongType) {
  const Json wrong_edges[]{3,
                           Json::array({3}),
                           Json::array({Json::array({"none"})}),
                           Json::array({Json::array({0, "none"})}),
                           Json::array({Json::array({"none", 0, 1})}),
                           Json::array({Json::array({"none", 0.5})}),
                           Json{{"none", 0}, {"a", 1}}};
  for (const Json& edges : wrong_edges) {
    EXPECT_THAT(
        error_after([&](Json& j) { j["reduce"] = Json::array({edges}); }),
        HasSubstr("reduce: must be a list of nodes, each a list of [\"operation\", state]"));
    Json json = version_1(example_genotype());
    json["reduce"] = edges;
    EXPECT_THAT(error_of([&] { genotype_from_json(json.dump(), "x"); }),
                HasSubstr("reduce: must be a list of [\"operation\", state]"));
  }
  for (const Json& concat : {Json(2), Json{"a"}, Json{2.5}, Json{{"a", 2}}}) {
    EXPECT_THAT(error_after([&](Json& j) { j["normal_concat"] = concat; }),
                HasSubstr("normal_concat: must be a list of states"));
  }
}

TEST(GenotypeJson, UnknownOperation) {
  EXPECT_THAT(
      error_after([](Json& j) { j["normal"][0][1][0] = "sep_conv_2x2"; }),
      AllOf(HasSubstr("here.json: normal: node 0 (state 2): unknown operation \"sep_conv_2x2\""),
            HasSubstr("sep_conv_3x3")));
}

TEST(GenotypeJson, EdgesFromStatesThatAreNotBefore) {
  for (const std::int64_t from : {3, 4, -1}) {
    EXPECT_THAT(error_after([&](Json& j) { j["reduce"][1][1][1] = from; }),
                AllOf(HasSubstr("reduce: node 1 (state 3) can only read states 0 to 2"),
                      HasSubstr("from state " + std::to_string(from))));
  }
}

TEST(GenotypeJson, NumbersOfEdgesThatDoNotFit) {
  Json json = version_1(example_genotype());
  json["normal"].erase(3);
  EXPECT_THAT(error_of([&] { genotype_from_json(json.dump(), "x"); }),
              HasSubstr("normal: 3 edges, but every node has 2; where their numbers differ, write "
                        "one list a node"));
  for (const Json& nodes : {Json::array(), Json::array({Json::array(), Json::array()})}) {
    EXPECT_THAT(error_after([&](Json& j) { j["normal"] = nodes; }),
                HasSubstr("normal: has no edges"));
  }
}

TEST(GenotypeJson, NodesWithoutEdgesAreNeitherReadNorConcatenated) {
  EXPECT_THAT(error_after([](Json& j) { j["normal"][1] = Json::array(); }),
              HasSubstr("normal_concat: names node 1 (state 3), which has no edges; leave it out"));
  EXPECT_THAT(error_after([](Json& j) { j["normal"][0] = Json::array(); }),
              HasSubstr("normal: an edge into node 1 (state 3) comes from node 0 (state 2), which "
                        "has no edges; leave that edge out"));
}

TEST(GenotypeJson, Concatenations) {
  EXPECT_THAT(error_after([](Json& j) {
                j["normal_concat"] = {2, 4};
              }),
              HasSubstr("normal_concat: state 4 is not an intermediate node; this cell has states "
                        "2 to 3"));
  EXPECT_THAT(error_after([](Json& j) {
                j["normal_concat"] = {1, 2};
              }),
              HasSubstr("state 1 is not an intermediate node"));
  EXPECT_THAT(error_after([](Json& j) {
                j["reduce_concat"] = {3, 3};
              }),
              HasSubstr("reduce_concat: names a state twice"));
  EXPECT_THAT(error_after([](Json& j) { j["reduce_concat"] = Json::array(); }),
              HasSubstr("reduce_concat: names no state"));
}

TEST(GenotypeJson, EveryCutOffTextIsAnError) {
  const std::string text = format_json(to_json(example_genotype()));
  for (std::size_t size = 0; size + 2 < text.size(); ++size) {
    const std::string message =
        error_of([&] { genotype_from_json(text.substr(0, size), "cut.json"); });
    EXPECT_THAT(message, AllOf(StartsWith("cut.json: not valid JSON"), HasSubstr("cut off")));
  }
}

TEST(GenotypeJson, NumbersThatDoNotFitAreErrors) {
  const std::string text = format_json(to_json(example_genotype()));
  const auto with = [&](const std::string& number) {
    std::string changed = text;
    return changed.replace(changed.find(",1]"), 3, "," + number + "]");
  };
  error_of([&] { genotype_from_json(with("18446744073709551615"), "x"); });
  error_of([&] { genotype_from_json(with("9223372036854775808"), "x"); });
  error_of([&] { genotype_from_json(with("1e400"), "x"); });
}

}  // namespace
}  // namespace darts
