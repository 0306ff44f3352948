# Sourced by demo.sh and try.sh: a throwaway cluster whose socket is in $scratch/out, with database
# shop, and the simulator, at $peer. Everything lies in one folder under /tmp and is removed
# at the end.
. "$(dirname "$0")/common.sh"

make_scratch
data=$scratch/out/data
simulator_pid=
cleanup() {
    status=$?
    [ -z "$simulator_pid" ] || kill "$simulator_pid" 2>/dev/null || true
    as_user "$bindir/pg_ctl" -D "$data" -m fast -w stop >/dev/null 2>&1 || true
    if [ $status != 0 ]; then
        tail -20 "$scratch/out/server.log" >&2 2>/dev/null || true
    fi
    rm -rf "$scratch"
    exit $status
}
trap cleanup EXIT
cd "$scratch"

start_cluster() {
    as_user "$bindir/initdb" -D "$data" -A trust -U postgres >/dev/null
    cat >> "$data/postgresql.conf" <<CONF
shared_preload_libraries = 'msgext'
listen_addresses = ''
unix_socket_directories = '$scratch/out'
timezone = 'UTC'
CONF
    as_user "$bindir/pg_ctl" -D "$data" -l "$scratch/out/server.log" -w start >/dev/null
    as_user "$bindir/createdb" -h "$scratch/out" -U postgres shop
}

start_simulator() {
    # Its own pid, not that of the command which made it another user's.
    as_user sh -c 'echo $$ > "$1.pid"; exec "$0" --status-step 400 --webhook-secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw > "$1.log" 2>&1' \
        "$scratch/bin/simulator" "$scratch/out/simulator" &
    until grep -qs '^listening on' "$scratch/out/simulator.log"; do sleep 0.05; done
    simulator_pid=$(cat "$scratch/out/simulator.pid")
    peer=http://127.0.0.1:$(sed -n 's/^listening on 127.0.0.1://p' "$scratch/out/simulator.log")
}
