#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/data/class_names.hpp>

#include <cstdint>
#include <unordered_map>
#include <utility>

namespace darts {
namespace {

constexpr std::int64_t unknown = -1;

/// Of each class of `source` its place in `names`; `unknown` where it has none.
std::vector<std::int64_t> places_of(const ImageSource& source,
                                    const std::vector<std::string>& names) {
  std::unordered_map<std::string, std::int64_t> known;
  for (const std::string& name : names) {
    known.emplace(name, static_cast<std::int64_t>(known.size()));
  }
  std::vector<std::int64_t> places;
  for (const std::string& name : source.class_names()) {
    const auto found = known.find(name);
    places.push_back(found == known.end() ? unknown : found->second);
  }
  return places;
}

void check_all_known(const ImageSource& source, const std::vector<std::int64_t>& places,
                     const std::vector<std::string>& names) {
  std::vector<bool> shown(places.size());
  for (std::int64_t i = 0; i < source.size(); ++i) {
    shown[static_cast<std::size_t>(source.label(i))] = true;
  }
  std::vector<std::string> strangers;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (shown[i] && places[i] == unknown) {
      strangers.push_back(source.class_names()[i]);
    }
  }
  if (!strangers.empty()) {
    throw Error("the images show " + std::to_string(strangers.size()) +
                " classes that the network does not know: " + first_few(strangers) +
                "; it was trained on " + std::to_string(names.size()) + ": " + first_few(names) +
                "; name the classes as they were in its training, or leave these out");
  }
}

class RelabelledSource : public ImageSource {
 public:
  RelabelledSource(std::shared_ptr<const ImageSource> source, std::vector<std::string> names,
                   std::vector<std::int64_t> places)
      : source_(std::move(source)), names_(std::move(names)), places_(std::move(places)) {}

  std::int64_t size() const override { return source_->size(); }
  std::int64_t height() const override { return source_->height(); }
  std::int64_t width() const override { return source_->width(); }
  std::int64_t channels() const override { return source_->channels(); }
  const std::vector<std::string>& class_names() const override { return names_; }
  const PixelStatistics& statistics() const override { return source_->statistics(); }
  bool by_class() const override { return source_->by_class(); }
  bool may_skip() const override { return source_->may_skip(); }
  std::string checksum() const override { return source_->checksum(); }
  std::int64_t label(std::int64_t index) const override {
    return places_[static_cast<std::size_t>(source_->label(index))];
  }
  bool read(std::int64_t index, RandomStream& random, std::span<float> image) const override {
    return source_->read(index, random, image);
  }
  std::shared_ptr<const ImageSource> unaugmented() const override {
    return std::make_shared<const RelabelledSource>(source_->unaugmented(), names_, places_);
  }

 private:
  std::shared_ptr<const ImageSource> source_;
  std::vector<std::string> names_;
  std::vector<std::int64_t> places_;
};

}  // namespace

std::shared_ptr<const ImageSource> labelled_by(std::shared_ptr<const ImageSource> source,
                                               const std::vector<std::string>& names) {
  if (source->class_names() == names) {
    return source;
  }
  std::vector<std::int64_t> places = places_of(*source, names);
  check_all_known(*source, places, names);
  return std::make_shared<const RelabelledSource>(std::move(source), names, std::move(places));
}

std::string first_few(const std::vector<std::string>& names) {
  constexpr std::size_t few = 3;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < few; ++i) {
    text += (i == 0 ? "" : ", ") + in_quotes(names[i]);
  }
  return names.size() > few ? text + " and " + std::to_string(names.size() - few) + " more" : text;
}

}  // namespace darts
