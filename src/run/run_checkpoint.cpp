#include <darts/core/environment.hpp>
#include <darts/core/error.hpp>
#include <darts/core/idle_settings.hpp>
#include <darts/core/json_text.hpp>
#include <darts/run/run_checkpoint.hpp>

namespace darts {
namespace {

/// By full key, as text.
using ConfigValues = std::map<std::string, std::string>;

}  // namespace

Fingerprint fingerprint_of(const std::string& identity, const nlohmann::ordered_json& images,
                           std::int64_t parameters) {
  Fingerprint all{{"the program's version",
                   std::string(program_version()) + " " + std::string(git_revision())}};
  for (const auto& [key, value] : values_of_dump(identity)) {
    all.emplace_back(key, value);
  }
  for (const auto& [name, value] : images.items()) {
    all.emplace_back("the images' " + name, value.dump());
  }
  all.emplace_back("the number of parameters", std::to_string(parameters));
  return all;
}

nlohmann::ordered_json run_meta(const Checkpoint& checkpoint, const std::string& kind,
                                const std::string& what) {
  return within(checkpoint.file.string(), [&] {
    auto meta = parse_json<nlohmann::ordered_json>(checkpoint.meta);
    if (json_field_or<std::string>(meta, "kind", "") != kind) {
      throw Error("not a checkpoint of " + what + "; --init-from takes weights from elsewhere");
    }
    return meta;
  });
}

std::string stored_identity(const nlohmann::ordered_json& meta, const std::string& file) {
  return within(file, [&] { return json_field_as<std::string>(meta, "identity"); });
}

void read_state(const nlohmann::ordered_json& meta, const StateFields& fields,
                const std::string& file) {
  within(file, [&] {
    const nlohmann::ordered_json& state = json_field(meta, "state");
    within("\"state\"", [&] { read_fields(state, fields); });
  });
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
