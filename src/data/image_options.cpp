#include <darts/core/absolute_path.hpp>
#include <darts/core/named_rows.hpp>
#include <darts/data/image_options.hpp>

#include <utility>

namespace darts {
namespace {

/// Of ImageNet, whose files are decoded as they are read.
void add_photo_fields(FieldTable& t, ImageOptions& o) {
  PhotoOptions& photos = o.photos;
  t.add("data.crop_size", photos.crop_size,
        "imagenet: height and width that the network sees, pixels", between(8, 4096));
  t.add("data.resize_size", photos.resize_size,
        "imagenet, testing: shorter side before the crop in the middle, pixels", between(8, 8192));
  t.add("data.smallest_area", photos.smallest_area,
        "imagenet, training: least share of the image that a random crop shows",
        between(0.0001, 1.0));
  t.add("data.brightness", photos.brightness,
        "imagenet, training: random change of brightness; 0: none", at_least(0.0));
  t.add("data.contrast", photos.contrast, "the same of contrast", at_least(0.0));
  t.add("data.saturation", photos.saturation, "the same of saturation", at_least(0.0));
  t.add("data.hue", photos.hue, "the same of hue, in turns of the colour circle",
        between(0.0, 0.5));
  t.add("data.on_error", o.on_error,
        "image_folder, imagenet: what a file that cannot be decoded does: end the run, or be left "
        "out and counted",
        one_of<OnError>({{"fail", OnError::fail}, {"skip", OnError::skip}}));
  t.add("data.index_cache", o.index_cache,
        "imagenet: folder that keeps the list of files; empty: beside the data, or in ~/.cache");
}

OpenOptions open_options(const ImageOptions& o, bool augment, const Log& log) {
  OpenOptions options;
  options.augment = augment;
  options.augmentation = o.augmentation;
  options.photos = o.photos;
  options.photos.flip = o.augmentation.flip;
  options.on_error = o.on_error;
  options.index_cache = o.index_cache;
  options.warn = [log](const std::string& text) { log.warn(text); };
  options.tell = [log](const std::string& text) { log.info(text); };
  return options;
}

/// A root that is not the default was asked for.
DatasetOptions place_of(const ImageOptions& options) {
  DatasetOptions set = options.set;
  set.or_system = set.root == DatasetOptions().root;
  return set;
}

}  // namespace

ImageOptions with_absolute_paths(ImageOptions options) {
  const auto is_systems = find_dataset(options.set.name).is_systems;
  const DatasetOptions set = place_of(options);
  if (!set.or_system || is_systems == nullptr || !is_systems(set.root)) {
    options.set.root = absolute_path(set.root);
  }
  options.index_cache = absolute_path(options.index_cache);
  return options;
}

void add_image_fields(FieldTable& t, ImageOptions& o, const std::string& run) {
  t.section("data", "The images and how they are read.");
  t.add("data.dataset", o.set.name, "data set", one_of(names_of(dataset_table())));
  t.add("data.root", o.set.root, "folder that holds the data sets, or the image folder itself");
  t.add("data.image_size", o.set.image_size, "height and width of images from an image folder",
        between(8, 4096));
  t.add("data.limit", o.limit, "use only so many training images; 0: all", at_least(0));
  t.add("data.hold_out", o.hold_out,
        "training images kept for selecting among trained networks: no search and no training sees "
        "them (but in the mean and deviation of all pixels that an image_folder is normalised by), "
        "and a training is tested on them in place of the test set; 0: none",
        at_least(0));
  t.add("data.workers", o.workers, "threads that prepare batches; 0: none beside the " + run,
        between(0, 256));
  t.add("data.prefetch", o.prefetch, "batches prepared ahead", between(1, 1024));
  t.add("data.drop_last", o.drop_last,
        "leave out an epoch's last training batch if it is smaller than the others");
  t.add("data.crop_padding", o.augmentation.crop_padding,
        "zeros around an image before its random crop, pixels; 0: no crop; not of imagenet",
        between(0, 1024));
  t.add("data.flip", o.augmentation.flip, "flip images left to right, half of the time");
  t.add("data.cutout", o.augmentation.cutout,
        "side of the square cut out, pixels; 0: none; not of imagenet", between(0, 4096));
  add_photo_fields(t, o);
}

std::vector<IdleRule> idle_image_settings(const ImageOptions& options) {
  const DatasetEntry& set = find_dataset(options.set.name);
  const bool of_files = set.shape.size == 0;  // else of a size that all who have it know
  const bool decoded_as_read = set.load == nullptr;
  return {
      {{"data.image_size"},
       !of_files || decoded_as_read,
       "for data.dataset image_folder alone; this is " + options.set.name},
      {{"data.crop_size", "data.resize_size", "data.smallest_area", "data.brightness",
        "data.contrast", "data.saturation", "data.hue", "data.index_cache"},
       !decoded_as_read,
       "for data.dataset imagenet alone; this is " + options.set.name},
      {{"data.on_error"},
       !of_files,
       "for data sets of image files (image_folder, imagenet); this is " + options.set.name},
      {{"data.prefetch"}, options.workers == 0, "with data.workers 0 no batch is prepared ahead"}};
}

std::shared_ptr<const ImageSource> open_train_images(const ImageOptions& options, const Log& log) {
  auto images = open_images(place_of(options), Split::train, open_options(options, true, log));
  const Augmentation& augmentation = options.augmentation;
  if (find_dataset(options.set.name).load == nullptr &&
      (augmentation.crop_padding > 0 || augmentation.cutout > 0)) {
    log.warn("data.crop_padding and data.cutout are not for " + options.set.name +
             ", whose images are cropped at random and not cut out; set them to 0");
  }
  return images;
}

std::shared_ptr<const ImageSource> open_test_images(const ImageOptions& options,
                                                    const ImageSource& train, const Log& log) {
  DatasetOptions set = place_of(options);
  set.statistics = train.statistics();
  auto test = open_images(set, Split::test, open_options(options, false, log));
  if (test->class_names() != train.class_names()) {
    throw Error("data set " + set.name + ": the test images have other classes (" +
                std::to_string(test->classes()) + ") than the training images (" +
                std::to_string(train.classes()) + ")");
  }
  return test;
}

LoaderOptions train_loader_options(const ImageOptions& o, std::int64_t batch_size, bool for_gpu) {
  LoaderOptions options;
  options.batch_size = batch_size;
  options.workers = static_cast<int>(o.workers);
  options.prefetch = static_cast<int>(o.prefetch);
  options.drop_last = o.drop_last;
  options.pin_memory = for_gpu;
  return options;
}

LoaderOptions in_order(LoaderOptions options) {
  options.shuffle = false;
  options.drop_last = false;
  return options;
}

}  // namespace darts
