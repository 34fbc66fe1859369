#pragma once

#include "field_codec.hpp"

#include <darts/core/field_table.hpp>

#include <memory>
#include <string>
#include <vector>

namespace darts {

/// One row of the table.
struct FieldTable::Field {
  std::string key;
  std::string help;
  std::string initial;  ///< the default, as YAML
  std::unique_ptr<FieldCodec> codec;
};

/// Values of one field that are for another.
struct FieldTable::Alias {
  std::string key;
  std::vector<std::string> values;
  std::string other;
};

struct FieldTable::Section {
  std::string name;
  std::string help;
};

}  // namespace darts
