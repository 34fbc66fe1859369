#include <darts/core/text.hpp>
#include <darts/eval/train_records.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

std::string percent(double share, int digits = 2) {
  return format_fixed(100.0 * share, digits) + " %";
}

std::string row(const std::string& name, const std::string& value) {
  constexpr std::size_t width = 16;
  return name + std::string(width - std::min(width, columns(name)), ' ') + value + "\n";
}

std::string name_of(TestedOn images) { return images == TestedOn::test ? "test" : "selection"; }

std::string name_of_set(TestedOn images) {
  return images == TestedOn::test ? "the test set" : "the images kept for selection";
}

}  // namespace

std::string describe(const TrainEpochSummary& s, std::int64_t epochs) {
  return "epoch " + std::to_string(s.epoch) + "/" + std::to_string(epochs) + "  lr " +
         format_fixed(s.learning_rate, 4) + "  drop path " + format_fixed(s.drop_path, 3) +
         "  train loss " + format_fixed(s.train_loss, 3) + " acc " + percent(s.train_accuracy) +
         "  " + name_of(s.tested_on) + " loss " + format_fixed(s.test_loss, 3) + " top-1 " +
         percent(s.test_top1) + " top-5 " + percent(s.test_top5) + "  " +
         format_duration(s.seconds) + "  " + format_fixed(s.images_per_second, 0) +
         " images/s (waiting for data " + percent(s.loader_share, 1) + ")" +
         (s.skipped > 0 ? "  unreadable images " + format_count(s.skipped) : "") +
         (s.test_skipped > 0
              ? "  unreadable " + name_of(s.tested_on) + " images " + format_count(s.test_skipped)
              : "");
}

nlohmann::json to_json(const TrainEpochSummary& s) {
  const std::string tested = name_of(s.tested_on);
  return {{"kind", "epoch"},
          {"epoch", s.epoch},
          {"learning_rate", s.learning_rate},
          {"drop_path", s.drop_path},
          {"train_loss", s.train_loss},
          {"train_accuracy", s.train_accuracy},
          {tested + "_loss", s.test_loss},
          {tested + "_top1", s.test_top1},
          {tested + "_top5", s.test_top5},
          {"seconds", s.seconds},
          {"images_per_second", s.images_per_second},
          {"loader_share", s.loader_share},
          {"skipped_images", s.skipped},
          {"skipped_" + tested + "_images", s.test_skipped}};
}

std::string describe(const TrainResult& r) {
  const std::string tested = name_of(r.tested_on);
  return row("epochs", std::to_string(r.epochs) + " of " + std::to_string(r.epochs_planned)) +
         row(tested + " top-1", percent(r.top1) + (r.epochs < r.epochs_planned
                                                       ? "   so far: the training is not finished"
                                                       : "   after the last epoch: the result")) +
         (r.test_skipped > 0 ? row("", "without " + format_count(r.test_skipped) + " " + tested +
                                           " images that cannot be read")
                             : "") +
         row(tested + " top-5", percent(r.top5)) +
         row(tested + " loss", format_fixed(r.test_loss, 4)) +
         row("best top-1", percent(r.best_top1) + "   in epoch " + std::to_string(r.best_epoch) +
                               ": picked on " + name_of_set(r.tested_on) + ", not a result") +
         row("time", format_duration(r.seconds) + " of training steps") +
         row("images/s", format_fixed(r.images_per_second, 1)) +
         row("parameters", format_count(r.parameters)) +
         row("multiply-adds", format_count(r.multiply_adds));
}

nlohmann::ordered_json to_json(const TrainResult& r) {
  const std::string tested = name_of(r.tested_on);
  return {{"epochs", r.epochs},
          {"epochs_planned", r.epochs_planned},
          {tested + "_top1", r.top1},
          {tested + "_top5", r.top5},
          {tested + "_loss", r.test_loss},
          {"skipped_" + tested + "_images", r.test_skipped},
          {"best_" + tested + "_top1", r.best_top1},
          {"best_epoch", r.best_epoch},
          {"seconds", r.seconds},
          {"images_per_second", r.images_per_second},
          {"parameters", r.parameters},
          {"multiply_adds", r.multiply_adds}};
}

}  // namespace darts
