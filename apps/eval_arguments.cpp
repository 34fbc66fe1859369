#include "eval_arguments.hpp"

#include "rank_program.hpp"

namespace darts {
namespace {

void declare_testing(CLI::App& app, EvalArguments& a) {
  app.add_option(
         "checkpoint", a.checkpoint,
         "what to test: a checkpoint of darts_train, or its run directory (the latest one); "
         "stands first")
      ->type_name("CHECKPOINT|RUN_DIR");
  app.add_flag("--best", a.best, "of a run directory: the checkpoint picked on the test set");
  app.add_flag("--trained-weights", a.trained_weights,
               "the weights as trained, where there is a moving average of them");
  app.add_option("--data", a.data, "data set to test on (default: the one of the training)");
  app.add_option("--data-root", a.data_root, "folder of the data sets");
  app.add_option("--split", a.split, "images to test on")->check(CLI::IsMember({"test", "train"}));
  add_number(app, "--limit", a.limit, "only so many images, of all classes; 0: all", at_least(0));
  add_number(app, "--batch-size", a.batch_size, "images at a time", between(1, 65536));
  app.add_option(
         "--on-error", a.on_error,
         "image files: one that cannot be decoded ends the test, or is left out and counted")
      ->check(CLI::IsMember({"fail", "skip"}));
  add_number(app, "--workers", a.workers, "threads that prepare batches", between(0, 256));
  add_number(app, "--recalibrate", a.recalibrate,
             "first compute the batch norms' statistics anew on so many batches of training "
             "images (of all, those of data.hold_out and beyond data.limit as well)",
             at_least(0));
  app.add_option("--device", a.device, "auto, cpu, cuda or cuda:N");
  app.add_option("--precision", a.precision, "fp32, or bf16 by autocast")
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--execution", a.execution,
                 "fused: several operations at once, by our own kernels (CPU, fp32); plain: one by "
                 "one, by LibTorch's")
      ->check(CLI::IsMember({"fused", "plain"}));
  app.add_flag("--channels-last,!--no-channels-last", a.channels_last,
               "store images channels last (default), or plane by plane: slower");
  add_number(app, "--threads", a.threads,
             "threads of the CPU's operations; 0: as many as may run at once", between(0, 1024));
  declare_processes(app, a.processes);
  app.add_option("--json", a.json,
                 "also write everything here, with the confusion matrix; a whole test of a run "
                 "directory is written to its test.json by default")
      ->type_name("FILE");
}

void declare_others(CLI::App& app, EvalArguments& a) {
  auto* predicted = app.add_option("--predict", a.predict,
                                   "no test: print the most likely classes of pictures (JPEG, PNG)")
                        ->type_name("IMAGE...");
  add_number(app, "--top", a.top, "with --predict: classes to print (default 5)", at_least(1))
      ->needs(predicted);
  auto* logits =
      app.add_option("--logits", a.logits,
                     "no test: logits of the tensor `images` (N×C×H×W, float32, normalised) of a "
                     "safetensors file")
          ->type_name("FILE");
  app.add_option("-o,--output", a.output, "with --logits: where to write the tensor `logits`")
      ->needs(logits);
}

void declare_counting(CLI::App& app, EvalArguments& a) {
  app.add_flag("--list-genotypes", a.list_genotypes,
               "no test: print the built-in genotypes with what their authors state of them, and "
               "the parameters of their networks here");
  auto* count =
      app.add_option("--count", a.count,
                     "no test: print parameters and multiply-adds of a genotype's network, "
                     "by cell and operation")
          ->type_name("GENOTYPE");
  app.add_option(
         "--config", a.config,
         "with --count: recipe that gives the network and its images (default " + a.config + ")")
      ->needs(count);
  app.add_option("--set", a.settings, "with --count: set a key of the recipe")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false)
      ->needs(count);
  add_number(app, "--image-size", a.image_size,
             "with --count: height and width (default: the recipe's)", between(1, 4096))
      ->needs(count);
  add_number(app, "--image-channels", a.image_channels,
             "with --count: 3 for colour, 1 for grey (default: the recipe's)", between(1, 1024))
      ->needs(count);
  add_number(app, "--classes", a.classes,
             "with --count: classes (default: those of the recipe's data set)",
             between(1, 1'000'000))
      ->needs(count);
}

}  // namespace

void declare(CLI::App& app, EvalArguments& arguments) {
  declare_testing(app, arguments);
  declare_others(app, arguments);
  declare_counting(app, arguments);
  const auto exclude = [&](const std::string& mode, const std::vector<std::string>& others) {
    for (const std::string& other : others) {
      app.get_option(mode)->excludes(app.get_option(other));
    }
  };
  exclude("--count", {"checkpoint", "--predict", "--logits", "--list-genotypes"});
  exclude("--list-genotypes", {"checkpoint", "--predict", "--logits"});
  exclude("--predict", {"--logits", "--json"});
  exclude("--logits", {"--json"});
}

std::string idle_options(const CLI::App& app, const EvalArguments& a) {
  std::vector<std::string> candidates;
  std::string mode;
  if (!a.count.empty()) {
    mode = "--count, which loads no network and no images";
    candidates = {"--best",      "--trained-weights", "--data",       "--data-root",
                  "--split",     "--limit",           "--batch-size", "--on-error",
                  "--workers",   "--recalibrate",     "--device",     "--precision",
                  "--execution", "--channels-last",   "--threads",    "--processes"};
  } else if (!a.predict.empty() || !a.logits.empty()) {
    mode = (a.predict.empty() ? "--logits" : "--predict") +
           std::string(", which tests on no data set");
    candidates = {"--split", "--limit", "--processes"};
    if (a.recalibrate == 0) {
      candidates.insert(candidates.end(),
                        {"--data", "--data-root", "--batch-size", "--on-error", "--workers"});
    }
  }
  std::string given;
  for (const std::string& name : candidates) {
    if (app.get_option(name)->count() > 0) {
      given += (given.empty() ? "" : ", ") + name;
    }
  }
  return given.empty() ? "" : "without effect beside " + mode + ": " + given;
}

}  // namespace darts
