#!/bin/sh
# Installs the Debian packages that building and testing need and that are not there,
# as root or through sudo; says plainly what is missing where it cannot.
set -eu

pg_config=${PG_CONFIG:-pg_config}
major=15
if command -v "$pg_config" >/dev/null 2>&1; then
    major=$("$pg_config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
fi

missing=
need() { # what to look for, package
    case $1 in
        /*) [ -e "$1" ] && return ;;
        *.pc) pkg-config --exists "${1%.pc}" 2>/dev/null && return ;;
        *::*) perl -M"$1" -e1 2>/dev/null && return ;;
        *) command -v "$1" >/dev/null 2>&1 && return ;;
    esac
    missing="$missing $2"
}

need gcc gcc
need make make
need pkg-config pkg-config
need perl perl
need prove perl
need clang-format clang-format
need clang clang
need /usr/lib/postgresql/$major/bin/initdb postgresql-$major
# Not pgxs.mk, which comes with the client: a machine with the server alone has no headers.
need /usr/include/postgresql/$major/server/postgres.h postgresql-server-dev-$major
need libcurl.pc libcurl4-openssl-dev
need libprotobuf-c.pc libprotobuf-c-dev
need protoc-c protobuf-c-compiler
need protoc protobuf-compiler
need libxml-2.0.pc libxml2-dev
need libmicrohttpd.pc libmicrohttpd-dev
need jansson.pc libjansson-dev
need libcrypto.pc libssl-dev
need libxml-2.0.pc libxml2-dev
need IPC::Run libipc-run-perl
need curl curl
need spin spin
need openssl openssl
need /usr/sbin/nginx nginx-light

# clang's runtime for fuzzing and the sanitizers has the compiler's own version.
if command -v clang >/dev/null 2>&1; then
    version=$(clang --version | sed -n 's/.*version \([0-9]*\).*/\1/p' | head -1)
else
    version=14
fi
[ -n "$(find /usr/lib/llvm-"$version"/lib/clang -name 'libclang_rt.fuzzer-*' 2>/dev/null | head -1)" ] ||
    missing="$missing libclang-rt-$version-dev"

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
    run=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    run=sudo
else
    echo "msgext: these Debian packages are missing:$missing" >&2
    echo "msgext: install them as root: apt-get install$missing" >&2
    exit 1
fi
echo "msgext: installing$missing"
$run apt-get update -qq
# The cluster that Debian makes for a new server is not needed.
$run mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' | $run tee /etc/postgresql-common/createcluster.conf >/dev/null
# Nor is a running nginx: nothing is started in runlevel 1.
# shellcheck disable=SC2086
$run env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
