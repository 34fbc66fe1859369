#pragma once

#include "cell_plan.hpp"

#include <cstdint>
#include <vector>

namespace darts::merged {

/// An operation on an edge.
struct Member {
  const plan::Edge* edge = nullptr;
  const plan::Operation* operation = nullptr;
};

/// Operations of the edges that leave one state which are alike but for their weights, so that they
/// run as one: in DARTS' space one of every edge.
struct Group {
  std::vector<Member> members;

  const plan::Operation& front() const { return *members.front().operation; }
  plan::OperationKind kind() const { return front().kind; }
  std::int64_t size() const { return std::ssize(members); }
  std::size_t units() const { return front().units.size(); }  ///< of a convolution
};

using Groups = std::vector<Group>;

/// All operations on `edges` but `none`, in the order in which their kinds first appear; `active`:
/// as of Mixing.
Groups group_operations(const plan::CellPlan& plan, const std::vector<const plan::Edge*>& edges,
                        const at::Tensor& active = {});

/// Those of one kind; of convolutions, those that are made of such units.
Groups of_kind(const Groups& groups, plan::OperationKind kind);
Groups of_units(const plan::CellPlan& plan, const Groups& groups, plan::UnitKind kind);

/// Whether the groups have the same edges in the same order.
bool same_edges(const Group& a, const Group& b);

}  // namespace darts::merged
