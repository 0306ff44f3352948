# The two servers of a run: the simulator as the peer, and a throwaway PostgreSQL.
#
# Owns starting and stopping them, and the database bench. Every setting that decides
# about durability or cost stays as PostgreSQL has it. Sourced by bench.sh.

export PGHOST=$out PGPORT=5432 PGDATABASE=postgres PGAPPNAME=bench
export PGOPTIONS='-c client_min_messages=warning'
pids=

cleanup() {
    status=$?
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    pg_ctl -D "$out/data" -s -m immediate stop 2>/dev/null || true
    exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

# start_simulator NAME OPTIONS: sets port.
start_simulator() {
    "$BENCH_BIN/simulator" --no-checks "${@:2}" > "$out/$1.log" 2>&1 &
    pids="$pids $!"
    until grep -qs listening "$out/$1.log"; do
        kill -0 $! 2> /dev/null || fail "the simulator did not start: $(cat "$out/$1.log")"
        sleep 0.05
    done
    port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' "$out/$1.log")
}

# A port that nobody listens on.
free_port() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'; }

# The simulator's answers take that many milliseconds from now on.
answer_after() { curl -sf "http://127.0.0.1:$port/control/latency" --data-binary "$1" > /dev/null; }

start_cluster() {
    initdb -D "$out/data" -A trust -U postgres -E UTF8 --locale=C --no-sync > "$out/initdb.log"
    cat >> "$out/data/postgresql.conf" <<CONF
shared_preload_libraries = 'msgext'
listen_addresses = ''
unix_socket_directories = '$out'
port = $PGPORT
CONF
    pg_ctl -D "$out/data" -s -w -l "$out/server.log" start
}

restart_cluster() {
    pg_ctl -D "$out/data" -s -w -m fast -l "$out/server.log" restart
    until [ -n "$(worker)" ]; do sleep 0.1; done
}

prepare_database() {
    export PGUSER=postgres
    sql -c 'CREATE DATABASE bench'
    export PGDATABASE=bench
    enable off
    reload
    sql -v port="$port" -v dead_port="$dead_port" -f "$here/bench.sql"

    # The bodies as the dispatcher sends them: the payloads of queued messages.
    queue vk 1000
    sql -c "SELECT convert_from(payload, 'UTF8') FROM msgext.outbox ORDER BY id" > "$bodies"
    empty
    sql -c 'VACUUM (FREEZE, ANALYZE) bench.body'
    until [ -n "$(worker)" ]; do sleep 0.1; done
}

worker() { sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'msgext' AND datname = current_database()"; }

# cpu_ns PID: processor time of its first thread, and of all others: libcurl's.
cpu_ns() {
    local task first=0 others=0 used rest
    for task in "/proc/$1/task"/*; do
        read -r used rest 2> /dev/null < "$task/schedstat" || continue
        if [ "${task##*/}" = "$1" ]; then first=$used; else others=$((others + used)); fi
    done
    echo "$first $others"
}

# memory: kB of the worker, all and its own. "Private" of smaps would not do: it counts
# pages of shared_buffers that nobody else has touched yet.
memory() {
    awk '/^VmRSS:/ { all = $2 } /^RssAnon:/ { own = $2 } END { print all, own }' "/proc/$(worker)/status"
}

reload() { sql -c 'SELECT pg_reload_conf()' > /dev/null; }
enable() { sql -c "ALTER SYSTEM SET msgext.mode = $([ "$1" = on ] && echo live || echo hold)"; }
enabled() {
    enable on
    reload
}
# Nothing leaves any more, and nothing is under way.
disabled() {
    enable off
    reload
    sql -c 'CALL bench.settled()'
}

# Nothing queued, and nothing of what ran before left to be written to the disk.
empty() {
    sql -c 'TRUNCATE msgext.outbox, msgext.event, msgext.claim, msgext.reminder, msgext.reference, msgext.callback, msgext.recipient_use, bench.plain, bench.found' \
        -c CHECKPOINT
    sync
}

# has_room NAME GB: else a row that says so, and false.
has_room() {
    local free
    free=$(df --output=avail -BG "$out" | tail -1 | tr -dc 0-9)
    [ "$free" -ge "$2" ] || {
        info "$1" "not run: it wants $2 GB of disk, and $free GB are free"
        return 1
    }
}
