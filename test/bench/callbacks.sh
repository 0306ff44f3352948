# What the listener takes, and what a flood at it leaves of the dispatcher's rate.
# Sourced by bench.sh.

# Each callback is of an id of its own, and is kept: the dearest case.
listen_for_callbacks() { # how many; sets hook
    hook=$(free_port)
    awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++)
        printf "[{\"messageId\":%d,\"status\":\"DELIVERED\",\"receivedAt\":\"2026-01-01 12:00:00\"}]\n", i }' > "$out/pushes"
    sql -c 'CREATE ROLE hooks' -c 'GRANT EXECUTE ON FUNCTION msgext.receive_callback TO hooks' \
        -c 'GRANT USAGE ON FOREIGN SERVER vk TO hooks' \
        -c "ALTER USER MAPPING FOR PUBLIC SERVER vk OPTIONS (ADD callback_token 'bench-bench-bench')" \
        -c 'ALTER DATABASE bench SET msgext.listen_role = hooks' \
        -c "ALTER DATABASE bench SET msgext.listen_port = $hook"
    until curl -sf "http://127.0.0.1:$hook/health" > /dev/null; do sleep 0.1; done
}

# flood PATH N: posts N callbacks, 64 at a time.
flood() { "$BENCH_BIN/ceiling" --to "$1" - "$hook" "$2" 64 "$out/pushes"; }

scenario_callbacks() { # rounds, messages, callbacks
    local i hook free kind seconds cpu_seconds bad flooding
    listen_for_callbacks "$3"
    for i in $(seq "$1"); do
        empty
        read -r seconds cpu_seconds bad < <(flood /vk/bench-bench-bench "$3")
        [ "$bad" = 0 ] || fail "$bad callbacks were not taken"
        put callbacks.rate "$(per_second "$3" "$seconds")"
        dispatch vk "$2"
        free=$rate
        for kind in bench-bench-bench wrong; do
            empty
            queue vk "$2"
            flood "/vk/$kind" 1000000000 > /dev/null &
            flooding=$!
            drain "$2"
            pkill -P "$flooding" || true
            wait "$flooding" 2> /dev/null || true
            put "callbacks.${kind%%-*}" "$(ratio "$rate" "$free")"
        done
    done
    sql -c 'ALTER DATABASE bench RESET msgext.listen_port'
    info callbacks "$(rates callbacks.rate) at the listener, 64 at a time, each committed before its answer"
    info dispatch_flooded "dispatch at $(ratios callbacks.bench) of its own rate beside such a flood, at $(ratios callbacks.wrong) beside one with a wrong token; all of it on the same CPUs"
}
