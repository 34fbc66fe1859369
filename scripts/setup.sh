#!/usr/bin/env bash
# Makes a machine ready to build and run the project; see --help. The other scripts source this file
# for its functions, so that all of them agree on packages, the virtual environment and the build.
set -euo pipefail

darts_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
darts_venv="$darts_root/.venv"

# The names are the same on Debian 12 and on Ubuntu 22.04 and 24.04, where Chromium is none of apt's
# packages: the tests of the page of runs need it, and are skipped there.
packages_to_build=(g++ cmake ninja-build ccache git libcli11-dev libspdlog-dev nlohmann-json3-dev
  libyaml-cpp-dev zlib1g-dev libpng-dev libjpeg-dev libhwy-dev graphviz dataset-fashion-mnist)
packages_to_test=(libgtest-dev libgmock-dev chromium chromium-driver)
packages_to_lint=(clang-format-14 clang-tidy-14 shellcheck)
packages_to_fuzz=(clang-14 libclang-rt-14-dev libomp-14-dev)

torch_version=2.11.0
# What libtorch_cpu.so needs of CUDA even where nothing else uses it.
cuda_less_packages=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)

usage() {
  cat <<'END'
usage: scripts/setup.sh [--tests | --lint | --fuzz] [--help]

Installs what the project needs and this machine lacks: Debian or Ubuntu packages (as root or with
a password-less sudo), and a virtual environment .venv with LibTorch and the Python packages of the
scripts. What is there already is left alone, an installation that broke off is repaired.

  --tests   also what scripts/test.sh needs, Chromium among it
  --lint    also what .ci/run needs: clang-format, clang-tidy, shellcheck
  --fuzz    also what .ci/fuzz needs: clang
  --help    this text

environment:
  DARTS_CUDA=ON|OFF   with LibTorch's CUDA libraries (4.7 GB of disk) or without (1.3 GB);
                      by default ON where there is an nvcc
  PYTHON              the Python, 3.10 to 3.14, to make .venv with; python3 by default
END
}

say() { printf '%s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# One line on why a command failed, from what it printed to the file $1.
reason_in() {
  if grep -qiE 'no space left|not enough free|disk quota' "$1"; then
    echo "the disk is full"
  elif grep -qiE 'resolv|name resolution|connection|connect to|unreachable|timed out|failed to fetch' "$1"; then
    echo "no network, or the server does not answer"
  else
    grep -E '^(E:|ERROR|Error|[A-Za-z]*Error:)' "$1" | tail -n 1 || tail -n 1 "$1"
  fi
}

# run_logged WHAT COMMAND…: runs it silently; if it fails, says so in one line and names the log.
run_logged() {
  local what="$1" log
  shift
  log="$(mktemp "${TMPDIR:-/tmp}/darts-setup.XXXXXX")" || fail "cannot write to ${TMPDIR:-/tmp}"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    fail "$what: $(reason_in "$log"); all of its output: $log"
  fi
  rm -f "$log"
}

# ON or OFF: DARTS_CUDA, else whether there is an nvcc, as CMakeLists.txt decides.
cuda_choice() {
  case "${DARTS_CUDA:-}" in
    ON | OFF) echo "$DARTS_CUDA" ;;
    "") if command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]; then echo ON; else echo OFF; fi ;;
    *) fail "DARTS_CUDA is '$DARTS_CUDA'; it is ON or OFF" ;;
  esac
}

# ---- Debian packages ---------------------------------------------------------------------------

missing_packages() {
  local installed
  installed=" $(dpkg-query -W -f '${Package}|${db:Status-Status} ' "$@" 2>/dev/null || true)"
  local package
  for package in "$@"; do
    [[ "$installed" == *" $package|installed "* ]] || echo "$package"
  done
}

fashion_mnist_is_there() {
  local folder
  for folder in "$darts_root/data/fashion-mnist" /usr/share/datasets/fashion-mnist; do
    if compgen -G "$folder/train-images-idx3-ubyte*" >/dev/null; then return 0; fi
  done
  return 1
}

# Whether apt knows other packages but not this one.
is_unknown() { apt-cache show git >/dev/null 2>&1 && ! apt-cache show "$1" >/dev/null 2>&1; }

# Prints its arguments, without what can be done without: the data set where it is not needed or apt
# does not know it, Chromium and libFuzzer where apt does not know them.
worth_installing() {
  local package
  for package in "$@"; do
    case "$package" in
      dataset-fashion-mnist)
        if fashion_mnist_is_there; then continue; fi
        if is_unknown "$package"; then
          say "no package $package here; scripts/get_data.py fashion_mnist fetches it" >&2
          continue
        fi
        ;;
      chromium* | libclang-rt-14-dev) # Ubuntu 22.04 has libFuzzer in a package that clang-14 brings
        if is_unknown "$package"; then continue; fi
        ;;
    esac
    echo "$package"
  done
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian or Ubuntu: taking it that there are the equivalents of $*"
    return
  fi
  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} > 0)); then mapfile -t missing < <(worth_installing "${missing[@]}"); fi
  if ((${#missing[@]} == 0)); then return; fi
  if ((EUID != 0)); then
    if ! sudo -n true 2>/dev/null; then
      printf 'error: packages are missing, and only root can install them:\n' >&2
      printf 'apt-get install %s\n' "${missing[*]}"
      exit 1
    fi
    as_root=(sudo -n)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  local options=(-o DPkg::Lock::Timeout=300)
  say "packages: reading apt's lists"
  run_logged "apt-get update" "${as_root[@]}" apt-get "${options[@]}" update
  mapfile -t missing < <(worth_installing "${missing[@]}")
  if ((${#missing[@]} == 0)); then return; fi
  say "packages: installing ${missing[*]}"
  run_logged "apt-get install" "${as_root[@]}" apt-get "${options[@]}" install \
    --yes --no-install-recommends "${missing[@]}"
}

# The packages of the Python to make .venv with, where they are missing.
python_packages() {
  if [[ -z "${PYTHON:-}" ]] && ! command -v python3 >/dev/null; then
    printf '%s\n' python3 python3-venv
  elif [[ ! -x "$darts_venv/bin/python" ]] && ! "${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    echo python3-venv
  fi
}

# ---- the virtual environment -------------------------------------------------------------------

python_is_usable() {
  "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

# Fails where .venv is still to be made and the Python for it will not do.
check_python() {
  local python="${PYTHON:-python3}"
  if python_is_usable "$darts_venv/bin/python" || python_is_usable "$python"; then return; fi
  command -v "$python" >/dev/null || fail "there is no $python"
  fail "$("$python" --version 2>&1) will not do: LibTorch $torch_version comes for Python 3.10 to 3.14 (set PYTHON)"
}

make_venv() {
  if ! python_is_usable "$darts_venv/bin/python"; then
    local python="${PYTHON:-python3}"
    check_python
    say "python: making .venv with $("$python" --version)"
    run_logged "python -m venv" "$python" -m venv --clear "$darts_venv"
  fi
  if ! "$darts_venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "python: repairing pip in .venv"
    rm -rf "$darts_venv"/lib/python3*/site-packages/pip "$darts_venv"/lib/python3*/site-packages/pip-*
    run_logged "python -m ensurepip" "$darts_venv/bin/python" -m ensurepip
  fi
}

pip_install() {
  local what="$1"
  shift
  run_logged "pip install $what" "$darts_venv/bin/python" -m pip install \
    --disable-pip-version-check --no-input --retries 3 "$@"
}

# Fails early where pip would fill the disk first; what .venv has of it already counts.
check_disk() {
  local need_mb="$1" free_mb used_mb
  free_mb="$(df -Pm "$darts_root" | awk 'NR == 2 { print $4 }')"
  used_mb="$(du -sm "$darts_venv" | cut -f 1)"
  if ((free_mb + used_mb < need_mb)); then
    fail "LibTorch needs $((need_mb / 1000)).$((need_mb % 1000 / 100)) GB of disk in .venv, $free_mb MB are free"
  fi
}

install_torch() {
  if [[ "$1" == ON ]]; then
    check_disk 4700
    say "python: installing torch $torch_version with CUDA (2.5 GB to download, 4.7 GB on disk)"
    pip_install torch "torch==$torch_version"
  else
    check_disk 1300
    say "python: installing torch $torch_version without CUDA (0.6 GB to download, 1.3 GB on disk)"
    pip_install torch --no-deps "torch==$torch_version" "${cuda_less_packages[@]}"
  fi
}

# What check_venv.py finds wanting for DARTS_CUDA=$1 and the requirements file $2.
findings() {
  local wanted=("torch==$torch_version")
  if [[ "$1" == OFF ]]; then wanted=(--no-deps "${wanted[@]}" "${cuda_less_packages[@]}"); fi
  "$darts_venv/bin/python" "$darts_root/scripts/check_venv.py" --requirements "$2" "${wanted[@]}" ||
    fail "cannot examine .venv; remove it and run this again"
}

fill_venv() {
  local cuda="$1" requirements="$2" state broken
  state="$(findings "$@")"
  if [[ "$state" == broken* ]]; then
    while read -r broken; do
      # Without its record pip takes the package for not installed, and writes it anew.
      say "python: $(basename "$broken" .dist-info) is incomplete, to be installed again"
      rm -rf "$broken"
    done < <(sed -n 's/^broken //p' <<<"$state")
    make_venv
    state="$(findings "$@")"
  fi
  if grep -q '^missing package' <<<"$state"; then install_torch "$cuda"; fi
  if grep -q '^missing requirement' <<<"$state"; then
    say "python: installing $(basename "$requirements")"
    pip_install "-r $(basename "$requirements")" -r "$requirements"
  fi
}

# setup [tests | lint | fuzz]: everything, for building the programs alone, for the tests too, for .ci/run or
# .ci/fuzz too.
setup() {
  local packages=("${packages_to_build[@]}") requirements="requirements.txt" cuda
  cuda="$(cuda_choice)"
  case "${1:-}" in
    tests) packages+=("${packages_to_test[@]}") ;;
    lint) packages+=("${packages_to_test[@]}" "${packages_to_lint[@]}") ;;
    fuzz) packages+=("${packages_to_fuzz[@]}") ;;
  esac
  if [[ "${1:-}" == tests || "${1:-}" == lint ]]; then requirements="requirements-dev.txt"; fi
  local of_python
  if [[ -n "${PYTHON:-}" ]] || command -v python3 >/dev/null; then check_python; fi
  mapfile -t of_python < <(python_packages)
  install_packages "${packages[@]}" "${of_python[@]}"
  make_venv
  fill_venv "$cuda" "$darts_root/scripts/$requirements"
  say "set-up: complete (DARTS_CUDA=$cuda)"
}

# ---- building ----------------------------------------------------------------------------------

# As many jobs as there are cores, and as memory allows: LibTorch's headers cost 1.5 GB a compiler.
parallel_jobs() {
  local cores memory_mb limit group
  cores="$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)" # which would count those
  memory_mb="$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)"
  # The least limit of the control groups around this process, such as a batch system's.
  group="$(sed -n 's/^0:://p' /proc/self/cgroup 2>/dev/null || true)"
  while :; do
    limit="$(cat "/sys/fs/cgroup$group/memory.max" 2>/dev/null || echo max)"
    if [[ "$limit" != max ]] && ((limit / 1048576 < memory_mb)); then memory_mb=$((limit / 1048576)); fi
    [[ -n "${group%/}" ]] || break
    group="${group%/*}"
  done
  local jobs=$((memory_mb / 1500))
  if ((jobs > cores)); then jobs=$cores; fi
  echo $((jobs > 0 ? jobs : 1))
}

# Whether the build folder $1 is configured for this source tree, with these NAME=VALUE.
is_configured() {
  local cache="$1/CMakeCache.txt" setting torch
  shift
  [[ -f "${cache%/*}/build.ninja" ]] || return 1
  grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$darts_root" "$cache" || return 1
  torch="$(sed -n 's/^LibTorch_CPU_LIBRARY:[A-Z]*=//p' "$cache")"
  [[ -e "$torch" ]] || return 1
  for setting in "$@"; do
    grep -qE "^${setting%%=*}:[A-Z]+=${setting#*=}\$" "$cache" || return 1
  done
}

# configure FOLDER PRESET [NAME=VALUE…]: build/FOLDER as PRESET says, unless it is already.
configure() {
  local folder="$darts_root/build/$1" preset="$2" log
  shift 2
  if is_configured "$folder" "$@"; then return; fi
  say "configuring ${folder#"$darts_root"/}"
  log="$folder/configure.log"
  mkdir -p "$folder"
  if [[ -f "$folder/CMakeCache.txt" ]] && ! is_configured "$folder"; then
    rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles" # of a tree that was moved, or of another LibTorch
  fi
  if ! cmake -S "$darts_root" --preset "$preset" -B "$folder" "${@/#/-D}" >"$log" 2>&1; then
    grep -A 12 'CMake Error' "$log" >&2 || tail -n 20 "$log" >&2
    fail "cmake could not configure ${folder#"$darts_root"/}; all of its output: $log"
  fi
}

# build FOLDER [TARGET]: with ninja, which does only what is to be done.
build() {
  local folder="$darts_root/build/$1" jobs
  jobs="$(parallel_jobs)"
  say "building ${folder#"$darts_root"/} with $jobs at a time"
  cmake --build "$folder" --parallel "$jobs" --target "${2:-all}" ||
    fail "the build in ${folder#"$darts_root"/} failed, see above"
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  case "${1:-}" in
    --help | -h) usage ;;
    --tests | --lint | --fuzz) setup "${1#--}" ;;
    "") setup ;;
    *) fail "unknown option '$1'; see scripts/setup.sh --help" ;;
  esac
fi
