// What ranks_test.cpp starts several times: a rank that exchanges something, or fails.
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/parallel/connect.hpp>
#include <darts/parallel/same_on_all_ranks.hpp>

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

namespace {

using namespace darts;

void require(bool holds, const std::string& what) {
  if (!holds) {
    throw Error("not so: " + what);
  }
}

std::int64_t sum_of_ranks(int size) { return static_cast<std::int64_t>(size) * (size + 1) / 2; }

/// Every call, with what comes of it on all ranks compared byte for byte.
void exchange_all(Ranks& ranks) {
  const int number = ranks.rank() + 1;
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kLong, at::kInt}) {
    at::Tensor tensor = at::full({3, 5}, number, type);
    ranks.sum(tensor);
    require(tensor.eq(sum_of_ranks(ranks.size())).all().item<bool>(), "the sum of whole numbers");
  }
  at::Tensor numbers = at::randn({100'003}, at::kFloat) * number;
  ranks.sum(numbers);
  check_same_tensors(ranks, {{"numbers", numbers}}, "after a sum");
  at::Tensor part = at::ones({4, 6}).narrow(1, 1, 2);  // not dense
  ranks.sum(part);
  require(part.eq(ranks.size()).all().item<bool>(), "the sum of a part of a tensor");
  std::vector<double> few{1.0, static_cast<double>(number)};
  ranks.sum(few);
  require(few[0] == ranks.size() && few[1] == static_cast<double>(sum_of_ranks(ranks.size())),
          "the sum of numbers");
  const auto all = ranks.gather(at::full({2}, number));
  for (int rank = 0; rank < ranks.size(); ++rank) {
    require(all.at(static_cast<std::size_t>(rank)).eq(rank + 1).all().item<bool>(),
            "the gathering");
  }
  at::Tensor first = at::full({7}, number);
  ranks.broadcast(first);
  require(first.eq(1).all().item<bool>(), "the broadcast");
  const std::string text(static_cast<std::size_t>(ranks.rank() * 500'000), 'x');
  const auto texts = ranks.exchange(text);
  for (int rank = 0; rank < ranks.size(); ++rank) {
    require(
        texts.at(static_cast<std::size_t>(rank)).size() == static_cast<std::size_t>(rank * 500'000),
        "the exchange of texts");
  }
  require(ranks.exchange("").back().empty(), "the exchange of nothing");
  ranks.barrier();
}

void loop(Ranks& ranks) {
  const at::Tensor tensor = at::ones({1000});
  for (int i = 0;; ++i) {
    ranks.sum(tensor.clone());
    if (i == 10) {
      std::cout << "in the loop" << std::endl;
    }
  }
}

void stand_still(Ranks& ranks) {
  for (int i = 0;; ++i) {
    ranks.sum(at::ones({10}));
    if (i == 10 && ranks.rank() == 1) {
      ::raise(SIGSTOP);
    }
  }
}

void leave(Ranks& ranks) {
  for (int i = 0;; ++i) {
    ranks.sum(at::ones({10}));
    if (i == 10 && ranks.rank() == 1) {
      ranks.leave("cannot write alphas.jsonl: no space left on device");
      throw Error("cannot write alphas.jsonl: no space left on device");
    }
  }
}

int trial(const std::string& what, int seconds) {
  const auto ranks = connect(rank_place(), {std::chrono::seconds(seconds)});
  if (what == "exchange") {
    exchange_all(*ranks);
  } else if (what == "loop") {
    loop(*ranks);
  } else if (what == "stand") {
    stand_still(*ranks);
  } else if (what == "leave") {
    leave(*ranks);
  }
  std::cout << "done" << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main("rank_trial",
                         [&] { return argc == 3 ? trial(argv[1], std::stoi(argv[2])) : 2; });
}
