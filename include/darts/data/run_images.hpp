#pragma once

#include <darts/data/image_source.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace darts {

// What a checkpoint says of the images of its run, so that the run goes on with the same ones only.

/// The images of one split, wherever they lie.
struct ImageList {
  std::int64_t count = 0;
  std::string checksum;  ///< ImageSource::checksum()
};
ImageList list_of(const ImageSource& source);

/// All that a run reads.
struct RunImages {
  std::vector<std::string> class_names;
  std::map<std::string, ImageList> splits;  ///< by name: "training", "test"
};

/// {"class_names": […], "splits": {"training": {"count", "checksum"}, …}}.
nlohmann::ordered_json to_json(const RunImages& images);

/// Throws Error, which names the checkpoint `file` and the first difference, unless a run that is
/// to go on has the images that its checkpoint tells of: classes by name and in the same order,
/// and in each split as many files, of the same names. What `images` does not tell of, as those of
/// earlier versions, is not compared.
void check_same_images(const RunImages& now, const nlohmann::ordered_json& images,
                       const std::string& file);

/// The part of it that is about classes.
void check_same_classes(const std::vector<std::string>& now, const std::vector<std::string>& then,
                        const std::string& file);

}  // namespace darts
