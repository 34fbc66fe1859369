#include "c10d_group.hpp"
#include "shared_memory.hpp"

#include <darts/core/text.hpp>
#include <darts/parallel/connect.hpp>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Logging.h>

#include <algorithm>
#include <cstdlib>

namespace darts {
namespace parallel {
namespace {

class C10dRanks : public Ranks {
 public:
  C10dRanks(const RankPlace& place, Milliseconds timeout)
      : place_(place), timeout_(timeout), meeting_(place, timeout) {
    meeting_.wait_for_all();
    guarded([this] { gloo_ = make_gloo_group(meeting_, place_, timeout_); });
    shared_memory_ = SharedMemory::among(*this, timeout_);
  }

  int rank() const override { return place_.rank; }
  int size() const override { return place_.size; }
  int local_rank() const override { return place_.local_rank; }
  int local_size() const override { return place_.local_size; }

  using Ranks::sum;
  void sum(const at::Tensor& tensor) override {
    const c10::NoGradGuard no_grad;
    std::vector<at::Tensor> tensors{tensor.detach().contiguous()};
    guarded([&] {
      if (shared_memory_ && SharedMemory::takes(tensor)) {
        shared_memory_->sum(tensors.front());
      } else {
        group_for(tensor).allreduce(tensors, c10d::AllreduceOptions())->wait();
      }
    });
    if (tensors.front().data_ptr() != tensor.data_ptr()) {
      tensor.detach().copy_(tensors.front());
    }
  }

  std::vector<at::Tensor> gather(const at::Tensor& tensor) override {
    const c10::NoGradGuard no_grad;
    std::vector<at::Tensor> own{tensor.detach().contiguous()};
    std::vector<std::vector<at::Tensor>> all(1);
    for (int rank = 0; rank < size(); ++rank) {
      all.front().push_back(at::empty_like(own.front()));
    }
    guarded([&] { group_for(tensor).allgather(all, own, c10d::AllgatherOptions())->wait(); });
    return all.front();
  }

  void broadcast(const at::Tensor& tensor) override {
    const c10::NoGradGuard no_grad;
    std::vector<at::Tensor> tensors{tensor.detach().contiguous()};
    guarded([&] { group_for(tensor).broadcast(tensors, c10d::BroadcastOptions())->wait(); });
    if (tensors.front().data_ptr() != tensor.data_ptr()) {
      tensor.detach().copy_(tensors.front());
    }
  }

  void barrier() override { sum(at::zeros({1}, at::kInt)); }

  std::vector<std::string> exchange(const std::string& text) override {
    const std::vector<at::Tensor> lengths = gather(at::full({1}, std::ssize(text), at::kLong));
    std::int64_t most = 0;
    for (const at::Tensor& length : lengths) {
      most = std::max(most, length.item<std::int64_t>());
    }
    // All ranks have to send alike.
    const at::Tensor padded = at::zeros({most}, at::kByte);
    std::copy(text.begin(), text.end(), padded.mutable_data_ptr<std::uint8_t>());
    const std::vector<at::Tensor> all =
        most > 0 ? gather(padded) : std::vector<at::Tensor>(lengths.size(), padded);
    std::vector<std::string> texts;
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      const auto* const first = all[rank].const_data_ptr<std::uint8_t>();
      texts.emplace_back(first, first + lengths[rank].item<std::int64_t>());
    }
    return texts;
  }

  void leave(const std::string& reason) noexcept override { meeting_.leave(reason); }

 private:
  template <class Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& failure) {
      shared_memory_.reset();
      gloo_.reset();  // so that whoever waits for this rank knows at once
      throw meeting_.lost(reason_in(failure));
    }
  }

  c10d::Backend& group_for(const at::Tensor& tensor) {
    if (!gloo_) {
      throw Error("the exchange between the ranks has failed before");
    }
    if (tensor.is_cpu()) {
      return *gloo_;
    }
    if (!nccl_) {
      nccl_ = make_nccl_group(meeting_, place_, timeout_);
    }
    return *nccl_;
  }

  RankPlace place_;
  Milliseconds timeout_;
  Meeting meeting_;
  Group gloo_;
  std::unique_ptr<SharedMemory> shared_memory_;  ///< null: not all ranks are on one machine
  Group nccl_;  ///< null: no tensor on a GPU has been exchanged yet
};

/// c10d tells of what fails in traces of its own; what a user has to know is in the errors.
void silence_c10d() {
  ::setenv("TORCH_CPP_LOG_LEVEL", "FATAL", /*overwrite=*/0);
  c10::initLogging();
}

}  // namespace
}  // namespace parallel

std::shared_ptr<Ranks> connect(const RankPlace& place, const ConnectOptions& options) {
  if (place.alone()) {
    return single_rank();
  }
  parallel::silence_c10d();
  return std::make_shared<parallel::C10dRanks>(place, options.timeout);
}

}  // namespace darts
