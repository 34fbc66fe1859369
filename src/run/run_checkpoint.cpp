#include <darts/core/error.hpp>
#include <darts/core/idle_settings.hpp>
#include <darts/run/run_checkpoint.hpp>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

/// By full key, as text.
using ConfigValues = std::map<std::string, std::string>;

}  // namespace

nlohmann::ordered_json run_meta(const Checkpoint& checkpoint, const std::string& kind,
                                const std::string& what) {
  auto meta = nlohmann::ordered_json::parse(checkpoint.meta);
  if (meta.value("kind", "") != kind) {
    throw Error(checkpoint.file.string() + ": not a checkpoint of " + what +
                "; --init-from takes weights from elsewhere");
  }
  return meta;
}

void check_same_config(const std::string& now, const std::string& then, const std::string& defaults,
                       const std::string& file) {
  const ConfigValues now_values = values_of_dump(now);
  const ConfigValues then_values = values_of_dump(then);
  const ConfigValues default_values = values_of_dump(defaults);
  const auto value = [&](const ConfigValues& values, const std::string& key) {
    const auto own = values.find(key);
    const auto other = default_values.find(key);
    return own != values.end()             ? own->second
           : other != default_values.end() ? other->second
                                           : std::string("not there");
  };
  ConfigValues keys = now_values;
  keys.insert(then_values.begin(), then_values.end());
  for (const auto& [key, ignored] : keys) {
    if (value(now_values, key) != value(then_values, key)) {
      throw Error("the config does not fit the checkpoint " + file + ": now " + key + ": " +
                  value(now_values, key) + ", then " + key + ": " + value(then_values, key) +
                  "; a run goes on only with its own config (--init-from starts a new run from its "
                  "weights)");
    }
  }
}

}  // namespace darts
