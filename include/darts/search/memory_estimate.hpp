#pragma once

#include <darts/run/memory_need.hpp>
#include <darts/search/search_config.hpp>
#include <darts/search/search_data.hpp>
#include <darts/search/supernet.hpp>

namespace darts {

/// What a search of this supernet needs in memory at least, by its sizes alone: w with its gradient
/// and momentum (in second order also the w that the unrolled step starts from), and what a pass
/// keeps of such a batch, or a measurement of the curvature. A method that runs only some of the
/// operations is estimated as if it ran none.
MemoryNeed memory_need(const SearchConfig& config, const SupernetOptions& options,
                       const BatchSizes& batch, const c10::Device& device);

/// The same of a step on this data.
MemoryNeed memory_need(const SearchConfig& config, const SupernetOptions& options,
                       const SearchData& data, const c10::Device& device);

}  // namespace darts
