#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/cell/mixing.hpp>
#include <darts/search/theta.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace darts {

// Selection by perturbation (DARTS-PT, Wang et al. 2021): what a genotype keeps is decided edge by
// edge, by how much the supernet loses without it, and not by alpha. Between the decisions w (and
// alpha of what is undecided) is tuned.

/// How a search ends in a genotype.
enum class Selection { none, perturbation };

/// By what candidates are judged.
enum class SelectionCriterion { accuracy, loss };

struct SelectionOptions {
  Selection by = Selection::none;
  SelectionCriterion criterion = SelectionCriterion::accuracy;
  std::int64_t interval = 5;  ///< epochs of tuning between decisions
};

/// Tensors of theta that no optimizer moves: of each edge the column of the operation that was
/// decided on, or one of the two below.
std::vector<ThetaShape> selection_shapes(const SearchSpace& space);
inline constexpr double undecided = -1.0;
inline constexpr double dropped = -2.0;

bool has_selection(const Theta& theta);
void clear_selection(const Theta& theta);

/// Mixing weights as the decisions have them: 1 of an operation that was decided on, 0 of all else
/// on its edge and on a dropped one, none of which is run. As it is where theta has no selection.
Mixings apply_selection(const Mixings& mixings, const Theta& theta);

/// The genotype of the decisions; nothing while some are to come.
std::optional<Genotype> selected_genotype(const Theta& theta, const SearchSpace& space);

/// Decisions of each type of cell: one for every edge, then one for every node that keeps fewer
/// edges than it has.
std::int64_t count_decisions(const SearchSpace& space);
/// Epochs of tuning with all of them, the last one after the last decision.
std::int64_t selection_epochs(const SearchSpace& space, const SelectionOptions& options);

/// How the supernet does without a candidate, in training mode.
struct CandidateFigures {
  double accuracy = 0.0;  ///< in [0, 1]
  double loss = 0.0;
};
using Judge = std::function<CandidateFigures(const Mixings&)>;

struct Decision {
  CellType type = CellType::normal;
  std::optional<std::int64_t> edge;       ///< of an operation; else …
  std::int64_t node = 0;                  ///< … which edges this one keeps
  std::int64_t operation = 0;             ///< column
  std::vector<std::int64_t> kept;         ///< edges
  std::vector<CandidateFigures> figures;  ///< of all candidates, in the order they were tried
};

/// The operation of an edge without which the supernet does worst; the first of equal ones. Written
/// into theta.
Decision decide_operation(const Theta& theta, const Mixings& mixings, const SearchSpace& space,
                          CellType type, std::int64_t edge, SelectionCriterion criterion,
                          const Judge& judge);

/// The edges that a node keeps: again and again the one is dropped without which the supernet does
/// best, the last of equal ones. Written into theta.
Decision decide_edges(const Theta& theta, const Mixings& mixings, const SearchSpace& space,
                      CellType type, std::int64_t node, SelectionCriterion criterion,
                      const Judge& judge);

/// The next decision about each type of cell, number `number` of count_decisions(): of an edge or
/// node that the seed draws among those that are left.
std::vector<Decision> decide(const Theta& theta, const Mixings& mixings, const SearchSpace& space,
                             std::int64_t number, std::uint64_t seed, SelectionCriterion criterion,
                             const Judge& judge);

/// One line that says it to a person.
std::string describe(const Decision& decision, const SearchSpace& space);

}  // namespace darts
