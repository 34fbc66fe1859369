#pragma once

#include <darts/core/field_table.hpp>
#include <darts/core/resources.hpp>
#include <darts/data/image_options.hpp>
#include <darts/run/options.hpp>
#include <darts/search/curvature.hpp>
#include <darts/search/early_stop.hpp>
#include <darts/search/search_methods.hpp>
#include <darts/search/search_step.hpp>
#include <darts/search/selection.hpp>
#include <darts/search/supernet.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts {

/// How the batches that alpha moves on are taken from its images.
enum class HeldOutBatches {
  passes,  ///< all images once, then all again in another order
  drawn,   ///< each anew, as the original's code does (train_search.py: next(iter(valid_queue)))
};

/// By which statistics batch norms go where the held-out images are classified after an epoch.
enum class ValidationStatistics {
  running,  ///< those that training has gathered (the original's code)
  batch,    ///< each batch's own (the paper, A.1.1)
};

/// Everything that a search depends on, with the paper's values for CIFAR-10 as defaults. Names,
/// ranges and help of the fields are declared once, in fields().
struct SearchConfig {
  static constexpr ResourceKind recipes = ResourceKind::search_config;

  std::string name = "search";
  std::uint64_t seed = 0;

  struct Data : ImageOptions {
    double train_portion = 0.5;
    double portion_w = 0.0;
    double portion_alpha = 0.0;
  } data;

  struct Space {
    std::string name = "darts";
    std::vector<std::string> primitives = primitive_names(default_primitives());
    ByCellType<std::vector<std::vector<std::string>>> edges;  ///< empty: primitives on each
    std::int64_t nodes = 4;
    std::int64_t cells = 8;
    std::int64_t channels = 16;
    NetworkStem stem = NetworkStem::cifar;
    std::int64_t stem_multiplier = 3;
    bool stem_affine = true;
    std::vector<std::int64_t> edges_per_node{2};
  } space;

  struct Search {
    std::string method = "darts";
    SearchOrder order = SearchOrder::second;
    std::int64_t epochs = 50;
    std::int64_t batch_size = 64;
    double drop_path = 0.0;
    bool cutout_rises = false;
    HeldOutBatches held_out_batches = HeldOutBatches::passes;
    ValidationStatistics validation_statistics = ValidationStatistics::running;
    CurvatureOptions curvature;
  } search;

  EarlyStopOptions early_stop;

  struct Derive {
    std::int64_t max_skips = -1;  ///< -1: any number
  } derive;

  SearchMethods methods;  ///< the options of each

  SelectionOptions selection;
  WeightOptions w;
  AlphaOptions alpha;

  struct Runtime : RuntimeOptions {
    Execution execution = Execution::fused;
  } runtime;
  ParallelOptions parallel;
  RunOptions run;
};

/// The table of all keys, bound to `config`, which must outlive it.
FieldTable fields(SearchConfig& config);

/// The sizes that its memory depends on, for errors: "8 cells of 4 nodes, 16 channels".
std::string describe_sizes(const SearchConfig& config);

/// The whole config as YAML, every key written out but those of other methods than its own: what
/// --config takes back.
std::string to_yaml(const SearchConfig& config);

/// A line for each of the settings that do nothing on `device` beside the others.
std::vector<std::string> idle_settings(const SearchConfig& config, const c10::Device& device);

SearchSpace search_space(const SearchConfig& config);

/// The search method with its options. Throws Error if it does not allow the order.
std::shared_ptr<const SearchMethod> search_method(const SearchConfig& config);

/// The stage that a search begins with. Throws Error if the epochs cannot be parted into as many
/// stages as the method has.
SearchStage first_stage(const SearchConfig& config);
std::int64_t epochs_of_stage(const SearchConfig& config);

/// Epochs of the whole search: search.epochs, or as many as a selection takes.
std::int64_t epochs_of(const SearchConfig& config);

/// A line for each setting of a method that is not the config's own and is not what it is by
/// default: that it has no effect.
std::vector<std::string> unused_method_settings(const SearchConfig& config);

/// Options of the parts that the search is made of.
SupernetOptions supernet_options(const SearchConfig& config, const SearchStage& stage,
                                 std::int64_t image_channels, std::int64_t classes);
SearchStepOptions step_options(const SearchConfig& config, const c10::Device& device,
                               std::shared_ptr<Ranks> ranks = single_rank());

}  // namespace darts
