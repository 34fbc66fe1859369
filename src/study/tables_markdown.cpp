#include <darts/core/text.hpp>
#include <darts/study/results.hpp>

#include <cmath>

namespace darts {
namespace {

std::string percent(double share) { return format_fixed(100.0 * share, 2); }

std::string millions(double value) { return format_fixed(value / 1e6, 2); }

/// "93.10 ± 0.21"; of a single value no deviation is known.
std::string percent_with_deviation(const std::vector<double>& shares) {
  return percent(mean(shares)) +
         (shares.size() > 1 ? " ± " + percent(standard_deviation(shares)) : "");
}

std::string interval_of(const std::vector<double>& shares) {
  if (shares.size() < 2) {
    return "";
  }
  const Interval interval = mean_interval(shares);
  return percent(interval.low) + " to " + percent(interval.high);
}

std::string p_value(double p) { return p < 0.001 ? "< 0.001" : format_fixed(p, 3); }

/// The supernet's accuracy.
std::string supernet_cell(const RetrainedCandidate& c) {
  return c.search ? percent(c.search->valid_accuracy) +
                        (c.search->held_out ? "" : " (images trained on)")
                  : "";
}

std::string candidates_markdown(const StudyResults& r) {
  std::string text =
      "| candidate | method | top-1, % | parameters, M | multiply-adds, M | skips | supernet, % |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const RetrainedCandidate& c : r.candidates) {
    std::vector<double> accuracies;
    for (const TrainingFigures& t : c.trainings) {
      accuracies.push_back(t.accuracy);
    }
    text += "| " + c.name + " | " + c.method + " | " + percent_with_deviation(accuracies) + " | " +
            millions(static_cast<double>(c.parameters)) + " | " +
            millions(static_cast<double>(c.multiply_adds)) + " | " + std::to_string(c.skips()) +
            " | " + supernet_cell(c) + " |\n";
  }
  return text;
}

std::string methods_markdown(const StudyResults& r) {
  std::string text =
      "| method | n | top-1, % | 95 % interval of the mean | parameters, M | multiply-adds, M | "
      "skips | a search's steps |\n|---|---|---|---|---|---|---|---|\n";
  for (const MethodResult& m : r.methods) {
    text += "| " + m.name + " | " + std::to_string(m.accuracies.size()) + " | " +
            percent_with_deviation(m.accuracies) + " | " + interval_of(m.accuracies) + " | " +
            millions(m.parameters) + " | " + millions(m.multiply_adds) + " | " +
            format_fixed(m.skips, 1) + " | " +
            (m.search_seconds > 0.0 ? format_duration(m.search_seconds) : "") + " |\n";
  }
  return text;
}

/// Whether a search beats chance, by the distance that a single random genotype seldom has.
std::string random_markdown(const StudyResults& r) {
  constexpr double far = 2.0;
  std::vector<std::string> distances;
  std::vector<std::string> above;
  for (const MethodResult& m : r.methods) {
    if (m.above_random) {
      distances.push_back(m.name + " " + (*m.above_random < 0.0 ? "" : "+") +
                          format_fixed(*m.above_random, 1));
      if (*m.above_random > far) {
        above.push_back(m.name);
      }
    }
  }
  if (distances.empty()) {
    return "";
  }
  return "From the mean of random genotypes, in standard deviations of theirs: " + join(distances) +
         ". More than two above it: " + (above.empty() ? "none" : join(above)) + ".\n\n";
}

std::string comparisons_markdown(const StudyResults& r) {
  std::string text =
      "| methods | difference, points | test | p | p corrected | |\n|---|---|---|---|---|---|\n";
  for (const Comparison& c : r.comparisons) {
    text += "| " + c.first + " − " + c.second + " | " + percent(c.test.difference) + " | " +
            (c.paired ? "paired by seeds" : "Welch's") + " | " + p_value(c.test.p) + " | " +
            p_value(c.corrected_p) + " | " + (c.within_noise() ? "within noise" : "differ") +
            " |\n";
  }
  return text;
}

std::string correlations_markdown(const StudyResults& r) {
  std::string rows;
  for (const Correlation& c : r.correlations) {
    if (std::isfinite(c.rank)) {
      rows += "| " + c.words + " | " + std::to_string(c.candidates) + " | " +
              format_fixed(c.rank, 2) + " | " + p_value(c.p) + " |\n";
    }
  }
  return rows.empty() ? ""
                      : "| rank correlation (Spearman) with the retrained accuracy | n | | p |\n"
                        "|---|---|---|---|\n" +
                            rows + "\n";
}

std::string winner_markdown(const StudyResults& r) {
  if (r.winner) {
    return "The best of them on these images, " + r.winner->candidate +
           ", was then tested on the test set, once: " + percent_with_deviation(r.winner->top1) +
           " % top-1.\n";
  }
  return r.missing.empty() ? "" : "Not done yet: " + join(r.missing) + ".\n";
}

}  // namespace

std::string to_markdown(const StudyResults& r) {
  std::string text =
      "# " + r.name + "\n\nTop-1 accuracy on " + format_count(r.hold_out) +
      " training images that neither the searches nor the trainings saw. A candidate's figure is "
      "the mean ± deviation over its trainings, a method's over its candidates.\n\n" +
      methods_markdown(r) + "\n" + random_markdown(r);
  if (!r.comparisons.empty()) {
    text += comparisons_markdown(r) +
            "\nA difference is called noise where one as large would come up by chance in more "
            "than 5 of 100 such studies, corrected for their number (Holm).\n\n";
  }
  text += correlations_markdown(r);
  return text + candidates_markdown(r) + "\n" + winner_markdown(r);
}

}  // namespace darts
