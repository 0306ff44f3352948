#!/bin/bash
# Runs the tests: script/test.sh all | regress [NAME...] | isolation [NAME...] | tap [FILE...]
# JOBS=n: so many TAP files and compilers at a time, else one for each core and at least two.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

# A bare machine has none, and its databases would be of SQL_ASCII.
export LANG=C.UTF-8
unset LC_ALL LC_CTYPE

jobs=${JOBS:-$(nproc)}
[ -n "${JOBS:-}" ] || [ "$jobs" -gt 1 ] || jobs=2

keep_logs() {
    rm -rf "$root/build/test"
    mkdir -p "$root/build/test"
    cp -r "$scratch/out/." "$root/build/test/" 2>/dev/null || true
}
cleanup() {
    status=$?
    if [ $status != 0 ]; then
        keep_logs
        echo "msgext: logs of what failed are in build/test; of a TAP file, in" \
            "build/test/tmp_check/log (regress_log_NAME, and its servers' NAME_*.log)" >&2
    fi
    remove_disks
    rm -rf "$scratch"
    exit $status
}

# A step of "all": its name, its output, its time.
step() {
    local name=$1 begun=$SECONDS
    shift
    echo "== $name =="
    "$@"
    echo "-- $name: $((SECONDS - begun)) s"
}
run_make() { make --no-print-directory -s -j"$jobs" "$@"; }

# A server process may have died of a failed assertion while the tests went on.
check_assertions() {
    ! grep -rhE '^TRAP:' "$scratch/out" --include='*.log' || return 1
}

# Of a list in the Makefile: no names are all names.
names_of() { make -s --no-print-directory "print-$1"; }

run_regress() {
    [ $# -gt 0 ] || set -- $(names_of REGRESS)
    cat > "$scratch/out/regress.conf" <<'CONF'
timezone = 'UTC'
CONF
    (cd "$scratch" && as_user "$pgxs/test/regress/pg_regress" --inputdir=test/regress \
        --outputdir=out/regress --bindir="$bindir" --temp-instance=out/regress/instance \
        --temp-config=out/regress.conf --encoding=UTF8 --load-extension=msgext "$@") ||
        { cat "$scratch/out/regress/regression.diffs"; return 1; }
    check_assertions
}

run_isolation() {
    [ $# -gt 0 ] || set -- $(names_of ISOLATION)
    (cd "$scratch" && as_user "$pgxs/test/isolation/pg_isolation_regress" --inputdir=test \
        --outputdir=out/isolation --bindir="$bindir" --temp-instance=out/isolation/instance \
        --encoding=UTF8 --load-extension=msgext "$@") ||
        { cat "$scratch/out/isolation/regression.diffs"; return 1; }
    check_assertions
}

# To make a cluster takes longer than many a test: it is made once and then copied. What
# PostgreSQL::Test::Cluster finds in its path does so where it asks for a usual one.
make_template() {
    as_user "$bindir/initdb" -D "$scratch/template" -A trust -N >/dev/null
    cat > "$scratch/bin/initdb" <<WRAPPER
#!/bin/sh
[ \$# = 5 ] && [ "\$1 \$3 \$4 \$5" = '-D -A trust -N' ] &&
    exec cp -a '$scratch/template' "\$2"
exec '$bindir/initdb' "\$@"
WRAPPER
    chmod 755 "$scratch/bin/initdb"
}

# Large files first: they are those that take long. Every file has clusters, folders and
# simulators of its own; ports are reserved among all runs of the user.
run_tap() {
    [ $# -gt 0 ] || set -- $(ls -S test/t/*.pl)
    case "$*" in *chaos*) make_disks "${MSGEXT_CHAOS_CLUSTERS:-2}" ;; esac
    make_template
    (cd "$scratch" && as_user env PATH="$scratch/bin:$bindir:$PATH" \
        PERL5LIB="$pgxs/test/perl:$scratch/test/t" \
        PG_REGRESS="$pgxs/test/regress/pg_regress" TESTDIR="$scratch/out" \
        PG_TEST_PORT_DIR="${TMPDIR:-/tmp}/msgext-ports-$server_user" \
        TESTDATADIR="$scratch/out/tap" TESTLOGDIR="$scratch/out/log" \
        MSGEXT_SIMULATOR="$scratch/bin/simulator" MSGEXT_SOAK="${MSGEXT_SOAK:-}" \
        MSGEXT_BIN="$scratch/bin" MSGEXT_CHAOS_DISKS="$scratch/disk" \
        prove --jobs "$jobs" --timer --failures "$@")
    check_assertions
}

case ${1:-all} in
    all)
        step build run_make build-all
        step 'build of unit and fuzz' run_make build-checks
        step layers run_make check-layers
        step unit run_make unit
        step fuzz run_make fuzz
        make_scratch; trap cleanup EXIT
        step regress run_regress
        step isolation run_isolation
        step tap run_tap
        step format run_make check-format
        echo "All tests passed in $SECONDS s." ;;
    regress | isolation | tap)
        what=$1; shift
        make_scratch; trap cleanup EXIT
        "run_$what" "$@" ;;
    *)
        echo "usage: $0 all | regress [NAME...] | isolation [NAME...] | tap [FILE...]" >&2
        exit 2 ;;
esac
