#!/bin/bash
# Runs the benchmark: script/bench.sh [--save] [all | quick | SCENARIO...]
# --save writes the table with its conditions to docs/benchmarks.md.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

save=
if [ "${1:-}" = --save ]; then
    save=1
    shift
fi
make_scratch
trap 'rm -rf "$scratch"' EXIT
cp build/ceiling build/pace "$scratch/bin/"
as_user env BINDIR="$bindir" BENCH_BIN="$scratch/bin" BENCH_OUT="$scratch/out" \
    bash "$scratch/test/bench/bench.sh" "${@:-all}"

if [ -n "$save" ]; then
    mkdir -p docs
    {
        echo '# Benchmarks'
        echo
        echo "Written by \`script/bench.sh --save\`, which runs \`make bench\`; test/bench/README.md tells what each line means."
        echo
        cat "$scratch/out/conditions.txt"
        echo
        cat "$scratch/out/table.md"
    } > docs/benchmarks.md
fi
