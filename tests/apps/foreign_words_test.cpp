// What other libraries would say of broken input does not reach the user: errors name the file, the
// field or the option, and what was being done.
#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"

#include <darts/core/checkpoint.hpp>

#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <functional>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// Nothing that only who knows the libraries can read.
MATCHER(IsInOurWords, "") {
  for (const char* word : {"json.exception", "filesystem error", "DefaultCPUAllocator", "Storage",
                           "_kernel_impl", "SymInt", "negative dimension", "std::", "vector::"}) {
    if (arg.find(word) != std::string::npos) {
      return false;
    }
  }
  return true;
}

/// Writes a checkpoint as `file` with other meta data, or tensors.
fs::path changed(const fs::path& checkpoint, const fs::path& file,
                 const std::function<void(json&, NamedTensors&)>& change) {
  Checkpoint loaded = load_checkpoint(checkpoint);
  json meta = json::parse(loaded.meta);
  change(meta, loaded.tensors);
  loaded.meta = meta.dump();
  save_checkpoint(file, loaded);
  return file;
}

class ForeignWordsSearch : public SearchFixture {
 protected:
  ForeignWordsSearch() : run_(finish(recipe())) {}

  std::string error_on_deriving(const std::function<void(json&, NamedTensors&)>& change) const {
    return error_of({"--derive", changed(newest_checkpoint(run_), at("x.safetensors"), change)});
  }
  std::string error_on_resuming(const std::function<void(json&, NamedTensors&)>& change) const {
    const fs::path newest = newest_checkpoint(run_);
    const std::string before = bytes_of(newest);
    changed(newest, newest, change);
    std::string error = error_of({"--resume", run_});
    write_text(newest, before);
    return error;
  }

  fs::path run_;
};

TEST_F(ForeignWordsSearch, FieldsOfACheckpoint) {
  const std::string file = at("x.safetensors");
  EXPECT_THAT(error_on_deriving([](auto& m, auto&) { m["theta"] = 3; }),
              AllOf(HasSubstr(file + ": \"theta\": must be a list"), HasSubstr("got 3")));
  EXPECT_THAT(error_on_deriving([](auto& m, auto&) { m["primitives"][1] = nullptr; }),
              AllOf(HasSubstr(file + ": \"primitives\": must be a list"), IsInOurWords()));
  EXPECT_THAT(error_on_deriving([](auto& m, auto&) { m["edges_per_node"] = "two"; }),
              HasSubstr(file + ": \"edges_per_node\": must be a whole number, got \"two\""));
  EXPECT_THAT(error_on_deriving([](auto& m, auto&) { m["edges_per_node"] = json::array(); }),
              AllOf(HasSubstr(file), HasSubstr("a node keeps 1 edge or more"), IsInOurWords()));
  EXPECT_THAT(error_on_deriving([](auto& m, auto&) { m["state"]["epoch"] = 1e300; }),
              HasSubstr("\"state\": \"epoch\": must be a whole number, got 1e+300"));
  EXPECT_THAT(error_on_deriving([](auto& m, auto&) { m["method"] = "x"; }),
              HasSubstr(file + ": unknown search method \"x\""));
  EXPECT_THAT(error_on_deriving([](auto& m, auto&) { m.erase("primitives"); }),
              AllOf(HasSubstr(file), HasSubstr("8 columns expected")));
}

TEST_F(ForeignWordsSearch, TheStateOfACheckpoint) {
  const std::string file = newest_checkpoint(run_);
  EXPECT_THAT(error_on_resuming([](auto& m, auto&) { m["state"]["images"] = "x"; }),
              HasSubstr(file + ": \"state\": \"images\": must be a whole number, got \"x\""));
  EXPECT_THAT(error_on_resuming([](auto& m, auto&) { m["state"]["metrics_size"] = -1; }),
              HasSubstr("\"metrics_size\" must be at least 0, got -1"));
  EXPECT_THAT(error_on_resuming([](auto& m, auto&) { m["state"] = json::array(); }),
              HasSubstr(file + ": \"state\": must be an object, got []"));
  EXPECT_THAT(error_on_resuming([](auto& m, auto&) { m.erase("identity"); }),
              HasSubstr(file + ": the field \"identity\" is missing"));
  EXPECT_THAT(error_on_resuming([](auto& m, auto&) {
                m["state"]["epoch"] = 1;
                m["state"]["step"] = 1000;
              }),
              AllOf(HasSubstr(file + " stands after epoch 1 and step 1000"), IsInOurWords()));
  EXPECT_EQ(finish({"--resume", run_}), run_);
}

TEST_F(ForeignWordsSearch, AlphasOfAnotherKind) {
  const auto with_alphas = [this](const std::function<at::Tensor(const at::Tensor&)>& change) {
    return error_on_deriving([&](auto&, NamedTensors& tensors) {
      at::Tensor& alphas = tensors.at("model.alphas_normal");
      alphas = change(alphas);
    });
  };
  EXPECT_THAT(with_alphas([](const auto& a) { return a.to(at::kLong); }),
              AllOf(HasSubstr("x.safetensors: alphas_normal must be a matrix"), IsInOurWords()));
  EXPECT_THAT(with_alphas([](const auto& a) { return a.sum(); }),
              HasSubstr("alphas_normal must be a matrix"));
}

TEST_F(ForeignWordsSearch, Records) {
  const auto error = [this](const std::string& line) {
    write_text(run_ / "alphas.jsonl", line + "\n");
    return error_of({"--derive", run_});
  };
  const std::string file = run_ / "alphas.jsonl";
  EXPECT_THAT(error(R"({"epoch": "x"})"),
              HasSubstr(file + ": \"epoch\": must be a whole number, got \"x\""));
  EXPECT_THAT(error(R"({"epoch": 1, "primitives": 3})"),
              AllOf(HasSubstr(file + ": epoch 1: "), IsInOurWords()));
  EXPECT_THAT(error(R"({"epoch": 1, "primitives": ["none"], "normal": [["x"]], "reduce": []})"),
              AllOf(HasSubstr(file + ": epoch 1: "), IsInOurWords()));
}

TEST_F(ForeignWordsSearch, PlacesThatCannotBeLookedAt) {
  fs::create_symlink("loop", at("loop"));
  for (const char* dataset : {"fashion_mnist", "imagenet"}) {
    EXPECT_THAT(error_of(recipe(
                    {"data.dataset=" + std::string(dataset), "data.root=" + at("loop").string()})),
                AllOf(HasSubstr("cannot read the training images of " + std::string(dataset)),
                      HasSubstr("cannot look at " + at("loop").string()), IsInOurWords()));
  }
  EXPECT_THAT(error_of({"--derive", at("loop")}),
              AllOf(HasSubstr("cannot look at " + at("loop").string()), IsInOurWords()));
}

TEST_F(ForeignWordsSearch, NumbersOfTheCommandLine) {
  EXPECT_THAT(error_of({"--derive", run_, "--epoch", "-7"}),
              HasSubstr("--epoch: must be at least 0, got -7"));
  EXPECT_THAT(error_of({"--derive", run_, "--epoch", "1e400"}),
              HasSubstr("--epoch: expected a whole number, got \"1e400\""));
  EXPECT_LT(error_of({"--derive", run_, "--epoch", std::string(309, '9')}).size(), 200U);
}

class ForeignWordsEval : public TrainFixture {
 protected:
  std::string eval_error(const Arguments& arguments) const {
    const ProgramResult result = Program("darts_eval", arguments, at("eval_output")).wait();
    EXPECT_EQ(result.status, 1) << result.out;
    EXPECT_EQ(lines_with(result.err, "error: ").size(), 1U) << result.err;
    return result.err;
  }
};

TEST_F(ForeignWordsEval, TheDescriptionOfANetwork) {
  const fs::path newest = newest_checkpoint(finish(recipe({"train.epochs=1"})));
  const std::string file = at("x.safetensors");
  const auto error = [&](const char* field, const json& value) {
    return eval_error(
        {changed(newest, file, [&](json& m, NamedTensors&) { m["network"][field] = value; })});
  };
  const std::string where = file + ": its description of the network: ";
  EXPECT_THAT(error("cells", std::int64_t{1} << 60),
              HasSubstr(where + "\"cells\" must be between 1 and 1000, got 1152921504606846976"));
  EXPECT_THAT(error("channels", -1), HasSubstr(where + "\"channels\" must be between 2 and 4096"));
  EXPECT_THAT(error("channels", 1e300), HasSubstr("\"channels\": must be a whole number"));
  EXPECT_THAT(error("image_channels", std::int64_t{1} << 60), HasSubstr("\"image_channels\" must"));
  EXPECT_THAT(error("height", 0), HasSubstr("\"height\" must be between 1 and"));
  EXPECT_THAT(error("mean", {0.1, 0.2}), HasSubstr(where + "2 statistics for 1 channels"));
  EXPECT_THAT(error("root", 3), HasSubstr(where + "\"root\": must be a text, got 3"));
}

/// A file that says of itself that it is larger than any memory, and is, but for its blocks.
TEST_F(ForeignWordsEval, ATensorLargerThanMemory) {
  const fs::path file = at("large.safetensors");
  const std::string header =
      R"({"images":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  write_text(file, bytes + header);
  if (::truncate(file.c_str(), static_cast<off_t>(8 + header.size() + (std::uint64_t{1} << 40U))) !=
      0) {
    GTEST_SKIP() << "no file of this size on this file system";
  }
  const fs::path newest = newest_checkpoint(finish(recipe({"train.epochs=1"})));
  EXPECT_THAT(eval_error({newest, "--logits", file, "-o", at("out")}),
              AllOf(HasSubstr("out of memory: cannot read the tensor images of " + file.string()),
                    HasSubstr("1.0 TiB"), HasSubstr("more memory"), IsInOurWords()));
}

TEST_F(ForeignWordsEval, NumbersOfTheCommandLine) {
  for (const char* option : {"--batch-size", "--threads"}) {
    EXPECT_THAT(eval_error({at("x"), option, "-1"}),
                AllOf(HasSubstr(std::string(option) + ": must be "), HasSubstr(", got -1"),
                      Not(ContainsRegex("[0-9]{30}"))));
  }
  EXPECT_THAT(eval_error({"--count", "DARTS_V2", "--image-size", "0"}),
              HasSubstr("--image-size: must be between 1 and 4096, got 0"));
}

}  // namespace
}  // namespace darts::testing
