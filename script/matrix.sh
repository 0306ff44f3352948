#!/bin/bash
# make matrix: builds and tests on every major version of PostgreSQL that Debian has, each in
# the suite that it comes with.
#
#   MATRIX='trixie sid' STEPS='build unit regress' TAP=test/t/001_send.pl make matrix
#
# The roots stay in the cache with their packages, brought up to date by each run.
set -euo pipefail
cd "$(dirname "$0")/.."
. script/root.sh
enter_namespaces "$@"

# The first major of a run is lent to the newer ones, which pg_upgrade from it: its programs
# with msgext in them, and its libraries where a newer Debian has them no more.
old_root=
old_major=
lend_old() { # root
    local place=/usr/lib/postgresql/$old_major missing library
    rm -rf "$1$place" "$1/usr/share/postgresql/$old_major"
    cp -a "$old_root$place" "$1/usr/lib/postgresql/"
    cp -a "$old_root/usr/share/postgresql/$old_major" "$1/usr/share/postgresql/"
    mkdir "$1$place/lib/debian"
    echo "$place/lib/debian" > "$1/etc/ld.so.conf.d/msgext-old.conf"
    while missing=$(in_root "$1" sh -c "ldd $place/bin/* $place/lib/msgext.so 2>/dev/null || :" |
        awk '/not found/ { print $1 }' | sort -u) && [ -n "$missing" ]; do
        for library in $missing; do
            cp -L "$old_root"/usr/lib/*/"$library" "$1$place/lib/debian/" || return 1
        done
        in_root "$1" ldconfig
    done
}

logs=build/matrix
rm -rf "$logs"
mkdir -p "$logs" "$cache/matrix"
status=0
table=
steps=${STEPS:-build unit regress isolation tap}

for suite in ${MATRIX:-bookworm trixie sid}; do
    root=$cache/matrix/$suite
    if [ -e "$root/made" ]; then
        mount_root "$suite" "$root"
        in_root "$root" sh -c 'apt-get update -qq && apt-get upgrade -y -qq' > "$logs/$suite-packages.log" 2>&1 ||
            fail "could not upgrade the root of $suite: $logs/$suite-packages.log"
    else
        rm -rf "$root"
        copy_root "$suite" "$root"
        install_in "$root" make
        touch "$root/made"
    fi
    rm -rf "$root/msgext"
    copy_sources "$root/msgext"
    in_root "$root" chown -R root:root /msgext
    in_root "$root" sh -c 'cd /msgext && script/require.sh test' ||
        fail "the packages of $suite could not be installed"
    server=$(in_root "$root" pg_config --version)
    major=$(sed 's/^PostgreSQL \([0-9]*\).*/\1/' <<< "$server")
    compiler=$(in_root "$root" gcc -dumpfullversion)
    old=
    if [ -n "$old_root" ] && [ "$major" -gt "$old_major" ]; then
        lend_old "$root" || fail "could not lend PostgreSQL $old_major to $suite"
        old=/usr/lib/postgresql/$old_major
    fi
    row=
    for step in $steps; do
        log=$logs/$suite-$step.log
        begun=$SECONDS
        echo "== $suite, $server, gcc $compiler: $step"
        target=$step
        [ "$step" != build ] || target=build-all
        if in_root "$root" env JOBS="${JOBS:-}" TAP="${TAP:-}" ${old:+MSGEXT_OLD_INSTALL="$old"} \
            sh -c "cd /msgext && make --no-print-directory $target" > "$log" 2>&1; then
            result=ok
        else
            result=FAILED
            status=1
            tail -20 "$log"
            rm -rf "${log%.log}.files"
            [ ! -d "$root/msgext/build/test" ] || mv "$root/msgext/build/test" "${log%.log}.files"
        fi
        row+=$(printf ' %-13s' "$result $((SECONDS - begun)) s")
        [ "$step:$result" != build:FAILED ] || break
        if [ "$step" = build ] && [ -z "$old_root" ]; then
            old_root=$root
            old_major=$major
        fi
    done
    table+=$(printf '%-10s %-7s %-7s%s' "$suite" "$(cut -d' ' -f2 <<< "$server")" "$compiler" "$row")$'\n'
    unmount_root "$root"
done

printf '\n%-10s %-7s %-7s' Debian server gcc
printf ' %-13s' $steps
printf '\n%s' "$table"
[ $status = 0 ] || echo "msgext: logs are in $logs" >&2
exit $status
