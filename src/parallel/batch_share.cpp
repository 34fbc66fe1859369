#include <darts/core/error.hpp>
#include <darts/parallel/batch_share.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace darts {
namespace {

std::int64_t begin_of(std::int64_t all, int rank, int size) { return all * rank / size; }

/// (parts, 2): first row and rows of each share.
at::Tensor table_of(const std::vector<BatchShare>& shares) {
  const at::Tensor table = at::empty({std::ssize(shares), 2}, at::kLong);
  auto* value = table.mutable_data_ptr<std::int64_t>();
  for (const BatchShare& share : shares) {
    *value++ = share.first;
    *value++ = share.rows;
  }
  return table;
}

/// Puts the rows of a table of shares where they belong in the whole batch.
void place(const at::Tensor& table, const at::Tensor& rows, const at::Tensor& whole) {
  std::int64_t from = 0;
  for (const at::Tensor& share : table.unbind()) {
    const auto* const value = share.const_data_ptr<std::int64_t>();
    whole.narrow(0, value[0], value[1]).copy_(rows.narrow(0, from, value[1]));
    from += value[1];
  }
}

}  // namespace

BatchShare share_of(std::int64_t all, int rank, int size, SmallBatch small) {
  if (small == SmallBatch::replicate && size > 1 && all < std::int64_t{2} * size) {
    return {0, all, all, true};
  }
  const std::int64_t first = begin_of(all, rank, size);
  return {first, begin_of(all, rank + 1, size) - first, all, false};
}

std::vector<std::int64_t> part_sizes(std::int64_t all, std::int64_t parts) {
  const std::int64_t count = std::max<std::int64_t>(1, std::min(parts, all / 2));
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(count), all / count);
  std::for_each_n(sizes.begin(), all % count, [](std::int64_t& size) { ++size; });
  return sizes;
}

std::vector<BatchShare> shares_of(std::int64_t all, std::int64_t parts, int rank, int size,
                                  SmallBatch small) {
  std::vector<BatchShare> shares;
  std::int64_t begin = 0;
  for (const std::int64_t part : part_sizes(all, parts)) {
    shares.push_back(share_of(part, rank, size, small));
    shares.back().first += begin;
    begin += part;
  }
  return shares;
}

std::int64_t whole_of(const std::vector<BatchShare>& shares) {
  return std::accumulate(
      shares.begin(), shares.end(), std::int64_t{0},
      [](std::int64_t rows, const BatchShare& share) { return rows + share.all; });
}

bool agree_on_rows(Ranks& ranks, std::vector<BatchShare>& shares, std::int64_t least) {
  const std::vector<at::Tensor> tables = ranks.gather(table_of(shares));
  bool enough = true;
  std::int64_t begin = 0;
  for (std::size_t part = 0; part < shares.size(); ++part) {
    BatchShare& share = shares[part];
    std::int64_t before = 0;
    std::int64_t all = 0;
    for (std::size_t rank = 0; rank < tables.size(); ++rank) {
      const std::int64_t rows = tables[rank].const_data_ptr<std::int64_t>()[2 * part + 1];
      if (share.replicated && rows != share.rows) {
        throw Error("rank " + std::to_string(rank) + " could read " + std::to_string(rows) +
                    " images of a batch of which rank " + std::to_string(ranks.rank()) +
                    " could read " + std::to_string(share.rows) +
                    "; all ranks need the same files");
      }
      enough = enough && rows >= least;
      before += std::cmp_less(rank, ranks.rank()) ? rows : 0;
      all += rows;
    }
    share.all = share.replicated ? share.rows : all;
    share.first = begin + (share.replicated ? 0 : before);
    begin += share.all;
  }
  return enough && begin > 0;
}

at::Tensor gather_rows(Ranks& ranks, const at::Tensor& rows,
                       const std::vector<BatchShare>& shares) {
  if (ranks.alone()) {
    return rows;
  }
  const std::vector<at::Tensor> tables = ranks.gather(table_of(shares));
  std::int64_t most = 0;
  for (const at::Tensor& table : tables) {
    most = std::max(most, table.select(1, 1).sum().item<std::int64_t>());
  }
  // All ranks have to send alike.
  const at::Tensor own = rows.contiguous();
  std::vector<std::int64_t> sizes = own.sizes().vec();
  sizes[0] = most;
  const at::Tensor padded = at::zeros(sizes, own.options());
  padded.narrow(0, 0, own.size(0)).copy_(own);
  sizes[0] = whole_of(shares);
  at::Tensor whole = at::empty(sizes, own.options(), rows.suggest_memory_format());
  const std::vector<at::Tensor> of_ranks = ranks.gather(padded);
  for (std::size_t rank = 0; rank < of_ranks.size(); ++rank) {
    place(tables[rank], of_ranks[rank], whole);
  }
  return whole;
}

}  // namespace darts
