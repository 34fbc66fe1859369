#pragma once

#include <darts/search/method.hpp>

#include <array>
#include <optional>

namespace darts {

/// P-DARTS (Chen et al. 2019): three stages, each with more cells and, on every edge, fewer
/// operations: those that the stage before found strongest. Skip connections have dropout, which
/// fades; alpha stands still in the first epochs of a stage; the normal cell of the genotype has
/// only so many skip connections.
class PDarts : public SearchMethod {
 public:
  static constexpr std::size_t stage_count = 3;

  struct Options {
    std::array<std::int64_t, stage_count> more_cells{0, 6, 12};  ///< than space.cells
    std::array<std::int64_t, stage_count> dropout_percent{0, 40, 70};
    /// Operations that an edge drops after each of the stages but the last.
    std::array<std::int64_t, stage_count - 1> dropped{3, 2};
    std::int64_t frozen_epochs = 10;
    double clip_norm = 5.0;  ///< alpha's gradient is scaled down to this norm
    std::int64_t skips = 2;  ///< of the normal cell of the genotype, at most
  };

  PDarts() = default;
  explicit PDarts(const Options& options) : options_(options) {}

  void add_fields(FieldTable& table) override;
  std::int64_t stages() const override { return stage_count; }
  bool anneals_by_stage() const override { return true; }
  void prepare(SupernetOptions& options, std::int64_t stage) const override;
  ByCellType<CellPrimitives> next_primitives(const Theta& theta,
                                             const SearchStage& stage) const override;
  void start_epoch(torch::nn::Module& supernet, const SearchPosition& position) const override;
  bool moves_theta(const SearchPosition& position) const override;
  StepRules step_rules() const override;
  Genotype derive(const Theta& theta, const SearchSpace& space) const override;
  std::vector<MethodFigure> figures(const SearchPosition& position) const override;

  double dropout(const SearchPosition& position) const;

 private:
  Options options_;
};

/// Of every edge all operations but the `count` weakest, in their order; of equal ones the first is
/// dropped. strengths: edges × columns, float64, on the CPU.
CellPrimitives without_weakest(const at::Tensor& strengths, const CellPrimitives& primitives,
                               std::int64_t count);

/// Of every edge the `count` strongest operations, or all where it has fewer; likewise.
CellPrimitives strongest(const at::Tensor& strengths, const CellPrimitives& primitives,
                         std::int64_t count);

/// The genotype of a cell as the authors take it from the last stage: edges compete with `none` set
/// to 0, among equal operations and edges the later one wins, and a node lists its inputs in
/// ascending order; with at most `skips` skip connections (with_capped_skips()).
CellGenotype derive_capped(const at::Tensor& strengths, const SearchSpace& space,
                           const CellPrimitives& primitives, std::optional<std::int64_t> skips);

}  // namespace darts
