#pragma once

#include <darts/core/host_copy.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace darts {

/// What is told of a step of training w.
struct StepResult {
  double loss = 0.0;           ///< of the batch, before w moved
  double gradient_norm = 0.0;  ///< of w, before clipping
  std::int64_t correct = 0;    ///< images of the batch classified right
};

/// A loss or gradient was NaN or infinite; nothing was moved by it. The message names the loss and
/// the norms.
class NonFiniteError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The figures of a step that a GPU may still be at. They come to the host behind the step's work,
/// while the host already prepares the next step: nothing waits but get().
class PendingStep {
 public:
  /// Tensors of no dimension. The first three are there together, or none of them in what is only
  /// to be checked.
  struct Figures {
    at::Tensor loss;
    at::Tensor gradient_norm;
    at::Tensor correct;
    std::vector<std::pair<std::string, at::Tensor>> norms;  ///< others that have to be finite
  };

  explicit PendingStep(const Figures& figures);

  /// Waits for the step. Throws NonFiniteError, which names all figures, if one is not finite.
  StepResult get() const;

 private:
  std::vector<std::string> names_;
  HostCopy values_;
};

}  // namespace darts
