#pragma once

#include <darts/core/field_table.hpp>
#include <darts/core/resources.hpp>

#include <filesystem>
#include <functional>
#include <string>

namespace darts {

/// The config of a YAML file, whose `extends:` also names recipes of its kind; `change` may set
/// further keys. Throws Error that names file, line and key.
template <class Config>
Config load_config(const std::filesystem::path& file,
                   const std::function<void(FieldTable&)>& change = {}) {
  Config config;
  FieldTable table = fields(config);
  table.load(file, [](const std::string& name) { return find_resource(Config::recipes, name); });
  if (change) {
    change(table);
  }
  return config;
}

/// The same of a recipe by its name ("cifar10") or file.
template <class Config>
Config load_recipe(const std::string& name, const std::function<void(FieldTable&)>& change = {}) {
  return load_config<Config>(find_resource(Config::recipes, name), change);
}

}  // namespace darts
