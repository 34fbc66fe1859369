#pragma once

#include <darts/parallel/ranks.hpp>

#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace darts {

/// What a network scores on a test set, collected batch by batch.
class TestScores {
 public:
  /// With more classes there is no confusion matrix, which grows with their square.
  static constexpr std::int64_t most_confused = 2000;

  explicit TestScores(std::int64_t classes);

  /// logits: N × classes; labels: N, int64, on the same device.
  void add(const at::Tensor& logits, const at::Tensor& labels);

  /// Adds what the other ranks have collected, on all of them.
  void add_up(Ranks& ranks);

  std::int64_t classes() const { return class_images_.size(0); }
  std::int64_t images() const;
  /// Images with a logit that is NaN or infinite: of no use are figures that count them.
  std::int64_t non_finite() const { return non_finite_; }
  /// Mean cross entropy.
  double loss() const;
  /// Share of images whose label has the highest logit, in [0, 1].
  double top1() const;
  /// Share of images whose label is among the five highest (all, if there are fewer classes).
  double top5() const;
  /// Images of class `label`.
  std::int64_t images_of(std::int64_t label) const;
  /// Of class `label`: share of its images that are recognised; NaN if it has none.
  double accuracy_of(std::int64_t label) const;
  /// classes × classes, int64: images of class `row` taken for class `column`; undefined where
  /// there are more than `most_confused` classes.
  const at::Tensor& confusion() const { return confusion_; }

 private:
  std::int64_t non_finite_ = 0;
  double loss_sum_ = 0.0;
  std::int64_t among_five_ = 0;
  at::Tensor class_images_;   ///< classes, int64
  at::Tensor class_correct_;  ///< of them recognised
  at::Tensor confusion_;
};

/// {"images", "loss", "top1", "top5", "classes": [{"name", "images", "accuracy"}], "confusion":
/// [[…]]}; confusion is null where there is none.
nlohmann::ordered_json to_json(const TestScores& scores,
                               const std::vector<std::string>& class_names);

}  // namespace darts
