#!/usr/bin/env bash
# Sets up, builds and runs every test; see --help.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

test_usage() {
  cat <<'END'
usage: scripts/test.sh [--preset release|dev|asan] [--help] [CTEST_OPTION…]

Installs what is missing, builds everything with a preset (release by default) and runs the C++ tests
with CTest and the scripts' tests with pytest. More options go to CTest: scripts/test.sh -R Genotype
leaves out the tests whose names do not match, -LE slow those that take minutes.

For the environment variables see scripts/setup.sh --help.
END
}

preset=release
case "${1:-}" in
  --help | -h)
    test_usage
    exit 0
    ;;
  --preset)
    preset="${2:-}"
    shift 2 || fail "--preset needs a name: release, dev or asan"
    ;;
  --preset=*)
    preset="${1#--preset=}"
    shift
    ;;
esac
case "$preset" in
  release | dev | asan) ;;
  *) fail "no preset '$preset'; there are release, dev and asan" ;;
esac

cd "$darts_root"
setup tests
configure "$preset" "$preset" "DARTS_CUDA=$(cuda_choice)" DARTS_BUILD_TESTS=ON DARTS_BUILD_BENCH=ON
build "$preset"

failed=()
# Several tests at once, each on one core; those that compare numbers of threads set theirs.
jobs="$(parallel_jobs)"
say "running the C++ tests, $jobs at a time"
OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" ctest --test-dir "build/$preset" --output-on-failure \
  --no-tests=error -j "$jobs" "$@" || failed+=("the C++ tests")
say "running the scripts' tests"
"$darts_venv/bin/python" -m pytest || failed+=("the scripts' tests")

if ((${#failed[@]} > 0)); then fail "failed: $(printf '%s; ' "${failed[@]}")see above"; fi
say "all tests passed"
