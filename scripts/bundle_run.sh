#!/usr/bin/env bash
# The run.sh of a bundle (scripts/bundle.sh makes one): runs its programs with the LibTorch that is there.
set -euo pipefail

bundle="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"

usage() {
  cat <<'END'
usage: run.sh PROGRAM [ARGUMENT…]        darts_search, darts_train, darts_eval, darts_bench, …
       run.sh --tests [-L cuda] [GTEST_ARGUMENT…]
       run.sh gpu_check [ARGUMENT…]      see run.sh gpu_check --help

Runs a program of this folder with the LibTorch of this machine. It has to be of the version and CUDA
that the file VERSIONS names.

  --tests   runs all test programs, or those tests that need a GPU (-L cuda); the exit status counts
            the programs that failed

environment:
  LIBTORCH   LibTorch's folder, with lib/ in it; by default the package torch of PYTHON
  PYTHON     a Python with the package torch; python3 by default
END
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

find_libtorch() {
  local folder="${LIBTORCH:-}"
  if [[ -z "$folder" ]]; then
    folder="$("${PYTHON:-python3}" -c 'import importlib.util as u
spec = u.find_spec("torch")
print(spec.submodule_search_locations[0] if spec else "")' 2>/dev/null || true)"
    if [[ -z "$folder" ]]; then
      fail "${PYTHON:-python3} has no package torch; say where LibTorch is: LIBTORCH=FOLDER"
    fi
  fi
  [[ -e "$folder/lib/libtorch_cpu.so" ]] || fail "$folder/lib/libtorch_cpu.so is not there (LIBTORCH)"
  echo "$folder"
}

# Ours, LibTorch's, and those of NVIDIA's wheels beside it.
library_path() {
  local torch="$1" path folder
  path="$bundle/lib:$torch/lib"
  for folder in "$torch"/../nvidia/*/lib; do
    if [[ -d "$folder" ]]; then path+=":$folder"; fi
  done
  echo "$path${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}

# What the loader finds wanting for a program with this library path.
complaints() {
  LD_LIBRARY_PATH="$1" LD_TRACE_LOADED_OBJECTS=1 "$bundle/bin/darts_search" 2>&1 |
    grep 'not found' || true
}

# Sets library_path. The machine's own libstdc++ is taken unless it is older than the programs.
prepare() {
  local torch found
  torch="$(find_libtorch)"
  library_path="$(library_path "$torch")"
  found="$(complaints "$library_path")"
  if [[ "$found" == *GLIBCXX_* || "$found" == *CXXABI_* ]]; then
    library_path="$bundle/lib/libstdc++:$library_path"
    found="$(complaints "$library_path")"
  fi
  if [[ -n "$found" ]]; then fail "with the LibTorch in $torch: $(head -n 1 <<<"$found" | xargs)"; fi
}

run_tests() {
  local filter='*' failed=0 program name
  if [[ "${1:-}" == -L ]]; then
    [[ "${2:-}" == cuda ]] || fail "--tests -L takes the label cuda"
    filter='*Cuda*'
    shift 2
  fi
  for program in "$bundle"/tests/*_test; do
    name="$(basename "$program")"
    printf '== %s\n' "$name"
    if ! OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" "$program" "--gtest_filter=$filter" --gtest_brief=1 "$@"; then
      printf '== %s: FAILED\n' "$name"
      failed=$((failed + 1))
    fi
  done
  return "$failed"
}

case "${1:-}" in
  "" | --help | -h)
    usage
    exit 0
    ;;
esac
if [[ "$1" == gpu_check && " $* " == *" --help "* ]]; then exec "$bundle/scripts/gpu_check.sh" --help; fi
prepare
export DARTS_TEST_DATA_DIR="$bundle/fixtures" DARTS_TEST_BIN_DIR="$bundle/bin"
export DARTS_TEST_CONFIG_DIR="$bundle/configs"
command="$1"
shift
case "$command" in
  gpu_check)
    # Python and what it runs keep their own libraries; only our programs get these.
    DARTS_LIBRARY_PATH="$library_path" exec "$bundle/scripts/gpu_check.sh" "$@"
    ;;
  --tests)
    export LD_LIBRARY_PATH="$library_path"
    run_tests "$@"
    ;;
  *)
    [[ -x "$bundle/bin/$command" ]] || fail "no program '$command'; there are: $(cd "$bundle/bin" && echo *)"
    LD_LIBRARY_PATH="$library_path" exec "$bundle/bin/$command" "$@"
    ;;
esac
