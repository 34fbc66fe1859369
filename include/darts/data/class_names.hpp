#pragma once

#include <darts/data/image_source.hpp>

#include <memory>
#include <string>
#include <vector>

namespace darts {

/// The images of `source` with labels that are places in `names`, found by the names of its
/// classes: these may be some of `names` only, and in another order. A class without images may
/// have any name. Throws Error, which names the first few, where images show a class that is none
/// of `names`.
std::shared_ptr<const ImageSource> labelled_by(std::shared_ptr<const ImageSource> source,
                                               const std::vector<std::string>& names);

/// "a", "b", "c" and 7 more.
std::string first_few(const std::vector<std::string>& names);

}  // namespace darts
