#!/bin/bash
# make coverage: which lines of src the tests run. Unit, regression and isolation tests and
# some of the TAP tests (TAP="FILE..." for others), on a copy of the sources that counts.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

copy=$(mktemp -d "${TMPDIR:-/tmp}/msgext-coverage.XXXXXX")
cleanup() {
    status=$?
    rm -rf "$copy"
    # What counts lines is no build for anybody else.
    [ ! -e "$root/msgext.so" ] || (cd "$root" && COVERAGE= script/install.sh)
    exit $status
}
trap cleanup EXIT
tar -c --exclude=./build --exclude=./.git --exclude='*.o' --exclude='*.so' . | tar -x -C "$copy"
cd "$copy"

export COVERAGE=--coverage
make="make --no-print-directory -s"
$make -j"${JOBS:-2}" all build/simulator
# Each server process writes its counts beside the objects when it ends.
[ "$(id -u)" != 0 ] || chown -R "$server_user" "$copy"
chmod 755 "$copy"
tap=${TAP:-test/t/001_send.pl test/t/003_callback.pl test/t/005_database.pl \
    test/t/012_process.pl test/t/020_diadoc.pl test/t/030_edna.pl test/t/040_personium.pl \
    test/t/050_listen.pl}
# shellcheck disable=SC2046,SC2086
{
    $make unit && script/install.sh &&
        script/test.sh regress $($make print-REGRESS) &&
        script/test.sh isolation $($make print-ISOLATION) &&
        script/test.sh tap $tap
} > "$copy/tests.log" 2>&1 || {
    tail -40 "$copy/tests.log" >&2
    exit 1
}

# A line counts as run if any of the programs it is part of has run it.
find . -name '*.gcda' | while read -r counts; do
    gcov -t -o "$(dirname "$counts")" "$counts" 2>/dev/null || true
done | awk -F: '
    $2 + 0 == 0 { if ($3 == "Source") file = $4; next }
    file !~ /^src\// || $1 ~ /^ *-/ { next }
    { line = file SUBSEP ($2 + 0); known[line] = 1; if ($1 !~ /[#=]/) run[line] = 1 }
    END {
        for (line in known) {
            split(line, part, SUBSEP); n = split(part[1], dir, "/")
            folder = dir[1] "/" dir[2] (n > 3 ? "/" dir[3] : "")
            all[folder]++; total++
            if (line in run) { done[folder]++; sum++ }
        }
        for (folder in all)
            printf "%-24s %6d of %6d lines  %5.1f %%\n", folder, done[folder], all[folder],
                100 * done[folder] / all[folder] | "sort"
        close("sort")
        printf "%-24s %6d of %6d lines  %5.1f %%\n", "src", sum, total, 100 * sum / total
    }'
