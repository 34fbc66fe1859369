#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/data/run_images.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

Error other_images(const std::string& file, const std::string& difference) {
  return Error("the images are not those of the checkpoint " + file + ": " + difference +
               "; a run goes on only with its own images (--init-from starts a new run from its "
               "weights)");
}

std::string name_at(const std::vector<std::string>& names, std::size_t place) {
  return place < names.size() ? in_quotes(names[place]) : "not there";
}

}  // namespace

ImageList list_of(const ImageSource& source) { return {source.size(), source.checksum()}; }

Json to_json(const RunImages& images) {
  Json json{{"class_names", images.class_names}, {"splits", Json::object()}};
  for (const auto& [name, list] : images.splits) {
    json["splits"][name] = {{"count", list.count}, {"checksum", list.checksum}};
  }
  return json;
}

void check_same_classes(const std::vector<std::string>& now, const std::vector<std::string>& then,
                        const std::string& file) {
  const auto [a, b] = std::mismatch(now.begin(), now.end(), then.begin(), then.end());
  if (a == now.end() && b == then.end()) {
    return;
  }
  const auto place = static_cast<std::size_t>(a - now.begin());
  throw other_images(file, "now " + std::to_string(now.size()) + " classes, then " +
                               std::to_string(then.size()) + "; the first that differs, number " +
                               std::to_string(place + 1) + ": now " + name_at(now, place) +
                               ", then " + name_at(then, place));
}

void check_same_images(const RunImages& now, const Json& then, const std::string& file) {
  if (then.contains("class_names")) {
    check_same_classes(now.class_names, then["class_names"], file);
  }
  const Json splits = then.value("splits", Json::object());
  for (const auto& [name, list] : now.splits) {
    if (!splits.contains(name)) {
      continue;
    }
    const auto count = splits[name].at("count").get<std::int64_t>();
    if (list.count != count) {
      throw other_images(file, "now " + format_count(list.count) + " " + name + " images, then " +
                                   format_count(count));
    }
    if (list.checksum != splits[name].at("checksum").get<std::string>()) {
      throw other_images(file, "as many " + name + " images as then, " + format_count(count) +
                                   ", but other ones, by their names or what they show");
    }
  }
}

}  // namespace darts
