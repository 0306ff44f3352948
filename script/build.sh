#!/bin/bash
# Compiles with a count in place of the commands, then installs: script/build.sh TARGET...
# Called by make, whose jobs it shares.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${MAKEFLAGS:-} in
    *jobserver* | *-j*) jobs= ;;
    *) jobs=-j${JOBS:-$(nproc)} ;;
esac
make="make --no-print-directory $jobs"
is_step='^(gcc|cc|clang)[-0-9.]* '
# Nothing is to be done, or how much: what make would run.
steps=$(make --no-print-directory -n "$@" 2>/dev/null | grep -cE "$is_step" || true)
if [ "$steps" -gt 0 ]; then
    [ -t 1 ] && begin='\r' end='' || begin='' end=''
    printf 'msgext: compiling%s' "$([ -t 1 ] || echo ', a dot for ten files: ')"
    # shellcheck disable=SC2086
    $make "$@" | awk -v steps="$steps" -v begin="$begin" -v step="$is_step" '
        $0 !~ step { next }
        { n++ }
        begin != "" { printf "\rmsgext: compiling %d of %d", n, steps; fflush() }
        begin == "" && n % 10 == 0 { printf "."; fflush() }
        END { print "" }'
else
    # shellcheck disable=SC2086
    $make -s "$@"
fi
