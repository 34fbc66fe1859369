#!/usr/bin/env bash
# Runs darts_search as on a cluster, on one machine: each rank has a network (and an address) of its own,
# joined to the others' by a slow link that can break. Nothing of the machine's network is changed.
#
#   bench/cluster.sh [OPTION …] CASE …
#
#   steady   a short search to its end at each rate and delay, and on one rank alone: seconds and images/s
#   pause    the last rank's link is down for 5 s: the search goes on, to the same alphas
#   cut      the link goes down for good: all ranks end with an error; started again, the search goes on
#            from its last checkpoint, to the same alphas
#
#   --ranks N      2 to 4 (default 2)
#   --rate MBIT,…  of each link, each way, in Mbit/s (default: no limit); pause and cut take the first
#   --delay MS,…   of what a rank receives (default 0); pause and cut take the first. By netem, where the
#                  kernel has none by bench/delayed_links.py, whose work the ranks' processors do as well
#   --batch-norm sync|local   parallel.batch_norm (default sync)
#   --steps N      length of the search, in steps of 32 images (default 24)
#   --bin FOLDER   where darts_search is (default: build/release/bin or build/dev/bin)
#
# Needs root, or the right to make user namespaces. Exit status: 0 if all cases hold, 1 if not, 77 if they
# were left out for want of that right.
set -euo pipefail
export LC_ALL=C # a comma in numbers is none to awk and printf

say() { printf '%s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

usage() { sed -n '2,/^set/p' "$0" | sed -e 's/^# \{0,1\}//' -e '/^set/d'; }

PATH=$PATH:/usr/sbin:/sbin
self=$(readlink -f "$0")
root=$(dirname "$(dirname "$self")")
# shellcheck source=bench/cluster_network.sh
source "$root/bench/cluster_network.sh"
batch=32
port=29500
timeout=8   # parallel.timeout_seconds where a link breaks for good
slack=7 # seconds, after the time-out, to find out who is missing and to end
down=5      # seconds of a pause
longest=300 # seconds that a search may take

# --- The command line

ranks=2 rates=0 delays=0 batch_norm=sync steps=24 bin="" cases=()

number() { # OPTION TEXT LEAST MOST
  if [[ ! $2 =~ ^(0|[1-9][0-9]{0,5})$ ]] || (($2 < $3 || $2 > $4)); then
    fail "$1 takes a whole number from $3 to $4, not '$2'"
  fi
}

numbers() { # OPTION TEXT LEAST MOST
  local list one
  IFS=, read -ra list <<<"$2"
  ((${#list[@]} > 0)) || fail "$1 takes numbers, with a comma between"
  for one in "${list[@]}"; do number "$1" "$one" "$3" "$4"; done
}

read_arguments() {
  while (($# > 0)); do
    case $1 in
      -h | --help)
        usage
        exit 0
        ;;
      --ranks | --rate | --delay | --batch-norm | --steps | --bin)
        (($# > 1)) || fail "$1 needs a value; see --help"
        case $1 in
          --ranks) number "$1" "$2" 2 4 && ranks=$2 ;;
          --rate) numbers "$1" "$2" 1 100000 && rates=${2//,/ } ;;
          --delay) numbers "$1" "$2" 0 10000 && delays=${2//,/ } ;;
          --batch-norm)
            [[ $2 == sync || $2 == local ]] || fail "--batch-norm takes sync or local, not '$2'"
            batch_norm=$2
            ;;
          --steps) number "$1" "$2" 16 1800 && steps=$2 ;;
          --bin) bin=$2 ;;
        esac
        shift 2
        ;;
      steady | pause | cut)
        cases+=("$1")
        shift
        ;;
      *) fail "there is no option or case '$1'; see --help" ;;
    esac
  done
  ((${#cases[@]} > 0)) || fail "no case is given: steady, pause, cut; see --help"
}

find_program() {
  local folder
  for folder in ${bin:+"$bin"} "$root/build/release/bin" "$root/build/dev/bin"; do
    program=$folder/darts_search
    if [[ -x $program ]]; then
      program=$(readlink -f "$program")
      return
    fi
    [[ -z $bin ]] || break
  done
  fail "there is no $program; build it, or name its folder (--bin)"
}

# --- Outside: the namespaces and the folder, and their end

inside=""

# All namespaces hang on the first process within: when it ends, by whatever, nothing is left of them.
enter() {
  local rights=()
  [[ $(id -u) == 0 ]] || rights=(--user --map-root-user)
  local new=(unshare ${rights[@]+"${rights[@]}"} --net --mount --pid --fork --mount-proc --kill-child)
  if ! "${new[@]}" sh -c 'mount -t tmpfs none /run' 2>/dev/null; then
    say "cluster.sh: left out: it takes root, or the right to make namespaces, to simulate a network"
    exit 77
  fi
  folder=$(mktemp -d)
  trap clean EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # In the background, as a trap waits for what is in the foreground. What unshare itself says when its
  # child is killed is of no use.
  CLUSTER_FOLDER=$folder "${new[@]}" "$BASH" "$self" "$@" 3>&2 2>/dev/null &
  inside=$!
  local status=0
  wait "$inside" || status=$?
  inside=""
  exit "$status"
}

clean() {
  trap '' INT TERM HUP
  if [[ -n $inside ]]; then
    pkill -KILL -P "$inside" 2>/dev/null || true # its child, the first process within
    wait "$inside" 2>/dev/null || true
  fi
  rm -rf "$folder"
}

# --- Inside: the search

write_recipe() {
  mkdir "$folder/runs"
  cat >"$folder/cluster.yaml" <<YAML
extends: fashion_mnist
data: {limit: $((batch * 2 * (steps / 2)))}
space: {cells: 3, channels: 4, nodes: 2}
search: {epochs: 2, batch_size: $batch}
parallel: {batch_norm: $batch_norm}
run: {checkpoint_every_steps: 4, log_every_steps: 1}
YAML
}

pids=() outputs=() began=0

# One rank of so many, into a run directory that the ranks other than the first cannot see.
start_rank() { # RUN RANK SIZE OPTION …
  local run=$1 rank=$2 size=$3
  local output=$folder/$run.$rank.txt
  local command=("$program" --config "$folder/cluster.yaml" --run-dir "$folder/runs/$run" --device cpu)
  if ((rank > 0)); then
    # shellcheck disable=SC2016 # the inner shell's parameters
    command=(unshare --mount sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$folder/runs" "${command[@]}")
  fi
  nsenter --net="/run/netns/rank$rank" env RANK="$rank" WORLD_SIZE="$size" LOCAL_RANK=0 LOCAL_WORLD_SIZE=1 \
    MASTER_ADDR=10.77.0.1 MASTER_PORT="$port" OMP_NUM_THREADS=1 "${command[@]}" "${@:4}" \
    >"$output" 2>&1 </dev/null &
  pids+=($!)
  outputs+=("$output")
}

start() { # RUN SIZE OPTION …
  local rank
  pids=() outputs=() began=$EPOCHREALTIME
  for ((rank = 0; rank < $2; ++rank)); do start_rank "$1" "$rank" "${@:2}"; done
}

since() { awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $1 }"; }

running() { kill -0 "${pids[$1]}" 2>/dev/null; }

last_line() { tail -n 1 "${outputs[$1]}"; }

# Fills `statuses`, and `ended` with the seconds from `from` until each rank's end.
await() { # CASE FROM SECONDS
  local rank left
  statuses=() ended=()
  for (( ; ; )); do
    left=0
    for rank in "${!pids[@]}"; do
      if running "$rank"; then
        left=$((left + 1))
      elif [[ -z ${ended[rank]:-} ]]; then
        ended[rank]=$(since "$2")
        statuses[rank]=0
        wait "${pids[rank]}" || statuses[rank]=$?
      fi
    done
    ((left > 0)) || return 0
    for rank in "${!pids[@]}"; do
      if running "$rank" && awk "BEGIN { exit !($(since "$2") > $3) }"; then
        fail "$1: rank $rank of ${#pids[@]} still runs after $3 s; it said last: $(last_line "$rank")"
      fi
    done
    sleep 0.1
  done
}

await_success() { # CASE
  local rank
  await "$1" "$began" "$longest"
  for rank in "${!pids[@]}"; do
    ((statuses[rank] == 0)) || fail "$1: rank $rank ended with status ${statuses[rank]}: $(last_line "$rank")"
  done
}

steps_of() { # RUN
  local metrics=$folder/runs/$1/metrics.jsonl
  if [[ -f $metrics ]]; then grep -c '"kind":"step"' "$metrics" || true; else echo 0; fi
}

await_steps() { # CASE RUN STEPS
  while (($(steps_of "$2") < $3)); do
    local rank
    for rank in "${!pids[@]}"; do
      running "$rank" || fail "$1: rank $rank ended before step $3: $(last_line "$rank")"
    done
    awk "BEGIN { exit !($(since "$began") < $longest) }" || fail "$1: no step $3 within $longest s"
    sleep 0.02
  done
}

same_alphas() { # CASE RUN
  cmp -s "$folder/runs/$2/alphas.jsonl" "$folder/runs/undisturbed/alphas.jsonl" ||
    fail "$1: alphas.jsonl is not that of an undisturbed run"
}

# The run with which the others are compared.
undisturbed() {
  [[ ! -d $folder/runs/undisturbed ]] || return 0
  start undisturbed "$ranks"
  await_success undisturbed
}

images_per_second() { # RUN
  sed -n 's/.*"images_per_second":\([0-9.]*\).*/\1/p' "$folder/runs/$1/metrics.jsonl" | tail -n 1
}

# --- The cases

row() { printf '%-6s %-10s %-9s %-9s %s\n' "$@"; }

measured() { # RUN SIZE RATE DELAY
  local rate=$3 delay=$4 seconds images
  start "$1" "$2"
  await_success "steady"
  seconds=$(printf '%s\n' "${ended[@]}" | sort -g | tail -n 1)
  if ((rate == 0)); then rate="-"; fi
  if ((delay == 0)); then delay="-"; fi
  images=$(images_per_second "$1")
  row "$2" "$rate" "$delay" "$seconds" "$(printf '%.0f' "$images")"
}

case_steady() {
  local rate delay first=""
  row ranks Mbit/s "delay ms" seconds images/s
  measured alone 1 0 0
  for rate in $rates; do
    for delay in $delays; do
      set_links "$rate" "$delay"
      measured "steady-$rate-$delay" "$ranks" "$rate" "$delay"
      first=${first:-steady-$rate-$delay}
      cmp -s "$folder/runs/$first/alphas.jsonl" "$folder/runs/steady-$rate-$delay/alphas.jsonl" ||
        fail "steady: alphas.jsonl at $rate Mbit/s and $delay ms is not that of the first row of $ranks ranks"
    done
  done
  set_links "${rates%% *}" "${delays%% *}"
}

case_pause() {
  local before after
  undisturbed
  start pause "$ranks"
  await_steps pause pause $((steps / 4))
  last_link down
  sleep 0.5 # for what was already on its way
  before=$(steps_of pause)
  sleep "$((down - 1)).5"
  after=$(steps_of pause)
  last_link up
  ((after - before <= 1)) || fail "pause: the search went on without rank $((ranks - 1)), from step $before to $after"
  await_success pause
  same_alphas pause pause
  say "pause: the link was down for $down s at step $after of $(steps_of pause); the same alphas after ${ended[0]} s"
}

# The newest checkpoint, which has to be whole.
whole_checkpoint() { # RUN
  local newest
  newest=$(find "$folder/runs/$1/checkpoints" -name 'epoch_*.safetensors' | sort | tail -n 1)
  [[ -n $newest ]] || fail "cut: the run directory has no checkpoint"
  "$program" --derive "$newest" >"$folder/derive.txt" 2>&1 ||
    fail "cut: $(basename "$newest") cannot be read: $(tail -n 1 "$folder/derive.txt")"
  basename "$newest" .safetensors
}

case_cut() {
  local rank at cut_at checkpoint options=(--set "parallel.timeout_seconds=$timeout")
  undisturbed
  start cut "$ranks" "${options[@]}"
  await_steps cut cut $((steps / 2 + 5)) # beyond the second epoch's first checkpoint
  at=$(steps_of cut)
  cut_at=$EPOCHREALTIME
  last_link down
  await cut "$cut_at" $((timeout + slack))
  say "cut: the link went down at step $at; parallel.timeout_seconds is $timeout"
  for rank in "${!pids[@]}"; do
    say "  rank $rank: status ${statuses[rank]} after ${ended[rank]} s: $(last_line "$rank")"
  done
  for rank in "${!pids[@]}"; do
    ((statuses[rank] == 1)) || fail "cut: rank $rank ended with status ${statuses[rank]}, not 1"
    [[ $(grep -c '^error: ' "${outputs[rank]}") == 1 && $(last_line "$rank") == "error: "* ]] ||
      fail "cut: rank $rank does not end with one line that says why"
  done
  checkpoint=$(whole_checkpoint cut)
  last_link up
  start cut "$ranks" "${options[@]}"
  await_success cut
  grep -q '^resuming ' "${outputs[0]}" || fail "cut: started again, the search began anew"
  same_alphas cut cut
  say "cut: started again, the search went on from $checkpoint, to the same alphas"
}

# ---

read_arguments "$@"
find_program
if [[ -z ${CLUSTER_FOLDER:-} ]]; then enter "$@"; fi
exec 2>&3 3>&-
folder=$CLUSTER_FOLDER
set -E
trap 'fail "$BASH_COMMAND (line $LINENO) failed"' ERR
cd "$root" # for the recipe's paths
make_network
set_links "${rates%% *}" "${delays%% *}"
write_recipe
for each in "${cases[@]}"; do "case_$each"; done
