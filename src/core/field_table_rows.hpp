#pragma once

#include "field_codec.hpp"

#include <darts/core/field_table.hpp>

#include <memory>
#include <string>

namespace darts {

/// One row of the table.
struct FieldTable::Field {
  std::string key;
  std::string help;
  std::string initial;  ///< the default, as YAML
  std::unique_ptr<FieldCodec> codec;
};

struct FieldTable::Section {
  std::string name;
  std::string help;
};

}  // namespace darts
