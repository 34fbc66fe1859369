#include "apps/search_fixture.hpp"

#include "core/write_text.hpp"
#include "data_room/fixtures.hpp"

#include <darts/core/checkpoint.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/core/run_directory.hpp>

#include <nlohmann/json.hpp>

#include <cstring>
#include <set>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* time_fields[] = {"seconds", "images_per_second", "loader_share"};

/// metrics.jsonl without what depends on the clock.
json metrics_of(const fs::path& run) {
  json records = json::array();
  for (json record : read_json_lines(run / "metrics.jsonl")) {
    for (const char* field : time_fields) {
      record.erase(field);
    }
    records.push_back(record);
  }
  return records;
}

/// A checkpoint's state without what depends on the clock; the times' digits make metrics.jsonl
/// longer or shorter.
json state_of(const fs::path& checkpoint) {
  json state = json::parse(load_checkpoint(checkpoint).meta).at("state");
  for (const char* field : {"seconds", "loader_seconds", "metrics_size"}) {
    state.erase(field);
  }
  return state;
}

/// All files of a run but its checkpoints, relative to its folder.
std::set<std::string> files_of(const fs::path& run) {
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    const std::string file = entry.path().lexically_relative(run).string();
    if (entry.is_regular_file() && !file.ends_with(".safetensors")) {
      files.insert(file);
    }
  }
  return files;
}

bool same_tensor(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         (a.nbytes() == 0 || std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0);
}

}  // namespace

SearchFixture::SearchFixture() {
  write_data(at("data"), images);
  write_text(recipe_file(), "name: tiny\nseed: 3\ndata:\n  dataset: fashion_mnist\n  root: " +
                                at("data").string() +
                                "\n  workers: 1\nspace:\n"
                                "  primitives: [none, skip_connect, max_pool_3x3, sep_conv_3x3]\n"
                                "  nodes: 1\n  cells: 1\n  channels: 2\n  stem_multiplier: 1\n"
                                "search:\n  method: first\n  epochs: 2\n  batch_size: 4\n"
                                "alpha:\n  learning_rate: 0.01\nruntime:\n  device: cpu\n"
                                "  threads: 1\nrun:\n  log_every_steps: 1\n  root: " +
                                runs().string() + "\n");
}

void SearchFixture::write_data(const fs::path& root, int count) {
  std::string pixels(static_cast<std::size_t>(count) * 28 * 28, '\0');
  std::uint32_t random = 1;
  for (char& pixel : pixels) {
    random = random * 1664525U + 1013904223U;
    pixel = static_cast<char>(random >> 24U);
  }
  std::string labels;
  for (int i = 0; i < count; ++i) {
    labels += static_cast<char>(i * 7 % 10);
  }
  const auto size = static_cast<std::uint32_t>(count);
  write_text(root / "fashion-mnist" / "train-images-idx3-ubyte", test::idx({size, 28, 28}, pixels));
  write_text(root / "fashion-mnist" / "train-labels-idx1-ubyte", test::idx({size}, labels));
}

Arguments SearchFixture::recipe(const std::vector<std::string>& settings) const {
  Arguments arguments{"--config", recipe_file()};
  for (const std::string& setting : settings) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  return arguments;
}

Program SearchFixture::start(const Arguments& arguments, std::uint64_t file_size_limit) const {
  return Program("darts_search", arguments, at("output"), file_size_limit);
}

ProgramResult SearchFixture::run(const Arguments& arguments, std::uint64_t file_size_limit) const {
  return start(arguments, file_size_limit).wait();
}

fs::path SearchFixture::finish(const Arguments& arguments) const {
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(lines_with(result.err, "error:").size(), 0U) << result.err;
  return run_directory_of(result.out);
}

std::string SearchFixture::error_of(const Arguments& arguments) const {
  const ProgramResult result = run(arguments);
  EXPECT_GT(result.status, 0) << "ended by a signal, or without an error";
  EXPECT_LT(result.status, 97);
  EXPECT_TRUE(result.err.starts_with("error: ")) << result.err;
  EXPECT_EQ(result.err.find('\n') + 1, result.err.size()) << result.err;
  return result.err;
}

fs::path run_directory_of(const std::string& out) {
  const std::string label = "run directory: ";
  const auto lines = lines_with(out, label);
  if (lines.empty()) {
    ADD_FAILURE() << "no run directory in: " << out;
    return {};
  }
  return lines.front().substr(label.size());
}

fs::path newest_checkpoint(const fs::path& run) {
  return latest_checkpoint_of(run).value_or(fs::path());
}

void expect_same_tensors(const fs::path& a, const fs::path& b) {
  const NamedTensors left = load_checkpoint(a).tensors;
  const NamedTensors right = load_checkpoint(b).tensors;
  EXPECT_GT(left.size(), 0U);
  EXPECT_EQ(left.size(), right.size());
  for (const auto& [name, tensor] : left) {
    const auto other = right.find(name);
    EXPECT_TRUE(other != right.end() && same_tensor(tensor, other->second))
        << name << " differs between " << a << " and " << b;
  }
}

void expect_same_run(const fs::path& a, const fs::path& b) {
  EXPECT_EQ(files_of(a), files_of(b));
  for (const std::string& file : files_of(a)) {
    if (file == "alphas.jsonl" || file.starts_with("genotype")) {
      EXPECT_EQ(bytes_of(a / file), bytes_of(b / file)) << file;
    }
  }
  EXPECT_EQ(metrics_of(a), metrics_of(b));
  ASSERT_EQ(newest_checkpoint(a).filename(), newest_checkpoint(b).filename());
  for (const auto& [left, right] :
       {std::pair(newest_checkpoint(a), newest_checkpoint(b)),
        std::pair(a / "checkpoints/best.safetensors", b / "checkpoints/best.safetensors")}) {
    expect_same_tensors(left, right);
    EXPECT_EQ(state_of(left), state_of(right));
  }
}

}  // namespace darts::testing
