#!/bin/bash
# Runs the benchmark: script/bench.sh [--save] [all | quick | SCENARIO...] or --guard
# --save writes the table with its conditions to docs/benchmarks.md; --guard fails when the
# processor time of a message is more than 10 % above what is written there.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

# Compares the rows NAME_cpu of a run's results with those of the table that was saved.
compare() {
    awk -F '\t' 'NR == FNR { split($0, cell, / *\| */); saved[cell[2]] = cell[3]; next }
        $1 !~ /_cpu$/ { next }
        !($1 in saved) { printf "%s: %s; nothing saved to compare it with\n", $1, $2; next }
        { worse = $2 > saved[$1] * 1.1; failed += worse; compared++
          printf "%s: %s, saved %s%s\n", $1, $2, saved[$1], worse ? ": more than 10 % above it" : "" }
        END { exit failed > 0 || compared == 0 }' docs/benchmarks.md "$1"
}

save=
guard=
case ${1:-} in
    --save)
        save=1
        shift
        ;;
    --guard)
        guard=1
        set -- guard
        ;;
esac
make_scratch
trap 'rm -rf "$scratch"' EXIT
cp build/ceiling build/pace build/trigger.so "$scratch/bin/"
as_user env BINDIR="$bindir" BENCH_BIN="$scratch/bin" BENCH_OUT="$scratch/out" \
    bash "$scratch/test/bench/bench.sh" "${@:-all}"

[ -z "$guard" ] || compare "$scratch/out/results.tsv"
if [ -n "$save" ]; then
    mkdir -p docs
    {
        echo '# Benchmarks'
        echo
        cat "$scratch/out/expectations.txt"
        echo
        echo "Written by \`script/bench.sh --save\`, which runs \`make bench\`; [test/bench/README.md](../test/bench/README.md) tells what each line means, and what stands in the way of those that are short."
        echo
        cat "$scratch/out/conditions.txt"
        echo
        cat "$scratch/out/table.md"
    } > docs/benchmarks.md
fi
