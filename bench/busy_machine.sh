#!/usr/bin/env bash
# How much longer a first-order search step takes beside other work: one busy process on each core, in
# turns with a quiet machine. Several programs are compared in turns.
#
#   bench/busy_machine.sh [DARTS_BENCH …]       (default: build/release/bin/darts_bench)
#
# A fair share of the cores is 2 times; waiting for each other costs threads more.
set -euo pipefail
export LC_ALL=C # a comma in numbers is none to awk and printf

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,/^set/p' "$0" | sed -e 's/^# \{0,1\}//' -e '/^set/d'
  exit 0
fi
programs=("$@")
[[ $# -gt 0 ]] || programs=(build/release/bin/darts_bench)
for program in "${programs[@]}"; do
  if [[ ! -x $program ]]; then
    echo "busy_machine.sh: $program is not there; build it with -DDARTS_BUILD_BENCH=ON" >&2
    exit 1
  fi
done
turns=${TURNS:-5}
results=$(mktemp -d)
busy=()
# Those that this process may run on, which need not begin at 0: "0-3,6" is 0 1 2 3 6.
mapfile -t cores < <(taskset -cp $$ | sed 's/.*: //; s/,/\n/g' | while IFS=- read -r from to; do seq "$from" "${to:-$from}"; done)

quieten() {
  [[ ${#busy[@]} -eq 0 ]] || kill "${busy[@]}" 2>/dev/null || true
  [[ ${#busy[@]} -eq 0 ]] || wait "${busy[@]}" 2>/dev/null || true
  busy=()
}
trap 'quieten; rm -rf "$results"' EXIT

make_busy() {
  local core
  for core in "${cores[@]}"; do
    taskset -c "$core" bash -c 'while :; do :; done' &
    busy+=($!)
  done
}

# A step's seconds: the mean of 8.
step() {
  "$1" --work first --execution fused --channels 8 --cells 3 --batch 64 --threads "$(nproc)" \
    --rounds 1 --steps 8 --json "$results/report.json" >"$results/log" || {
    cat "$results/log" >&2
    return 1
  }
  sed -n 's/^ *"seconds": \([0-9.]*\),*$/\1/p' "$results/report.json" | head -1
}

for ((turn = 0; turn < turns; turn++)); do
  for i in "${!programs[@]}"; do
    step "${programs[i]}" >>"$results/quiet.$i"
    make_busy
    step "${programs[i]}" >>"$results/busy.$i"
    quieten
  done
done

# Of turns on a machine that others use, too, the least is luck.
middle() { sort -g "$1" | sed -n "$(((turns + 1) / 2))p"; }
printf '%-10s %-10s %-8s %s\n' quiet busy ratio program
for i in "${!programs[@]}"; do
  quiet=$(middle "$results/quiet.$i")
  loaded=$(middle "$results/busy.$i")
  printf '%-10.3f %-10.3f %-8.2f %s\n' "$quiet" "$loaded" \
    "$(awk "BEGIN { print $loaded / $quiet }")" "${programs[i]}"
done
