#include "cell/example_genotype.hpp"
#include "core/expect_error.hpp"

#include <darts/cell/genotype.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using testing::example_genotype;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::uneven_genotype;

/// The published first-order cells of the original, as its genotypes.py writes them.
const char* const darts_v1 =
    "DARTS_V1 = Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('skip_connect', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])";

Genotype read(const std::string& text) { return genotype_from_notation(text, "here.txt"); }

std::string error_in(const std::string& text) {
  const std::string message = error_of([&] { read(text); });
  EXPECT_THAT(message, StartsWith("here.txt: "));
  return message;
}

/// A whole genotype with one normal cell's edges and concatenation replaced.
std::string with_normal(const std::string& edges, const std::string& concat) {
  return "Genotype(normal=" + edges + ", normal_concat=" + concat +
         ", reduce=[('none', 0), ('none', 1)], reduce_concat=[2])";
}

TEST(GenotypeNotation, GoesThereAndBack) {
  EXPECT_EQ(read(to_notation(example_genotype())), example_genotype());
}

TEST(GenotypeNotation, ReadsTheOriginalsLinesAndWritesThem) {
  const Genotype genotype = read(darts_v1);
  EXPECT_EQ(genotype, load_genotype("DARTS_V1"));
  EXPECT_EQ("DARTS_V1 = " + to_notation(genotype), darts_v1);
}

TEST(GenotypeNotation, HasOneListANodeWhereTheirNumbersOfEdgesDiffer) {
  const Genotype uneven = uneven_genotype();
  EXPECT_THAT(to_notation(uneven),
              HasSubstr("normal=[[('sep_conv_3x3', 1)], [], [('dil_conv_5x5', 2), "));
  EXPECT_EQ(read(to_notation(uneven)), uneven);
  Genotype one = uneven;  // one edge a node: a flat list would be read as two
  one.normal.nodes = {uneven.normal.nodes[0]};
  one.normal.concat = {2};
  EXPECT_EQ(read(to_notation(one)), one);
}

TEST(GenotypeNotation, TakesOneListANodeForEqualNumbersToo) {
  EXPECT_EQ(read(with_normal("[[('none', 0), ('none', 1)], ([\"none\", 2], ('none', 0),)]", "[2]")),
            read(with_normal("[('none', 0), ('none', 1), ('none', 2), ('none', 0)]", "[2]")));
  EXPECT_THAT(error_in(with_normal("[[('none', 0), ('none', 1)], ('none', 2)]", "[2]")),
              HasSubstr("edges and lists of edges are mixed"));
  EXPECT_THAT(error_in(with_normal("[[('none', 0)], ['none']]", "[2]")), HasSubstr("expected ','"));
}

TEST(GenotypeNotation, TakesRangesTuplesQuotesCommentsAndLineBreaks) {
  const Genotype genotype = read(
      "# a comment with ( and '\n"
      "X = Genotype(\n"
      "  normal = ((\"skip_connect\", 0), [\"none\" , 1,],),  # another\n"
      "  normal_concat=range(2, 3),\n"
      "  reduce=[ ('none',1) , ('none',0) ],\n"
      "  reduce_concat=(2,),\n"
      ")\n");
  ASSERT_EQ(genotype.normal.nodes.size(), 1U);
  EXPECT_EQ(genotype.normal.nodes[0][0].operation.name(), "skip_connect");
  EXPECT_THAT(genotype.normal.concat, ElementsAre(2));
  EXPECT_THAT(genotype.reduce.concat, ElementsAre(2));
  EXPECT_EQ(genotype.reduce.nodes[0][0].from, 1);
}

TEST(GenotypeNotation, TakesFieldsByTheirPlaceToo) {
  const Genotype genotype = read(
      "Genotype([('none', 0), ('none', 1)], list(range(2, 3)), reduce_concat=[2], "
      "reduce=[('none', 1), ('none', 0)])");
  EXPECT_THAT(genotype.normal.concat, ElementsAre(2));
  EXPECT_EQ(genotype.reduce.nodes[0][0].from, 1);
  EXPECT_THAT(error_in("Genotype([], [], [], [], [])"), HasSubstr("more than four fields"));
  EXPECT_THAT(error_in("Genotype(normal_concat=[2], [('none', 0), ('none', 1)])"),
              HasSubstr("a field without a name after one with a name"));
  EXPECT_THAT(error_in("Genotype([], normal=[])"), HasSubstr("\"normal\" is given twice"));
}

TEST(GenotypeNotation, IsFoundAmongOtherLines) {
  const std::string call = to_notation(example_genotype());
  const std::string other = to_notation(uneven_genotype());
  EXPECT_EQ(read("from collections import namedtuple\n"
                 "Genotype = namedtuple('Genotype', 'normal reduce')\n"
                 "\"\"\"\nOLD = " +
                 other + "\n\"\"\"\nTEXT = 'Genotype(' # X = " + other +
                 "\nit's 10:00 AM genotype = " + call + "\n"),
            example_genotype());
}

TEST(GenotypeNotation, OfSeveralOneIsChosenByItsName) {
  const std::string text = "FIRST = " + to_notation(example_genotype()) +
                           "\nSECOND = " + to_notation(uneven_genotype()) +
                           "\nBEST = SECOND  # by far\n";
  EXPECT_THAT(error_in(text),
              HasSubstr("2 genotypes: FIRST (line 1), SECOND (line 2); say which: here.txt:NAME"));
  EXPECT_EQ(genotype_from_notation(text, "x", "FIRST"), example_genotype());
  EXPECT_EQ(genotype_from_notation(text, "x", "SECOND"), uneven_genotype());
  EXPECT_EQ(genotype_from_notation(text, "x", "BEST"), uneven_genotype());
  EXPECT_EQ(genotype_from_notation(text, "x", "BEST").name, "BEST");
  EXPECT_THAT(error_of([&] { genotype_from_notation(text, "x", "THIRD"); }),
              HasSubstr("x: no genotype \"THIRD\"; there: BEST, FIRST, SECOND"));
}

TEST(GenotypeNotation, SyntaxErrorsSayWhere) {
  EXPECT_THAT(error_in("hello"), HasSubstr("neither JSON nor the notation"));
  EXPECT_THAT(error_in("Genotype(normal [])"), HasSubstr("expected '=', found '['"));
  EXPECT_THAT(error_in("Genotype(normale=[])"), HasSubstr("unknown field \"normale\""));
  EXPECT_THAT(error_in("Genotype('x')"), HasSubstr("expected a name"));
  EXPECT_THAT(error_in(with_normal("[(none, 0)]", "[2]")), HasSubstr("a quoted operation"));
  EXPECT_THAT(error_in(with_normal("[('none', x)]", "[2]")), HasSubstr("a whole number"));
  EXPECT_THAT(error_in(with_normal("[('none' 0)]", "[2]")), HasSubstr("expected ','"));
  EXPECT_THAT(error_in(with_normal("[('none', 0) ('none', 1)]", "[2]")),
              HasSubstr("expected ',', found '('"));
  EXPECT_THAT(error_in(with_normal("[('none', 0), ('none', 1)]", "[2 3]")),
              HasSubstr("expected ',', found '3'"));
  EXPECT_THAT(error_in(with_normal("[('none', 0]", "[2]")), HasSubstr("expected ')', found ']'"));
  EXPECT_THAT(error_in("Genotype(normal=[('none, 0)"), HasSubstr("a quote is not closed"));
  EXPECT_THAT(error_in(with_normal("[('none', 0), ('none', 1)]", "repeat(2, 3)")),
              HasSubstr("a list of states or range(first, end)"));
  for (const char* range : {"range(3, 2)", "range(-1, 2)", "range(2, 2000000)"}) {
    EXPECT_THAT(error_in(with_normal("[('none', 0), ('none', 1)]", range)),
                AllOf(HasSubstr("not a range of states"), HasSubstr("(at character ")));
  }
}

TEST(GenotypeNotation, CellErrorsAreThoseOfJson) {
  EXPECT_THAT(error_in(with_normal("[('nothing', 0), ('none', 1)]", "[2]")),
              HasSubstr("normal: node 0 (state 2): unknown operation \"nothing\""));
  EXPECT_THAT(error_in(with_normal("[('none', 0), ('none', 2)]", "[2]")),
              HasSubstr("node 0 (state 2) can only read states 0 to 1"));
  EXPECT_THAT(error_in(with_normal("[('none', 0)]", "[2]")),
              HasSubstr("normal: 1 edges, but every node has 2"));
  EXPECT_THAT(error_in(with_normal("[('none', 0), ('none', 1)]", "[]")),
              HasSubstr("normal_concat: names no state"));
  EXPECT_THAT(error_in(with_normal("[('none', 0), ('none', 1)]", "range(2, 4)")),
              HasSubstr("normal_concat: state 3 is not an intermediate node"));
}

TEST(GenotypeNotation, MissingFieldsAreErrors) {
  EXPECT_THAT(error_in("Genotype()"), HasSubstr("normal: has no edges"));
  EXPECT_THAT(error_in("Genotype(normal=[('none', 0), ('none', 1)], normal_concat=[2])"),
              HasSubstr("reduce: has no edges"));
  EXPECT_THAT(error_in("Genotype(normal=[('none', 0), ('none', 1)])"),
              HasSubstr("normal_concat: names no state"));
}

TEST(GenotypeNotation, OfVeryManyGenotypesTheFirstAreNamed) {
  std::string text;
  for (int i = 1; i <= 30'000; ++i) {
    text += "g" + std::to_string(i) + " = Genotype()\n";
  }
  EXPECT_THAT(error_in(text), AllOf(HasSubstr("30000 genotypes: g1 (line 1), g2 (line 2), "),
                                    HasSubstr("g20 (line 20) and 29980 more; say which")));
}

/// A scan to the line's end from each of them would take minutes.
TEST(GenotypeNotation, QuotesThatNothingClosesAreReadOnce) {
  std::string text = "'";
  for (int i = 0; i < 500'000; ++i) {
    text += "\\'";
  }
  EXPECT_EQ(read(text + "\n'it is' \"\n" + darts_v1), read(darts_v1));
}

TEST(GenotypeNotation, EveryCutOffTextIsAnError) {
  const std::string text = darts_v1;
  for (std::size_t size = 0; size < text.size(); ++size) {
    error_in(text.substr(0, size));
  }
}

}  // namespace
}  // namespace darts
