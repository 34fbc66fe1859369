#include "fuzz/derived.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <darts/cell/genotype.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace darts::fuzz {

void check_written(const Genotype& genotype) {
  const std::string json = format_json(to_json(genotype));
  const Genotype from_json = genotype_from_json(json, "written JSON");
  check(from_json == genotype && from_json.name == genotype.name,
        "a genotype is another one when it was written as JSON");
  check(genotype_from_notation(to_notation(genotype), "written notation") == genotype,
        "a genotype is another one when it was written in the field's notation");
}

void parse_genotype(std::string_view bytes) {
  const std::string text(bytes);
  Genotype genotype;
  if (takes([&] { genotype = genotype_from_json(text, "input"); })) {
    check_written(genotype);
  }
  for (const char* name : {"", "DARTS"}) {
    if (takes([&] { genotype = genotype_from_notation(text, "input", name); })) {
      check_written(genotype);
    }
  }
}

}  // namespace darts::fuzz
