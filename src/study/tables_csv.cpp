#include <darts/core/text.hpp>
#include <darts/study/results.hpp>

#include <cmath>
#include <sstream>

namespace darts {
namespace {

/// Empty where it is not known.
std::string number(double value) { return std::isfinite(value) ? format_shortest(value) : ""; }

/// Of a method: ",deviation,low,high", empty where a single value tells none.
std::string spread(const std::vector<double>& accuracies) {
  if (accuracies.size() < 2) {
    return ",,,";
  }
  const Interval interval = mean_interval(accuracies);
  return ',' + number(standard_deviation(accuracies)) + ',' + number(interval.low) + ',' +
         number(interval.high);
}

}  // namespace

std::string trainings_csv(const StudyResults& r) {
  std::ostringstream text;
  text << "candidate,method,search_seed,training,training_seed,selection_top1,training_seconds,"
          "parameters,multiply_adds,skip_connections_normal,skip_connections_reduce,"
          "search_seconds,supernet_valid_accuracy,eigenvalue\n";
  for (const RetrainedCandidate& c : r.candidates) {
    for (const TrainingFigures& t : c.trainings) {
      text << csv_field(c.name) << ',' << csv_field(c.method) << ',' << c.seed << ','
           << csv_field(t.name) << ',' << t.seed << ',' << format_shortest(t.accuracy) << ','
           << format_fixed(t.seconds, 3) << ',' << c.parameters << ',' << c.multiply_adds << ','
           << c.skips() << ',' << count_skip_connections(c.genotype.reduce) << ','
           << (c.search ? format_fixed(c.search->seconds, 3) : "") << ','
           << (c.search ? format_shortest(c.search->valid_accuracy) : "") << ','
           << (c.search && c.search->eigenvalue ? format_shortest(*c.search->eigenvalue) : "")
           << '\n';
    }
  }
  return text.str();
}

std::string methods_csv(const StudyResults& r) {
  std::string text =
      "method,candidates,selection_top1,standard_deviation,interval_95_low,interval_95_high,"
      "parameters,multiply_adds,skip_connections_normal,search_seconds,above_random\n";
  for (const MethodResult& m : r.methods) {
    text += csv_field(m.name) + ',' + std::to_string(m.accuracies.size()) + ',' +
            number(mean(m.accuracies)) + spread(m.accuracies) + ',' + number(m.parameters) + ',' +
            number(m.multiply_adds) + ',' + number(m.skips) + ',' +
            (m.search_seconds > 0.0 ? format_fixed(m.search_seconds, 3) : "") + ',' +
            (m.above_random ? number(*m.above_random) : "") + '\n';
  }
  return text;
}

std::string comparisons_csv(const StudyResults& r) {
  std::string text =
      "first,second,difference,test,t,degrees_of_freedom,p,p_corrected,within_noise\n";
  for (const Comparison& c : r.comparisons) {
    text += csv_field(c.first) + ',' + csv_field(c.second) + ',' + number(c.test.difference) + ',' +
            (c.paired ? "paired" : "welch") + ',' + number(c.test.t) + ',' +
            number(c.test.freedom) + ',' + number(c.test.p) + ',' + number(c.corrected_p) + ',' +
            (c.within_noise() ? "true" : "false") + '\n';
  }
  return text;
}

}  // namespace darts
