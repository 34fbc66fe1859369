#pragma once

#include <darts/core/random.hpp>
#include <darts/parallel/batch_share.hpp>

#include <ATen/core/Generator.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace darts {

/// An operation that draws numbers: every forward pass draws anew. What is drawn is a function of
/// the stream given to restart() and of how many passes there have been since; of a batch that is
/// shared out over ranks, each draws for all rows, and uses what is for its own.
class DrawingOperation {
 public:
  virtual ~DrawingOperation() = default;
  void restart(RandomStream stream) { stream_ = stream; }
  RandomStream stream() const { return stream_; }
  void share(std::shared_ptr<const SharedBatch> batch) { batch_ = std::move(batch); }

 protected:
  /// The rows of a batch of which an operation is given `rows`, …
  std::int64_t all_rows(std::int64_t rows) const;
  /// … and these among what was drawn for all.
  at::Tensor own_rows(const at::Tensor& drawn) const;
  /// The next generator of the stream, of the device's kind and apart from the process's own.
  at::Generator next_generator(const c10::Device& device);

 private:
  RandomStream stream_{0, RandomPurpose::noise};
  std::shared_ptr<const SharedBatch> batch_;
};

/// `noise`: normal noise of mean 0 and variance 1 in place of the input, which it does not depend
/// on and has no gradient to (Zela et al. 2020, section 4.1, space S4: an operation that is useless
/// by construction). (N, C, H, W) → (N, C, ⌈H/stride⌉, ⌈W/stride⌉).
class NoiseImpl : public torch::nn::Cloneable<NoiseImpl>, public DrawingOperation {
 public:
  explicit NoiseImpl(std::int64_t stride) : stride_(stride) {}
  void reset() override {}
  at::Tensor forward(const at::Tensor& x);

 private:
  std::int64_t stride_;
};
TORCH_MODULE(Noise);

/// Whether a network has such an operation.
bool has_noise(const torch::nn::Module& network);

/// Where the streams of all of them stand: a pass after rewind() draws what the one after this
/// object was made drew, so that a difference of the two is not one of noise.
class NoiseMark {
 public:
  explicit NoiseMark(torch::nn::Module& network);
  void rewind() const;

 private:
  std::vector<std::pair<std::shared_ptr<DrawingOperation>, RandomStream>> streams_;
};

/// Lets all of them draw for whole batches.
void share_noise(torch::nn::Module& network, const std::shared_ptr<const SharedBatch>& batch);

/// Restarts all of them, each with a part of `stream` of its own: at the beginning of a step, so
/// that a resumed run draws what it would have drawn.
void restart_noise(torch::nn::Module& network, RandomStream stream);

}  // namespace darts
