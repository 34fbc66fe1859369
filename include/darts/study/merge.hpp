#pragma once

#include <darts/core/log.hpp>
#include <darts/study/plan.hpp>

#include <filesystem>
#include <vector>

namespace darts {

/// Copies the finished runs of a study's parts, done on other machines with --shard, into `folder`,
/// which may have some of its own. Throws Error where a part is of another study: where it did a
/// run with another config, or has another genotype.
void merge(const Study& study, const std::vector<Candidate>& candidates,
           const std::vector<std::filesystem::path>& parts, const StudyFolder& folder,
           const Log& log);

}  // namespace darts
