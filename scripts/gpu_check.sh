#!/usr/bin/env bash
# Checks and times every path on a GPU; see --help. Runs in a build tree and in a bundle.
set -euo pipefail

scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
root="$(dirname "$scripts")"

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# The Python for the check itself, of which it needs the standard library, and for --peer, which needs PyTorch.
python="${PYTHON:-python3}"
if [[ -z "${PYTHON:-}" && -x "$root/.venv/bin/python" ]]; then python="$root/.venv/bin/python"; fi
command -v "$python" >/dev/null || fail "there is no $python (PYTHON)"

programs="" tests=""
if [[ -f "$root/run.sh" ]]; then # a bundle
  if [[ -z "${DARTS_LIBRARY_PATH:-}" && " $* " != *" --help "* ]]; then exec "$root/run.sh" gpu_check "$@"; fi
  programs="$root/bin" tests="$root/tests"
else
  for build in "$root/build/release" "$root/build/dev"; do
    if [[ -z "$programs" && -x "$build/bin/darts_bench" && -x "$build/tests/core/core_test" ]]; then
      programs="$build/bin" tests="$build/tests"
    fi
  done
fi
if [[ -z "$programs" && " $* " != *" --help "* && " $* " != *" -h "* ]]; then
  fail "nothing is built in build/release or build/dev; scripts/test.sh builds it"
fi
exec "$python" "$scripts/gpu_check.py" --programs "${programs:-.}" --tests "${tests:-.}" "$@"
