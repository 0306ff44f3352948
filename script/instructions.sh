#!/bin/bash
# Counts the instructions that a message queued in bulk takes, and a plain INSERT of its
# payload, without and with indexes by time and by recipient: script/instructions.sh [MESSAGES];
# or those that a message sent takes, in the worker, in libcurl's thread and in bare libcurl:
# script/instructions.sh sent [MESSAGES]. Under valgrind: unlike times, the figures are the same
# on a busy machine. After "make build-all build/ceiling build/pace build/trigger.so".
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
command -v valgrind > /dev/null || {
    echo "msgext: instructions are counted by valgrind, which is not installed" >&2
    exit 1
}

if [ "${1:-}" = sent ]; then
    exec script/bench.sh "instructions${2:+=$2}"
fi
messages=${1:-4000}
make_scratch
trap 'rm -rf "$scratch"' EXIT
data=$scratch/out/data
export PGHOST=$scratch/out PGUSER=postgres
alone() { as_user "$@" "$bindir/postgres" --single -D "$data" bench; }

as_user "$bindir/initdb" -D "$data" -A trust -U postgres -E UTF8 --locale=C --no-sync > /dev/null
cat >> "$data/postgresql.conf" <<CONF
shared_preload_libraries = 'msgext'
listen_addresses = ''
unix_socket_directories = '$PGHOST'
msgext.mode = 'hold'
autovacuum = off
CONF
as_user "$bindir/pg_ctl" -D "$data" -s -w -l "$PGHOST/log" start
psql -Xqc 'CREATE DATABASE bench' postgres
psql -Xq -v ON_ERROR_STOP=1 -v port=1 -v dead_port=2 -f test/bench/bench.sql bench
psql -Xqc 'VACUUM (FREEZE, ANALYZE) bench.body' bench
as_user "$bindir/pg_ctl" -D "$data" -s -w -m fast stop

# count STATEMENT N: of the statement for N rows; a first one for ten fills the caches.
count() {
    rm -f "$PGHOST/callgrind"
    printf '%s\n' "${1//:n/10}" "${1//:n/$2}" | alone valgrind -q --tool=callgrind \
        --toggle-collect=PortalRun --callgrind-out-file="$PGHOST/callgrind" > /dev/null 2>&1
    sed -n 's/^\(totals\|summary\): *\([0-9]*\).*/\2/p' "$PGHOST/callgrind" | head -1
    echo 'TRUNCATE msgext.outbox, bench.plain, bench.found' | alone env > /dev/null 2>&1
}
# a_row STATEMENT: of one row more, in a table that has so many.
a_row() { echo $((($(count "$1" $((2 * messages))) - $(count "$1" "$messages")) / messages)); }

ours=$(a_row "SELECT count(msgext.send_vk('vk', vk)) FROM bench.body WHERE n <= :n")
plain=$(a_row "INSERT INTO bench.plain (server, payload) SELECT 'vk', vk FROM bench.body WHERE n <= :n")
found=$(a_row "INSERT INTO bench.found (server, payload, recipient) SELECT 'vk', vk, vk ->> 'phone' FROM bench.body WHERE n <= :n")
awk -v ours="$ours" -v plain="$plain" -v found="$found" 'BEGIN {
    printf "instructions a message, in bulk: send_vk %d; plain INSERT %d, ratio %.3f; with the same indexes %d, ratio %.3f\n",
        ours, plain, plain / ours, found, found / ours }'
