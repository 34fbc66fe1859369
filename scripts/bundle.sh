#!/usr/bin/env bash
# Makes a folder that runs on a machine with LibTorch and nothing else of ours; see --help.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

bundle_usage() {
  cat <<'END'
usage: scripts/bundle.sh OUT [--preset release|dev] [--as-built] [--help]

Copies into the new folder OUT what takes this project to a machine without compiler, packages or
internet: the programs and what tests and times a GPU (stripped), golden files, recipes, scripts, and the shared
libraries they need but for LibTorch's, CUDA's and the C library. OUT/run.sh runs them there with the
LibTorch of its Python (LIBTORCH names another), which has to be of the same version and CUDA:

  OUT/run.sh darts_search --version
  OUT/run.sh --tests -L cuda
  OUT/run.sh gpu_check

  --preset P   of which build; release by default
  --as-built   takes what lies in build/P, which otherwise is brought up to date first

libstdc++ is in the folder too, for machines where it is older than the programs; the C library has to
be as new as here.
END
}

# Whether a bundle leaves out the shared library $1: the C library's and the compiler's, LibTorch's and
# CUDA's, which come with LibTorch.
is_left_out() {
  case "$(basename "$1")" in
    ld-linux* | linux-vdso* | libc.so* | libm.so* | libdl.so* | librt.so* | libpthread.so* | libutil.so*) ;;
    libstdc++.so* | libgcc_s.so* | libgomp.so*) ;;
    libtorch* | libc10* | libcu* | libnv* | libnccl*) ;;
    *) return 1 ;;
  esac
}

# The shared libraries that the programs load, NAME PATH a line.
libraries_of() {
  local missing
  missing="$(ldd "$@" | grep 'not found' || true)"
  if [[ -n "$missing" ]]; then fail "a shared library is missing: $(head -n 1 <<<"$missing" | xargs)"; fi
  ldd "$@" | awk '$2 == "=>" { print $1, $3 }' | sort -u
}

# The test programs that have something to ask of a GPU; the others would be a fifth of the folder.
bundled_tests=(core ops cell search eval apps)

copy_programs() {
  local build="$1" out="$2" program room
  mkdir -p "$out/bin" "$out/tests"
  for program in "$build"/bin/*; do
    case "$(basename "$program")" in
      kernel_bench | darts_loader_bench) continue ;; # they time a CPU alone
    esac
    if [[ -f "$program" && -x "$program" ]]; then strip -o "$out/bin/$(basename "$program")" "$program"; fi
  done
  for room in "${bundled_tests[@]}"; do
    strip -o "$out/tests/${room}_test" "$build/tests/$room/${room}_test"
  done
}

copy_libraries() {
  local out="$1" name path
  mkdir -p "$out/lib/libstdc++"
  while read -r name path; do
    if ! is_left_out "$name"; then strip --strip-unneeded -o "$out/lib/$name" "$(readlink -f "$path")"; fi
    case "$name" in
      libstdc++.so* | libgcc_s.so*) cp -L "$path" "$out/lib/libstdc++/$name" ;;
    esac
  done < <(libraries_of "$out"/bin/* "$out"/tests/*)
}

copy_files() {
  local out="$1"
  cp -R "$darts_root/configs" "$out/configs"
  cp -R "$darts_root/tests/fixtures" "$out/fixtures"
  mkdir "$out/scripts"
  cp -R "$darts_root"/scripts/{*.py,gpu_check.sh,dartslib} "$out/scripts/"
  find "$out" -name __pycache__ -prune -exec rm -rf {} +
  cp "$darts_root/LICENSE" "$out/"
  cp "$darts_root/scripts/bundle_run.sh" "$out/run.sh"
}

# What run.sh points to where a LibTorch does not fit.
write_versions() {
  local build="$1" out="$2"
  {
    "$build/bin/darts_search" --version
    echo "LibTorch $torch_version, DARTS_CUDA=$(sed -n 's/^DARTS_CUDA:BOOL=//p' "$build/CMakeCache.txt")"
    ldd --version | sed -n 1p
  } >"$out/VERSIONS"
}

out="" preset=release as_built=""
while (($# > 0)); do
  case "$1" in
    --help | -h)
      bundle_usage
      exit 0
      ;;
    --preset)
      preset="${2:-}"
      shift
      ;;
    --as-built) as_built=yes ;;
    --preset=*) preset="${1#--preset=}" ;;
    -*) fail "unknown option '$1'; see scripts/bundle.sh --help" ;;
    *)
      [[ -z "$out" ]] || fail "one folder to make, not '$out' and '$1'"
      out="$1"
      ;;
  esac
  shift || fail "--preset needs a name: release or dev"
done
while [[ "$out" == */ && "$out" != / ]]; do out="${out%/}"; done
[[ -n "$out" ]] || fail "say which folder to make; see scripts/bundle.sh --help"
case "$preset" in
  release | dev) ;;
  *) fail "no preset '$preset'; there are release and dev" ;;
esac
[[ ! -e "$out" ]] || fail "$out exists; name a new folder, or remove it"

build_folder="$darts_root/build/$preset"
if [[ -z "$as_built" ]]; then
  setup tests
  configure "$preset" "$preset" "DARTS_CUDA=$(cuda_choice)" DARTS_BUILD_TESTS=ON DARTS_BUILD_BENCH=ON
  build "$preset"
fi
for program in bin/darts_search bin/darts_bench "${bundled_tests[@]/%/_test}"; do
  if [[ "$program" == *_test ]]; then program="tests/${program%_test}/$program"; fi
  [[ -x "$build_folder/$program" ]] || fail "$build_folder/$program is not built"
done
unfinished="$out.unfinished.$$"
trap 'rm -rf "$unfinished"' EXIT
mkdir -p "$unfinished"
copy_programs "$build_folder" "$unfinished"
copy_libraries "$unfinished"
copy_files "$unfinished"
write_versions "$build_folder" "$unfinished"
mv "$unfinished" "$out"
say "$out: $(du -sm "$out" | cut -f 1) MB; $(head -n 1 "$out/VERSIONS")"
