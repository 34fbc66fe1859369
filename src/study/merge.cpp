#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/study/merge.hpp>
#include <darts/study/outcome.hpp>
#include <darts/study/same_run.hpp>

#include <optional>
#include <system_error>

namespace darts {
namespace {

namespace fs = std::filesystem;

/// The outcome comes last: a copy that was cut off is made again.
void copy_run(const std::string& run, const fs::path& from, const fs::path& to,
              const StudyFolder& part, const StudyFolder& folder) {
  doing("copy the run " + from.string() + " to " + to.string(), [&] {
    fs::remove_all(to);
    for (const fs::path& file : {to, folder.config(run), folder.outcome(run)}) {
      fs::create_directories(file.parent_path());
    }
    fs::copy(from, to, fs::copy_options::recursive);
    fs::copy_file(part.config(run), folder.config(run), fs::copy_options::overwrite_existing);
    fs::copy_file(part.outcome(run), folder.outcome(run), fs::copy_options::overwrite_existing);
  });
}

/// Of each part, what it has finished and `folder` has not.
class Merger {
 public:
  Merger(const StudyFolder& folder, const std::vector<fs::path>& parts) : folder_(folder) {
    for (const fs::path& part : parts) {
      std::error_code ignored;
      if (!fs::is_directory(part / "outcomes", ignored)) {
        throw Error(part.string() + " is not the folder of a study (it has no outcomes/)");
      }
      parts_.emplace_back(part);
    }
  }

  template <class Config>
  void take(const std::string& run, const Config& config,
            fs::path (StudyFolder::*place)(const std::string&) const) {
    for (const StudyFolder& part : parts_) {
      if (!is_finished(part.outcome(run))) {
        continue;
      }
      check_same_run((part.*place)(run), config);
      if (!is_finished(folder_.outcome(run))) {
        copy_run(run, (part.*place)(run), (folder_.*place)(run), part, folder_);
        ++taken_;
      }
    }
  }

  void check_genotype(const Candidate& candidate) const {
    for (const StudyFolder& part : parts_) {
      const fs::path file = part.genotype(candidate.name);
      std::error_code ignored;
      if (candidate.genotype && fs::exists(file, ignored) &&
          load_genotype(file.string()) != *candidate.genotype) {
        throw Error(file.string() + " is another genotype than this study's");
      }
    }
  }

  int taken() const { return taken_; }

 private:
  const StudyFolder& folder_;
  std::vector<StudyFolder> parts_;
  int taken_ = 0;
};

}  // namespace

void merge(const Study& study, const std::vector<Candidate>& candidates,
           const std::vector<fs::path>& parts, const StudyFolder& folder, const Log& log) {
  Merger merger(folder, parts);
  for (const Candidate& candidate : candidates) {
    merger.check_genotype(candidate);
    if (candidate.search != nullptr) {
      merger.take(candidate.name, search_config(candidate), &StudyFolder::search);
    }
    for (const PlannedTraining& training : candidate.trainings) {
      merger.take(training.name, training_config(study, training), &StudyFolder::training);
    }
  }
  log.info("merged: " + std::to_string(merger.taken()) + " runs copied to " +
           folder.path().string());
}

}  // namespace darts
