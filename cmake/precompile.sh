#!/bin/sh
# precompile.sh COMPILER ARGUMENT…: the compiler launcher of the precompiled header, on top of ccache.
# ccache hashes that header for every source that uses it, 700 MB in seconds; FILE.gch.sum spares it that
# (CCACHE_PCH_EXTSUM). And it takes one that is still there from before for a part of the new one.
set -eu

output="" before=""
for argument; do
  if [ "$before" = -o ]; then output="$argument"; fi
  before="$argument"
done
case "$output" in
  *.gch)
    rm -f "$output.sum" "$output"
    "$@"
    sha256sum <"$output" >"$output.sum"
    ;;
  *) exec "$@" ;;
esac
