#!/usr/bin/env bash
# From a fresh clone to a found cell: set-up, build, a search of a few minutes, pictures of its result.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

quickstart_usage() {
  cat <<'END'
usage: scripts/quickstart.sh [--help] [DARTS_SEARCH_OPTION…]

Installs what is missing, builds the programs, searches for a cell on part of Fashion-MNIST
(configs/search/quickstart.yaml, a few minutes on two cores) and draws the result. What is installed
or built is not done again; every search gets a run directory of its own under runs/. More options
go to darts_search: scripts/quickstart.sh --seed 3 --set search.epochs=10

For the environment variables see scripts/setup.sh --help.
END
}

build_programs() {
  local settings=("DARTS_CUDA=$(cuda_choice)")
  # A build folder that has the tests keeps them; a new one does without their packages.
  if [[ ! -f build/release/build.ninja ]]; then settings+=(DARTS_BUILD_TESTS=OFF DARTS_BUILD_BENCH=OFF); fi
  configure release release "${settings[@]}"
  build release apps/all
}

# Searches, and puts the run directory into run_directory.
search() {
  local printed status=0
  printed="$(mktemp "${TMPDIR:-/tmp}/darts-quickstart.XXXXXX")"
  # darts_search finishes its step after Ctrl-C and then still prints; tee has to wait for that.
  build/release/bin/darts_search --config quickstart.yaml "$@" | tee -i "$printed" || status=${PIPESTATUS[0]}
  run_directory="$(sed -n 's/^run directory: //p' "$printed" | tail -n 1)"
  rm -f "$printed"
  if ((status != 0)); then exit "$status"; fi
  # What trains nothing (--dry-run, --help) names no run directory.
  if [[ -z "$run_directory" ]]; then exit 0; fi
  [[ -d "$run_directory" ]] || fail "darts_search named no run directory"
}

draw() {
  "$darts_venv/bin/python" scripts/plot_genotype.py "$run_directory"
  "$darts_venv/bin/python" scripts/plot_search.py "$run_directory"
}

report() {
  cat "$run_directory/genotype.json"
  cat <<END

The search is done. In $run_directory:
  genotype.json, genotype.png   the cells that it found, printed above
  search.png                    losses, accuracies and all alphas by epoch
  config.yaml, log.txt, metrics.jsonl, alphas.jsonl, checkpoints/

What next:
  build/release/bin/darts_train --config quickstart.yaml --genotype $run_directory
                                                                 train and test what it found (minutes)
  build/release/bin/darts_search --config fashion_mnist.yaml     a full search on Fashion-MNIST
  .venv/bin/python scripts/get_data.py cifar10                   the paper's search on CIFAR-10:
  build/release/bin/darts_search --config cifar10.yaml             fetch the data, then search
  build/release/bin/darts_search --resume RUN_DIR                go on with a search that was stopped
  build/release/bin/darts_search --help                          all options
  CONTRIBUTING.md                                                working on the code
END
}

case "${1:-}" in
  --help | -h)
    quickstart_usage
    exit 0
    ;;
esac
cd "$darts_root"
setup
build_programs
if ! fashion_mnist_is_there; then "$darts_venv/bin/python" scripts/get_data.py fashion_mnist; fi
search "$@"
draw
report
