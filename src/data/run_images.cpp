#include <darts/core/error.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/text.hpp>
#include <darts/data/run_images.hpp>

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

RunImages from_json(const Json& json) {
  RunImages images;
  images.class_names = json_field_or(json, "class_names", images.class_names);
  if (const Json* const splits = find_json_field(json, "splits")) {
    for (const auto& [name, list] : splits->items()) {
      images.splits[name] = {json_field_as<std::int64_t>(list, "count"),
                             json_field_as<std::string>(list, "checksum")};
    }
  }
  return images;
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

void check_same_images(const RunImages& now, const Json& images, const std::string& file) {
  const RunImages then = within(file + ": \"images\"", [&] { return from_json(images); });
  if (!then.class_names.empty()) {
    check_same_classes(now.class_names, then.class_names, file);
  }
  for (const auto& [name, list] : now.splits) {
    const auto found = then.splits.find(name);
    if (found == then.splits.end()) {
      continue;
    }
    const ImageList& stored = found->second;
    if (list.count != stored.count) {
      throw other_images(file, "now " + format_count(list.count) + " " + name + " images, then " +
                                   format_count(stored.count));
    }
    if (list.checksum != stored.checksum) {
      throw other_images(file, "as many " + name + " images as then, " +
                                   format_count(stored.count) +
                                   ", but other ones, by their names or what they show");
    }
  }
}

}  // namespace darts
