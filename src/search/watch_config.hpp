#pragma once

#include <darts/core/field_table.hpp>
#include <darts/core/idle_settings.hpp>
#include <darts/search/search_config.hpp>

#include <vector>

namespace darts {

// The part of a search's config that is about seeing a collapse and holding it back.

/// Its keys in the section "search".
void add_watch_fields(FieldTable& table, SearchConfig& config);
/// And its own sections: "early_stop", "derive".
void add_watch_sections(FieldTable& table, SearchConfig& config);

/// Throws Error where derive.max_skips is set, and genotypes are not derived by strengths alone.
void check_caps_skips(const SearchConfig& config, const SearchMethod& method);

/// Throws Error where it does not go with the method or a selection, or not with itself.
void check_watch(const SearchConfig& config, const SearchMethod& method);

std::vector<IdleRule> idle_watch_settings(const SearchConfig& config);

}  // namespace darts
