#!/bin/bash
# make cassert: regress, isolation and TAP tests on a PostgreSQL with assertions.
#
#   script/cassert.sh                what "make cassert" runs
#   script/cassert.sh server DIR     only builds that PostgreSQL, into DIR
#
# PostgreSQL 15 is built from Debian's source, once, into a cache; msgext in a copy of its
# sources under build/, so that object files of two servers never mix.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# A server cannot run as root, and its user cannot read root's home.
if [ "$(id -u)" = 0 ]; then
    cache=${XDG_CACHE_HOME:-/var/cache}/msgext
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/msgext
fi
jobs=${JOBS:-2}

fail() { echo "msgext: $1" >&2; exit 1; }

# Leaves the source of postgresql-15 in the folder: from the mirror that this machine gets
# its packages from, with an index of our own, which needs no rights.
fetch_source() {
    local at=$1 file version options
    mkdir -p "$at/lists/partial" "$at/cache/archives/partial" "$at/parts"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -e "$file" ] ||
            sed -n 's/^deb\([[:space:]]\)/deb-src\1/p' "$file" > "$at/parts/$(basename "$file" .list).list"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ ! -e "$file" ] ||
            sed 's/^Types:.*/Types: deb-src/' "$file" > "$at/parts/$(basename "$file")"
    done
    options=(-q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$at/parts"
        -o Dir::State::Lists="$at/lists" -o Dir::Cache="$at/cache" -o APT::Sandbox::User=)
    # Not every source of a machine has an index of sources.
    apt-get "${options[@]}" update > "$at/apt.log" 2>&1 || true
    # Newest first; a mirror may be without the last update.
    for version in $(apt-cache "${options[@]}" showsrc postgresql-15 |
        sed -n 's/^Version: //p' | sort -rV); do
        ! (cd "$at" && apt-get "${options[@]}" source --download-only \
            "postgresql-15=$version" >> apt.log 2>&1) || return 0
    done
    cat "$at/apt.log" >&2
    fail 'could not get the source of postgresql-15'
}

# The release as its authors made it: Debian's patches move folders, no code of interest.
# Without readline, ICU and the like, which no test of ours uses. Fresh memory is full of
# rubbish there: what nobody has set does not happen to be zero.
build_server() {
    local prefix=$1
    [ ! -x "$prefix/bin/pg_config" ] || return 0
    work=$(mktemp -d "${TMPDIR:-/tmp}/msgext-cassert.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "msgext: building PostgreSQL with assertions into $prefix, once"
    fetch_source "$work"
    mkdir "$work/source"
    tar -xf "$work"/postgresql-15_*.orig.tar.* -C "$work/source" --strip-components=1
    (
        cd "$work/source"
        ./configure --prefix="$prefix" --enable-cassert --enable-debug --enable-tap-tests \
            --without-readline --with-openssl --with-libxml \
            CPPFLAGS=-DRANDOMIZE_ALLOCATED_MEMORY CFLAGS='-O1 -g -fno-omit-frame-pointer' > "$work/build.log" 2>&1 &&
            make -j"$jobs" >> "$work/build.log" 2>&1 &&
            make install >> "$work/build.log" 2>&1 &&
            make -C contrib/amcheck install >> "$work/build.log" 2>&1
    ) || {
        tail -30 "$work/build.log" >&2
        fail 'PostgreSQL with assertions could not be built'
    }
    chmod -R a+rX "$prefix"
    "$prefix/bin/pg_config" --version
}

if [ "${1:-}" = server ]; then
    build_server "$2"
    exit
fi

server=$cache/pg15-assertions
build_server "$server"
export PG_CONFIG=$server/bin/pg_config

copy=$root/build/cassert
rm -rf "$copy"
mkdir -p "$copy"
tar -c --exclude=./build --exclude=./.git --exclude='*.o' --exclude='*.so' . | tar -x -C "$copy"
cd "$copy"
make --no-print-directory -s -j"$jobs" all
make --no-print-directory -s regress isolation tap TAP="${TAP:-}"
echo 'No assertion failed.'
