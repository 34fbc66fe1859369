#!/usr/bin/env bash
# Sets up, builds and runs every test; see --help.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

test_usage() {
  cat <<'END'
usage: scripts/test.sh [--preset release|dev|asan] [--help] [CTEST_OPTION…]

Installs what is missing, builds everything with a preset (release by default) and runs the C++ tests
with CTest and the scripts' tests with pytest. More options go to CTest: scripts/test.sh -R Deriver leaves
out what does not match, -LE slow what takes minutes, -L cuda all but the tests that need a GPU.

To CTest a test program is one test (core_test), as its tests take less time than its start; of the programs
that take long each suite is one (search_test.Deriver, apps_test.DartsTrain). What needs a GPU is a test of
its own (ops_test.Cuda). For a single one of their tests, or some, run the program:

  build/PRESET/tests/core/core_test --gtest_filter='Text.Joins*'      --gtest_list_tests lists them

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
rm -rf "build/$preset/test_results"
OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" ctest --test-dir "build/$preset" --output-on-failure \
  --no-tests=error -j "$jobs" "$@" || failed+=("the C++ tests")
# With options of CTest's nothing but skipped tests, or ones that are not counted, may be left.
counts="$("$darts_venv/bin/python" tests/count_results.py "build/$preset/test_results")" || (($# > 0)) ||
  failed+=("no C++ test passed")
say "running the scripts' tests"
DARTS_TEST_PRESET="$preset" "$darts_venv/bin/python" -m pytest || failed+=("the scripts' tests")

say "$counts"
if ((${#failed[@]} > 0)); then fail "failed: $(printf '%s; ' "${failed[@]}")see above"; fi
say "all tests passed"
