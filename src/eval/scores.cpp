#include <darts/eval/scores.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace darts {
namespace {

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole)
                   : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

TestScores::TestScores(std::int64_t classes)
    : class_images_(at::zeros({classes}, at::kLong)),
      class_correct_(at::zeros({classes}, at::kLong)) {
  if (classes <= most_confused) {
    confusion_ = at::zeros({classes, classes}, at::kLong);
  }
}

void TestScores::add(const at::Tensor& logits, const at::Tensor& labels) {
  const std::int64_t classes = class_images_.size(0);
  TORCH_CHECK(logits.dim() == 2 && logits.size(1) == classes && logits.size(0) == labels.size(0),
              "TestScores: logits of shape [", labels.size(0), ", ", classes, "] expected, got ",
              logits.sizes());
  const at::Tensor values = logits.to(at::kDouble);
  non_finite_ += labels.size(0) - at::isfinite(values).all(1).sum().item<std::int64_t>();
  loss_sum_ +=
      at::cross_entropy_loss(values, labels).item<double>() * static_cast<double>(labels.size(0));
  const at::Tensor first = values.argmax(1);
  const at::Tensor correct = first.eq(labels);
  const at::Tensor five = std::get<1>(values.topk(std::min<std::int64_t>(5, classes), 1));
  among_five_ += five.eq(labels.unsqueeze(1)).sum().item<std::int64_t>();
  class_images_ += at::bincount(labels, {}, classes).cpu();
  class_correct_ += at::bincount(labels.masked_select(correct), {}, classes).cpu();
  if (confusion_.defined()) {
    const at::Tensor ones = at::ones({labels.size(0)}, at::kLong);
    confusion_.view({-1}).index_add_(0, (labels * classes + first).cpu(), ones);
  }
}

void TestScores::add_up(Ranks& ranks) {
  if (ranks.alone()) {
    return;
  }
  const at::Tensor counts = at::tensor({non_finite_, among_five_}, at::kLong);
  ranks.sum(counts);
  ranks.sum(class_images_);
  ranks.sum(class_correct_);
  if (confusion_.defined()) {
    ranks.sum(confusion_);
  }
  std::array<double, 1> loss{loss_sum_};
  ranks.sum(std::span<double>(loss));
  const auto* const sums = counts.const_data_ptr<std::int64_t>();
  non_finite_ = sums[0];
  among_five_ = sums[1];
  loss_sum_ = loss[0];
}

std::int64_t TestScores::images() const { return class_images_.sum().item<std::int64_t>(); }
double TestScores::loss() const { return loss_sum_ / static_cast<double>(images()); }
double TestScores::top1() const {
  return share(class_correct_.sum().item<std::int64_t>(), images());
}
double TestScores::top5() const { return share(among_five_, images()); }

std::int64_t TestScores::images_of(std::int64_t label) const {
  return class_images_[label].item<std::int64_t>();
}

double TestScores::accuracy_of(std::int64_t label) const {
  return share(class_correct_[label].item<std::int64_t>(), images_of(label));
}

nlohmann::ordered_json to_json(const TestScores& scores,
                               const std::vector<std::string>& class_names) {
  nlohmann::ordered_json json{{"images", scores.images()},
                              {"loss", scores.loss()},
                              {"top1", scores.top1()},
                              {"top5", scores.top5()},
                              {"classes", nlohmann::ordered_json::array()},
                              {"confusion", nullptr}};
  for (std::int64_t label = 0; label < scores.classes(); ++label) {
    json["classes"].push_back({{"name", class_names.at(static_cast<std::size_t>(label))},
                               {"images", scores.images_of(label)},
                               {"accuracy", scores.accuracy_of(label)}});
  }
  if (scores.confusion().defined()) {
    json["confusion"] = nlohmann::ordered_json::array();
    for (const at::Tensor& row : scores.confusion().unbind()) {
      const auto* first = row.const_data_ptr<std::int64_t>();
      json["confusion"].push_back(std::vector<std::int64_t>(first, first + row.numel()));
    }
  }
  return json;
}

}  // namespace darts
