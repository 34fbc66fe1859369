#include "apps/run_fixture.hpp"

#include "core/write_text.hpp"
#include "data/fixtures.hpp"
#include "support/test_paths.hpp"

#include <darts/core/checkpoint.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/run/run_directory.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <random>
#include <set>
#include <thread>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* time_fields[] = {"seconds", "images_per_second", "loader_share",
                                       "eigenvalue_seconds"};

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
  for (const char* field : {"seconds", "total_seconds", "loader_seconds", "metrics_size"}) {
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

/// Steps done according to the newest checkpoint's name; -1 if there is none.
int progress_of(const fs::path& run, int steps_per_epoch) {
  int epoch = 0;
  int step = 0;
  const std::string name = newest_checkpoint(run).filename().string();
  return std::sscanf(name.c_str(), "epoch_%d_step_%d", &epoch, &step) == 2
             ? epoch * steps_per_epoch + step
             : -1;
}

bool same_tensor(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         (a.nbytes() == 0 || std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0);
}

}  // namespace

RunFixture::RunFixture(std::string program, const std::string& yaml)
    : program_(std::move(program)) {
  test::write_fashion_mnist(at("data"), images);
  write_text(recipe_file(), "name: tiny\nseed: 3\ndata:\n  dataset: fashion_mnist\n  root: " +
                                at("data").string() +
                                "\n  workers: 1\nruntime:\n  device: cpu\n  threads: 1\n"
                                "run:\n  log_every_steps: 1\n  root: " +
                                runs().string() + "\n" + yaml);
}

SearchFixture::SearchFixture()
    : RunFixture("darts_search",
                 "space:\n  primitives: [none, skip_connect, max_pool_3x3, sep_conv_3x3]\n"
                 "  nodes: 1\n  cells: 1\n  channels: 2\n  stem_multiplier: 1\n"
                 "search:\n  method: first\n  epochs: 2\n  batch_size: 4\n"
                 "alpha:\n  learning_rate: 0.01\n") {}

TrainFixture::TrainFixture()
    : RunFixture("darts_train",
                 "network:\n  cells: 2\n  channels: 2\n  drop_path: 0.5\n"
                 "train:\n  epochs: 2\n  batch_size: 8\n") {
  write_text(genotype_file(),
             "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2],"
             " reduce=[('max_pool_3x3', 0), ('skip_connect', 1)], reduce_concat=[2])");
}

Arguments TrainFixture::recipe(const std::vector<std::string>& settings) const {
  Arguments arguments = RunFixture::recipe(settings);
  arguments.insert(arguments.end(), {"--genotype", genotype_file()});
  return arguments;
}

std::vector<std::string> RunFixture::write_photographs(int copies) const {
  const fs::path photos = test_data_folder() / "photos";
  for (const std::string folder : {"train/n01", "train/n02", "val/n01", "val/n02"}) {
    fs::create_directories(at("imagenet") / folder);
    for (int copy = 0; copy < copies; ++copy) {
      for (const std::string kind : {"420", "422", "444"}) {
        fs::copy_file(photos / ("pattern_" + kind + ".jpg"),
                      at("imagenet") / folder / (kind + "_" + std::to_string(copy) + ".JPEG"));
      }
    }
  }
  write_text(at("imagenet/train/n01/bad.JPEG"), "not a picture");
  return {"data.dataset=imagenet", "data.root=" + at("imagenet").string(), "data.crop_size=32",
          "data.resize_size=40"};
}

Arguments RunFixture::recipe(const std::vector<std::string>& settings) const {
  Arguments arguments{"--config", recipe_file()};
  for (const std::string& setting : settings) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  return arguments;
}

Program RunFixture::start(const Arguments& arguments, const ProgramLimits& limits) const {
  return Program(program_, arguments, at("output"), limits);
}

ProgramResult RunFixture::run(const Arguments& arguments, const ProgramLimits& limits) const {
  return start(arguments, limits).wait();
}

fs::path RunFixture::finish(const Arguments& arguments) const {
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(lines_with(result.err, "error:").size(), 0U) << result.err;
  return run_directory_of(result.out);
}

std::string RunFixture::error_of(const Arguments& arguments) const {
  const ProgramResult result = run(arguments);
  EXPECT_GT(result.status, 0) << "ended by a signal, or without an error";
  EXPECT_LT(result.status, 97);
  EXPECT_TRUE(result.err.starts_with("error: ")) << result.err;
  EXPECT_EQ(result.err.find('\n') + 1, result.err.size()) << result.err;
  return result.err;
}

fs::path RunFixture::start_and_kill(const Arguments& arguments) const {
  Program program = start(arguments);
  EXPECT_TRUE(program.until_it_says("run directory: "));
  EXPECT_TRUE(program.until(
      [&] { return fs::exists(fs::directory_iterator(runs())->path() / "config.yaml"); }));
  program.signal(SIGKILL);
  EXPECT_EQ(program.wait().status, -SIGKILL);
  const fs::path run = fs::directory_iterator(runs())->path();
  fs::remove_all(run / "checkpoints");  // should one have come before the signal
  return run;
}

fs::path RunFixture::start_and_stop(const Arguments& arguments, int signal,
                                    std::size_t records) const {
  Program program = start(arguments);
  EXPECT_TRUE(program.until_it_says("run directory: "));
  const fs::path run = run_directory_of(program.out());
  EXPECT_TRUE(program.until(
      [&] { return lines_with(bytes_of(run / "metrics.jsonl"), "{").size() >= records; }));
  program.signal(signal);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.status, 128 + signal) << result.err;
  EXPECT_THAT(result.out,
              ::testing::HasSubstr("go on with: " + program_ + " --resume " + run.string()));
  EXPECT_EQ(lines_with(result.err, "error:").size(), 0U) << result.err;
  return run;
}

void RunFixture::expect_kills_do_not_matter(const Arguments& arguments, int steps,
                                            int steps_per_epoch) const {
  constexpr int kills = 5;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("random seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const fs::path run = start_and_kill(arguments);
  for (int kill = 0; kill < kills; ++kill) {
    const int part = steps / (kills + 1);
    const int done = part * kill + std::uniform_int_distribution<int>(0, part)(random);
    const std::chrono::microseconds delay(std::uniform_int_distribution<int>(0, 10'000)(random));
    Program program = start({"--resume", run});
    EXPECT_TRUE(program.until([&] { return progress_of(run, steps_per_epoch) >= done; }));
    std::this_thread::sleep_for(delay);
    program.signal(SIGKILL);
    const ProgramResult result = program.wait();
    EXPECT_EQ(result.status, -SIGKILL) << "was to be killed after step " << done << result.err;
  }
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
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
