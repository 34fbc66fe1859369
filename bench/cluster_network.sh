# shellcheck shell=bash
# The network of bench/cluster.sh, which sources this within namespaces of its own: one namespace a rank, whose
# device eth0 is joined to a bridge in another one, slowed down on either side. Of the caller: $ranks, $delays, $root.
# shellcheck disable=SC2154 # they are set there

in_rank() { # RANK COMMAND …
  nsenter --net="/run/netns/rank$1" "${@:2}"
}

in_bridge() { nsenter --net=/run/netns/bridge "$@"; }

# How what a rank receives is delayed: by netem, by delayed_links.py, or not at all.
choose_delays() {
  delayed_by=none
  [[ ${delays// /} =~ [1-9] ]] || return 0
  if in_bridge tc qdisc replace dev hub root netem delay 1ms 2>/dev/null; then
    in_bridge tc qdisc del dev hub root
    delayed_by=netem
  elif start_delayed_links; then
    delayed_by=links
  else
    say "cluster.sh: delays are left out: the kernel has no netem, and there is no python3 or no /dev/net/tun"
    delays=0
  fi
}

start_delayed_links() {
  local answer=""
  coproc delayed_links { in_bridge python3 "$root/bench/delayed_links.py" "$ranks" 2>/dev/null; }
  read -r -t 10 answer <&"${delayed_links[0]}" || true
  [[ $answer == ready ]] || return 1
  exec {to_delayed_links}>&"${delayed_links[1]}"
}

# Devices to$1 at the bridge and eth0 at the rank.
join() {
  if [[ $delayed_by == links ]]; then
    in_bridge ip link set "of$1" netns "rank$1" name eth0
  else
    in_bridge ip link add "to$1" type veth peer name eth0 netns "rank$1"
  fi
}

make_network() {
  local rank
  mount -t tmpfs none /run
  ip netns add bridge
  in_bridge ip link add name hub type bridge
  in_bridge ip link set hub up
  choose_delays
  for ((rank = 0; rank < ranks; ++rank)); do
    ip netns add "rank$rank"
    join "$rank"
    in_bridge ip link set "to$rank" master hub up
    in_rank "$rank" ip address add "10.77.0.$((rank + 1))/24" dev eth0
    in_rank "$rank" ip link set lo up
    in_rank "$rank" ip link set eth0 up
  done
}

shape() { # RANK|bridge DEVICE RATE
  local burst=$(($3 * 125)) # bytes of 1 ms, but no less than the largest packet
  ((burst >= 65536)) || burst=65536
  nsenter --net="/run/netns/$1" tc qdisc replace dev "$2" root tbf rate "$3mbit" burst "$burst" latency 200ms
}

set_links() { # RATE DELAY
  local rank
  [[ $delayed_by != links ]] || echo "$2" >&"$to_delayed_links"
  for ((rank = 0; rank < ranks; ++rank)); do
    in_rank "$rank" tc qdisc del dev eth0 root 2>/dev/null || true
    in_bridge tc qdisc del dev "to$rank" root 2>/dev/null || true
    if (($1 > 0)); then shape "rank$rank" eth0 "$1"; fi
    if (($2 > 0)) && [[ $delayed_by == netem ]]; then
      local slow=()
      (($1 == 0)) || slow=(rate "$1mbit")
      in_bridge tc qdisc replace dev "to$rank" root netem delay "$2ms" ${slow[@]+"${slow[@]}"} limit 100000
    elif (($1 > 0)); then
      shape bridge "to$rank" "$1"
    fi
  done
}

# As if the cable were pulled: the rank keeps its address, and hears nothing.
last_link() { in_bridge ip link set "to$((ranks - 1))" "$1"; } # up|down
