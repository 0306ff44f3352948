#!/bin/sh
# Runs the fuzz target for some seconds from the samples, bodies that are made to take long,
# and every input ever kept.
#   script/fuzz.sh BINARY SECONDS
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
sh "$root/test/fuzz/seeds.sh" "$root" "$seeds"
"$root/$1" --hostile "$seeds"
"$root/$1" -max_total_time="$2" -max_len=65536 -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$root/test/fuzz/corpus/" "$seeds" "$root/test/fuzz/corpus" 2>&1 |
    grep -E 'ERROR|SUMMARY|stat::number_of_executed_units|Test unit' || true
"$root/$1" -runs=0 "$root/test/fuzz/corpus" >/dev/null 2>&1
