#include <darts/core/json_text.hpp>

#include <set>
#include <vector>

namespace darts {
namespace {

constexpr int deepest = 64;
constexpr std::size_t most_fields = 10'000;  // an ordered_json looks through all for every one

template <class Json>
Json parse(std::string_view text) {
  std::vector<std::set<std::string>>
      given;  // of each object around: nlohmann keeps the last of two
  const auto check = [&given](int depth, typename Json::parse_event_t event, Json& parsed) {
    using Event = typename Json::parse_event_t;
    if (depth > deepest) {
      throw Error("nested deeper than " + std::to_string(deepest) + " levels");
    }
    if (event == Event::object_start) {
      given.emplace_back();
    } else if (event == Event::object_end) {
      given.pop_back();
    } else if (event == Event::key &&
               !given.back().insert(parsed.template get<std::string>()).second) {
      throw Error("the field " + parsed.dump() + " is given twice");
    } else if (std::same_as<Json, nlohmann::ordered_json> && event == Event::key &&
               given.back().size() > most_fields) {
      throw Error("an object of more than " + std::to_string(most_fields) + " fields");
    }
    return true;
  };
  return Json::parse(text.begin(), text.end(), check);
}

}  // namespace

template <class Json>
Json parse_json(std::string_view text) {
  try {
    return parse<Json>(text);
  } catch (...) {
    detail::rethrow_as_error();
  }
}

template nlohmann::json parse_json(std::string_view text);
template nlohmann::ordered_json parse_json(std::string_view text);

}  // namespace darts
