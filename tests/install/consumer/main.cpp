// A program of one's own: a genotype derived from alphas, and a short search that is stopped after
// its first step and gone on with. argv[1]: where run directories are made.
#include <darts/search/search_run.hpp>

#include <ATen/Functions.h>

#include <iostream>

int main(int argc, char** argv) {
  const darts::Alphas alphas{at::zeros({14, 8}), at::zeros({14, 8})};
  std::cout << darts::to_notation(darts::derive(alphas, darts::SearchSpace{})) << '\n';

  darts::SearchConfig config;  // all that is not said: Fashion-MNIST, the paper's space
  config.data.limit = 64;
  config.space.cells = 1;
  config.space.channels = 4;
  config.search.epochs = 1;
  config.search.batch_size = 16;
  config.run.root = argc > 1 ? argv[1] : "runs";
  darts::RunHooks hooks;
  hooks.should_stop = [] { return true; };
  std::filesystem::path directory;
  {
    const auto search = darts::SearchRun::start(config, hooks);
    search->run();
    directory = search->directory().path();
  }
  const auto search = darts::SearchRun::resume(directory);
  if (search->run() == darts::RunOutcome::finished) {
    std::cout << "found: " << darts::load_genotype(search->directory().genotype()).name << '\n';
  }
}
