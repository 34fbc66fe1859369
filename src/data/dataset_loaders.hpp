#pragma once

#include <darts/core/error.hpp>
#include <darts/data/dataset.hpp>

#include <filesystem>
#include <memory>
#include <string_view>

namespace darts::detail {

// The load functions of dataset_table(). See load_dataset for what they throw.
ImageSet load_cifar10(const DatasetOptions& options, Split split);
ImageSet load_cifar100(const DatasetOptions& options, Split split);
ImageSet load_fashion_mnist(const DatasetOptions& options, Split split);
ImageSet load_image_folder(const DatasetOptions& options, Split split);

// What fits pictures into them; fit_image() does for sets of colour images.
at::Tensor fit_fashion_mnist(const at::Tensor& picture, std::int64_t size);

bool is_systems_fashion_mnist(const std::filesystem::path& root);

// And the open functions. See open_images.
std::shared_ptr<const ImageSource> open_imagenet(const DatasetOptions& dataset, Split split,
                                                 const OpenOptions& options);

/// The end of a message: "; fetch it: scripts/get_data.py cifar10 --root data".
std::string fetch_hint(std::string_view get_data_name, const std::filesystem::path& root);

/// `file` is not what was published: "FILE: PROBLEM; delete it and fetch it again: …".
Error damaged(const std::filesystem::path& file, std::string_view problem,
              std::string_view get_data_name, const std::filesystem::path& root);

}  // namespace darts::detail
