#!/bin/bash
# Runs the tests: script/test.sh all | regress NAME... | isolation NAME... | tap [FILE...]
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

keep_logs() {
    rm -rf "$root/build/test"
    mkdir -p "$root/build/test"
    cp -r "$scratch/out" "$root/build/test/" 2>/dev/null || true
}
cleanup() {
    status=$?
    if [ $status != 0 ]; then
        keep_logs
        echo "msgext: logs of what failed are in build/test" >&2
    fi
    rm -rf "$scratch"
    exit $status
}

run_regress() {
    cat > "$scratch/out/regress.conf" <<'CONF'
timezone = 'UTC'
CONF
    (cd "$scratch" && as_user "$pgxs/test/regress/pg_regress" --inputdir=test/regress \
        --outputdir=out/regress --bindir="$bindir" --temp-instance=out/regress/instance \
        --temp-config=out/regress.conf --encoding=UTF8 --load-extension=msgext "$@") ||
        { cat "$scratch/out/regress/regression.diffs"; return 1; }
}

run_isolation() {
    (cd "$scratch" && as_user "$pgxs/test/isolation/pg_isolation_regress" --inputdir=test \
        --outputdir=out/isolation --bindir="$bindir" --temp-instance=out/isolation/instance \
        --encoding=UTF8 --load-extension=msgext "$@") ||
        { cat "$scratch/out/isolation/regression.diffs"; return 1; }
}

run_tap() {
    [ $# -gt 0 ] || set -- test/t/*.pl
    (cd "$scratch" && as_user env PATH="$bindir:$PATH" PERL5LIB="$pgxs/test/perl:$scratch/test/t" \
        PG_REGRESS="$pgxs/test/regress/pg_regress" TESTDIR="$scratch/out" \
        TESTDATADIR="$scratch/out/tap" TESTLOGDIR="$scratch/out/log" \
        MSGEXT_SIMULATOR="$scratch/bin/simulator" MSGEXT_SOAK="${MSGEXT_SOAK:-}" \
        prove --timer --failures "$@")
}

case ${1:-all} in
    all)
        step() { echo "== $1 =="; }
        step 'format'; make --no-print-directory -s check-format
        step 'build'; make --no-print-directory -s build-all
        step 'layers'; make --no-print-directory -s check-layers
        step 'unit'; make --no-print-directory -s unit
        step 'fuzz'; make --no-print-directory -s fuzz
        make_scratch; trap cleanup EXIT
        step 'regress'; run_regress $(make -s --no-print-directory print-REGRESS)
        step 'isolation'; run_isolation $(make -s --no-print-directory print-ISOLATION)
        step 'tap'; run_tap
        echo 'All tests passed.' ;;
    regress | isolation | tap)
        what=$1; shift
        make_scratch; trap cleanup EXIT
        "run_$what" "$@" ;;
    *)
        echo "usage: $0 all | regress NAME... | isolation NAME... | tap [FILE...]" >&2
        exit 2 ;;
esac
