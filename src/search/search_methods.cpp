#include <darts/core/named_rows.hpp>
#include <darts/search/methods/beta_darts.hpp>
#include <darts/search/methods/darts_minus.hpp>
#include <darts/search/methods/dr_nas.hpp>
#include <darts/search/methods/fair_darts.hpp>
#include <darts/search/methods/gaea.hpp>
#include <darts/search/methods/gdas.hpp>
#include <darts/search/methods/p_darts.hpp>
#include <darts/search/methods/pc_darts.hpp>
#include <darts/search/methods/random_search.hpp>
#include <darts/search/methods/smooth_darts.hpp>
#include <darts/search/search_methods.hpp>

#include <algorithm>
#include <array>

namespace darts {
namespace {

template <class Method>
constexpr SearchMethodRow row(std::string_view name, std::string_view help, std::string_view paper,
                              std::string_view error, std::string_view gpu_days) {
  return {name,
          help,
          paper,
          error,
          gpu_days,
          []() -> std::unique_ptr<SearchMethod> { return std::make_unique<Method>(); },
          [](const SearchMethod& method) -> std::unique_ptr<SearchMethod> {
            return std::make_unique<Method>(dynamic_cast<const Method&>(method));
          }};
}

constexpr auto table = std::to_array<SearchMethodRow>({
    row<SearchMethod>("darts", "softmax(alpha) mixes the operations", "Liu, Simonyan, Yang 2019",
                      "2.76 ± 0.09", "4"),
    row<PcDarts>("pc-darts", "partial channels, and weights of edges", "Xu et al. 2020",
                 "2.57 ± 0.07", "0.1"),
    row<Gdas>("gdas", "one operation an edge, by Gumbel noise", "Dong, Yang 2019", "2.93", "0.21"),
    row<FairDarts>("fair-darts", "sigmoids, and a zero-one loss", "Chu et al. 2020", "2.54 ± 0.05",
                   "0.4"),
    row<SmoothDartsRandom>("sdarts-rs", "w moves under random perturbations", "Chen, Hsieh 2020",
                           "2.67 ± 0.03", "0.4"),
    row<SmoothDartsAdversarial>("sdarts-adv", "w moves under adversarial ones", "Chen, Hsieh 2020",
                                "2.61 ± 0.02", "1.3"),
    row<Gaea>("gaea", "exponentiated gradients on the simplex", "Li et al. 2021", "2.50 (?)",
              "0.1?"),
    row<DartsMinus>("darts-", "an auxiliary skip of falling weight", "Chu et al. 2021",
                    "2.59 ± 0.08", "0.4"),
    row<BetaDarts>("beta-darts", "a regulariser of growing weight", "Ye et al. 2022", "2.53 ± 0.08",
                   "0.4"),
    row<PDarts>("p-darts", "stages with more cells and fewer operations", "Chen et al. 2019",
                "2.50", "0.3"),
    row<DrNas>("drnas", "Dirichlet samples, and two stages", "Chen et al. 2021", "2.46 ± 0.03",
               "0.6"),
    row<RandomSearch>("random", "draws a genotype (figures: the best of 24)",
                      "Liu, Simonyan, Yang 2019", "3.29 ± 0.15", "4"),
});

std::size_t place_of(std::string_view name) {
  return static_cast<std::size_t>(&find_method(name) - table.data());
}

}  // namespace

std::span<const SearchMethodRow> search_methods() { return table; }

const SearchMethodRow& find_method(std::string_view name) {
  return find_row(table, name, "search method");
}

std::shared_ptr<const SearchMethod> make_method(std::string_view name) {
  return find_method(name).make();
}

SearchMethods::SearchMethods() {
  for (const SearchMethodRow& row : table) {
    methods_.push_back(row.make());
  }
}

SearchMethods::SearchMethods(const SearchMethods& other) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    methods_.push_back(table[i].copy(*other.methods_[i]));
  }
}

SearchMethods& SearchMethods::operator=(const SearchMethods& other) {
  SearchMethods copy(other);
  methods_.swap(copy.methods_);
  return *this;
}

SearchMethod& SearchMethods::of(std::string_view name) { return *methods_[place_of(name)]; }

std::shared_ptr<const SearchMethod> SearchMethods::get(std::string_view name) const {
  const std::size_t place = place_of(name);
  return table[place].copy(*methods_[place]);
}

}  // namespace darts
