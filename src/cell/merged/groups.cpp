#include "groups.hpp"

#include <darts/cell/mixing.hpp>

#include <algorithm>
#include <iterator>

namespace darts::merged {

using plan::CellPlan;
using plan::Operation;
using plan::OperationKind;
using plan::Unit;
using plan::UnitKind;

namespace {

bool alike(const CellPlan& plan, const Operation& a, const Operation& b) {
  const auto same_unit = [&plan](std::size_t i, std::size_t j) {
    const Unit& u = plan.units[i];
    const Unit& v = plan.units[j];
    return u.kind == v.kind && u.kernel == v.kernel && u.stride == v.stride &&
           u.dilation == v.dilation;
  };
  const bool as_module = a.kind == OperationKind::other || a.kind == OperationKind::dropout;
  return a.kind == b.kind && !as_module && std::ranges::equal(a.units, b.units, same_unit);
}

template <class Predicate>
Groups select(const Groups& groups, const Predicate& wanted) {
  Groups found;
  std::ranges::copy_if(groups, std::back_inserter(found), wanted);
  return found;
}

}  // namespace

Groups group_operations(const CellPlan& plan, const std::vector<const plan::Edge*>& edges,
                        const at::Tensor& active) {
  Groups groups;
  for (const plan::Edge* edge : edges) {
    for (const Operation& operation : edge->operations) {
      if (operation.kind == OperationKind::none ||
          !is_active(active, edge->row, operation.column)) {
        continue;
      }
      auto group = std::ranges::find_if(
          groups, [&](const Group& g) { return alike(plan, g.front(), operation); });
      if (group == groups.end()) {
        group = groups.emplace(groups.end());
      }
      group->members.push_back({edge, &operation});
    }
  }
  return groups;
}

Groups of_kind(const Groups& groups, OperationKind kind) {
  return select(groups, [kind](const Group& group) { return group.kind() == kind; });
}

Groups of_units(const CellPlan& plan, const Groups& groups, UnitKind kind) {
  return select(groups, [&](const Group& group) {
    return group.kind() == OperationKind::convolution &&
           plan.units[group.front().units.front()].kind == kind;
  });
}

bool same_edges(const Group& a, const Group& b) {
  return std::ranges::equal(a.members, b.members, {}, &Member::edge, &Member::edge);
}

}  // namespace darts::merged
