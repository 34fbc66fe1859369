// Searches of two ranks, one of which is not like the other: what a whole run does about it.
#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "search/tiny_search.hpp"
#include "support/thread_ranks.hpp"

#include <darts/search/search_run.hpp>

#include <gmock/gmock.h>

namespace darts {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::ThreadRank;

/// A rank that receives or sends something else than the others now and then.
class FaultyRank : public Ranks {
 public:
  explicit FaultyRank(std::shared_ptr<Ranks> sound) : sound_(std::move(sound)) {}

  int rank() const override { return sound_->rank(); }
  int size() const override { return sound_->size(); }
  using Ranks::sum;
  void sum(const at::Tensor& tensor) override {
    sound_->sum(tensor);
    spoil(tensor);
  }
  std::vector<at::Tensor> gather(const at::Tensor& tensor) override {
    return sound_->gather(tensor);
  }
  void broadcast(const at::Tensor& tensor) override { sound_->broadcast(tensor); }
  void barrier() override { sound_->barrier(); }
  std::vector<std::string> exchange(const std::string& text) override {
    return sound_->exchange(spoiled(text));
  }
  void leave(const std::string& reason) noexcept override { sound_->leave(reason); }

 protected:
  virtual void spoil(const at::Tensor& /*sum*/) {}
  virtual std::string spoiled(const std::string& text) const { return text; }

 private:
  std::shared_ptr<Ranks> sound_;
};

/// As by a memory or a network that errs: one value of one sum of w's gradients.
class FlippedBit : public FaultyRank {
 public:
  using FaultyRank::FaultyRank;

 protected:
  void spoil(const at::Tensor& sum) override {
    constexpr std::int64_t more_than_of_norms = 100;
    constexpr int at_sum = 9;  // in the second epoch
    if (sum.numel() > more_than_of_norms && ++sums_ == at_sum) {
      sum.detach().view({-1})[0].mul_(2.0);
    }
  }

 private:
  int sums_ = 0;
};

/// A rank of a newer program.
class OtherVersion : public FaultyRank {
 public:
  using FaultyRank::FaultyRank;

 protected:
  std::string spoiled(const std::string& text) const override {
    const std::string key = "the program's version\",\"";
    const std::size_t found = text.find(key);
    return found == std::string::npos
               ? text
               : std::string(text).replace(found + key.size(), 0, "newer than ");
  }
};

/// What each of two ranks of a search ends with, the second one being a `Fault`.
template <class Fault>
std::vector<std::string> errors_with() {
  const testing::TemporaryFolder folder;
  SearchConfig config = testing::tiny_search(folder.path());
  config.space.primitives = {"skip_connect", "sep_conv_3x3"};
  std::vector<std::string> errors(2);
  testing::run_ranks(2, [&](const std::shared_ptr<ThreadRank>& rank) {
    RunHooks hooks;
    hooks.ranks = rank;
    if (!rank->is_first()) {
      hooks.ranks = std::make_shared<Fault>(rank);
    }
    errors.at(static_cast<std::size_t>(rank->rank())) =
        error_of([&] { SearchRun::start(config, hooks)->run(); });
  });
  return errors;
}

TEST(FaultyRanks, AreFoundOutAfterTheEpochByTheTensorThatDiffers) {
  for (const std::string& error : errors_with<FlippedBit>()) {
    EXPECT_THAT(error, MatchesRegex(".*rank 1.*after epoch 2: .*w.*differs.*"));
  }
}

TEST(FaultyRanks, OfAnotherVersionAreRefusedBeforeTheFirstStep) {
  for (const std::string& error : errors_with<OtherVersion>()) {
    EXPECT_THAT(error,
                HasSubstr("rank 1 differs from rank 0: the program's version is newer than"));
  }
}

}  // namespace
}  // namespace darts
