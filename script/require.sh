#!/bin/bash
# Installs the Debian packages that are needed and not there, as root or through sudo; says
# plainly what is missing where it cannot.
#
#   script/require.sh [--check] [GROUP...]
#
# Groups: build (the extension itself), demo, test, console (its page in a browser), format,
# model; each of the others takes build along. --check installs nothing: it names what is missing and fails.
#
# What is needed is looked for by itself (a header, a program), not by its package: it may
# have come from anywhere.
set -euo pipefail

check=
if [ "${1:-}" = --check ]; then
    check=1
    shift
fi
groups=" ${*:-test} "
wanted() { [[ $groups == *" $1 "* ]]; }

say() { echo "msgext: $*" >&2; }
fail() { say "$@"; exit 1; }

# Where PostgreSQL is. A pg_config that was named must work; one that was not may be still to
# come, and then Debian's own choice of a major version is taken.
pg_config=${PG_CONFIG:-pg_config}
major=
if version=$("$pg_config" --version 2>/dev/null); then
    major=$(sed 's/^PostgreSQL \([0-9]*\).*/\1/' <<< "$version")
    [ "$major" -ge 15 ] || fail "$version is too old: 15 or later is needed (PG_CONFIG=/path/to/pg_config names another one)"
elif [ -n "${PG_CONFIG:-}" ] && [ "$PG_CONFIG" != pg_config ]; then
    fail "PG_CONFIG=$PG_CONFIG is no pg_config that runs"
fi
postgres_dir() { "$pg_config" "--$1" 2>/dev/null || echo /nowhere; }

missing=()
need() { # what to look for, package
    case $1 in
        /*) [ ! -e "$1" ] || return 0 ;;
        *.pc) ! pkg-config --exists "${1%.pc}" 2>/dev/null || return 0 ;;
        *::*) ! perl -M"$1" -e1 2>/dev/null || return 0 ;;
        *) ! PATH=$PATH:/usr/sbin command -v "$1" >/dev/null 2>&1 || return 0 ;;
    esac
    [[ " ${missing[*]} " == *" $2 "* ]] || missing+=("$2")
}

need gcc gcc
need /usr/include/stdio.h libc6-dev
need make make
need pkg-config pkg-config
need "$(postgres_dir includedir-server)/postgres.h" postgresql-server-dev-MAJOR
need libcurl.pc libcurl4-openssl-dev
need libssl.pc libssl-dev
need libxml-2.0.pc libxml2-dev
need libprotobuf-c.pc libprotobuf-c-dev
need protoc-c protobuf-c-compiler
need protoc protobuf-compiler
if [ "${LISTENER:-}" != no ] || wanted demo || wanted test; then
    need libmicrohttpd.pc libmicrohttpd-dev
fi

if wanted demo || wanted test; then
    need "$(postgres_dir bindir)/initdb" postgresql-MAJOR
    need jansson.pc libjansson-dev
    need libpq.pc libpq-dev
    need perl perl
    need curl curl
fi
if wanted test; then
    need prove perl
    need IPC::Run libipc-run-perl
    need openssl openssl
    need /etc/ssl/certs/ca-certificates.crt ca-certificates
    need nginx nginx-light
    need clang clang
    # The runtime of its sanitizers has the compiler's own version.
    if version=$(clang --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p' | head -1) && [ -n "$version" ]; then
        [ -n "$(find "$(clang -print-resource-dir)/" -name 'libclang_rt.fuzzer*' -print -quit 2>/dev/null)" ] ||
            missing+=("libclang-rt-$version-dev")
    else
        missing+=(libclang-rt-dev)
    fi
fi
# Another version lays out otherwise: without it the check is left out (script/format.sh).
optional=()
if wanted test || wanted format; then
    command -v clang-format-14 >/dev/null 2>&1 || clang-format --version 2>/dev/null | grep -q 'version 14\.' ||
        optional+=(clang-format-14)
fi
# Without these what docs/testing.md and docs/languages show by them is left out.
if wanted test; then
    [ -z "$major" ] || [ -e "$(postgres_dir sharedir)/extension/pgtap.control" ] ||
        optional+=("postgresql-$major-pgtap")
    /usr/bin/python3 -c 'import pytest, psycopg2' 2>/dev/null ||
        optional+=(python3-pytest python3-psycopg2)
    /usr/bin/python3 -c 'import psycopg' 2>/dev/null || optional+=(python3-psycopg)
fi
! wanted model || need spin spin
if wanted console; then
    need chromium chromium
    need node nodejs
    need npm npm
fi

# Without it the test of the metrics leaves a part out.
! wanted test || command -v promtool >/dev/null 2>&1 || optional+=(prometheus)

name_major() { # of the packages that have it in their name
    missing=("${missing[@]//MAJOR/$1}")
}
known() { [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]; }
# Whether an optional package can be had is known only where there is a list of packages.
kept=()
for package in "${optional[@]}"; do ! known "$package" || kept+=("$package"); done
[ ${#missing[@]} -gt 0 ] || [ ${#kept[@]} -gt 0 ] || exit 0

have_apt=
! command -v apt-get >/dev/null 2>&1 || have_apt=1
if [ "$(id -u)" = 0 ]; then
    run=()
elif [ -z "$check$have_apt" ]; then
    run=()
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    run=(sudo)
else
    [ ${#missing[@]} -gt 0 ] || exit 0
    check=1
fi
if [ -n "$check" ] || [ -z "$have_apt" ]; then
    [ ${#missing[@]} -gt 0 ] || exit 0
    name_major "${major:-$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')}"
    # Without a list of packages not even that is known: the packages that choose.
    missing=("${missing[@]/%postgresql-server-dev-/postgresql-server-dev-all}")
    missing=("${missing[@]/%postgresql-/postgresql}")
    say "not here, as Debian's packages: ${missing[*]}"
    [[ " ${missing[*]} " != *" libmicrohttpd-dev "* ]] || wanted demo || wanted test ||
        say '(libmicrohttpd is for the listener alone: make LISTENER=no goes without)'
    fail "to install them, as root: apt-get install ${missing[*]}"
fi

log=$(mktemp "${TMPDIR:-/tmp}/msgext-apt.XXXXXX")
trap 'rm -f "$log"' EXIT
apt() { # arguments of apt-get
    "${run[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q "$@" < /dev/null >> "$log" 2>&1 ||
        { tail -5 "$log" >&2; return 1; }
}
# What is optional is gone without, if it cannot be had.
give_up() {
    [ ${#missing[@]} -gt 0 ] || { say "could not install, and goes without: ${optional[*]}"; exit 0; }
    fail "could not install: ${missing[*]}"
}
apt update || give_up
name_major "${major:-$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')}"
for i in "${!missing[@]}"; do
    case ${missing[i]} in
        libclang-rt-*-dev) known "${missing[i]}" || missing[i]=libclang-rt-dev ;;
    esac
done
kept=()
for package in "${optional[@]}"; do ! known "$package" || kept+=("$package"); done
[ ${#missing[@]} -gt 0 ] || [ ${#kept[@]} -gt 0 ] || exit 0

echo "msgext: installing Debian's packages, once: ${missing[*]} ${kept[*]}"
# The cluster that Debian makes for a new server is not needed.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${run[@]}" mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | "${run[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
# Nor is a running nginx or Prometheus: nothing is started in runlevel 1.
[ ${#missing[@]} -eq 0 ] || apt install -y --no-install-recommends "${missing[@]}" || give_up
missing=()
[ ${#kept[@]} -eq 0 ] || apt install -y --no-install-recommends "${kept[@]}" || give_up
