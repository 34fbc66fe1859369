#pragma once

#include "support/golden.hpp"
#include "support/test_devices.hpp"

#include <darts/search/search_step.hpp>

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <string>

namespace darts::testing {

/// A NAME_search.pt of the methods' golden folder: steps of a search as the method's authors' code
/// makes them.
class RecordedSearch {
 public:
  explicit RecordedSearch(Golden golden);

  const nlohmann::json& meta() const { return meta_; }
  const Golden& golden() const { return golden_; }
  int steps() const;
  /// A number of step `step`, such as its temperature.
  double number(int step, const std::string& name) const;
  /// A tensor that was drawn in it: "noise_normal".
  at::Tensor drawn(int step, const std::string& name) const;

 private:
  Golden golden_;
  nlohmann::json meta_;
};

/// How a method is compared with a record.
struct RecordedMethod {
  /// The method as it is in a step.
  std::function<std::shared_ptr<const SearchMethod>(const RecordedSearch&, int step)> make;
  SearchOrder order = SearchOrder::first;
  double tolerance = 1e-9;
  /// Of theta's tensors, their gradients' tolerance; 0: as `tolerance`.
  double gradient_tolerance = 0.0;
  /// What the recorded loss of w's batch has beside the cross entropy.
  std::function<at::Tensor(const RecordedSearch&, const Theta&)> beside_loss = {};
  std::function<std::int64_t(const RecordedSearch&, int step)> epoch = {};
};

/// Runs all steps of the file and compares everything that is recorded.
void check_recorded_search(const std::filesystem::path& file, const RecordedMethod& method,
                           const DeviceRun& run);

}  // namespace darts::testing
