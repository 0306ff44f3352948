# What vacuuming costs: the work that messages make for autovacuum, and the dispatcher beside a
# vacuum that must not be put off, against wraparound. Sourced by bench.sh.

# vacuumed SINCE: of the vacuums and analyses of our tables that the server's log tells from
# that byte on: how many, their seconds of processor time, their bytes of WAL.
vacuumed() {
    tail -c "+$(($1 + 1))" "$out/server.log" | awk '
        / automatic (aggressive )?(vacuum|analyze) / { ours = / of table "bench\.(msgext|pg_toast)\./; n += ours }
        ours && /WAL usage:/ { for (i = 2; i <= NF; i++) if ($i ~ /^bytes/) wal += $(i - 1) }
        ours && /system usage:/ {
            for (i = 2; i <= NF; i++) if ($i ~ /^(user|system):$/) cpu += $(i + 1)
            ours = 0
        }
        END { printf "%d %.2f %.0f\n", n, cpu, wal }'
}
log_size() { stat -c %s "$out/server.log"; }

# autovacuum_runs TABLE
autovacuum_runs() { sql -c "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relid = 'msgext.$1'::regclass"; }

# In a queue that is filled and sent over and over, as in life: nothing is truncated, for some
# minutes, since autovacuum looks once a minute.
scenario_autovacuum() { # times, messages
    local i since n cpu wal runs ended
    empty
    sql -c 'ALTER SYSTEM SET log_autovacuum_min_duration = 0'
    reload
    dispatch vk 1000
    since=$(log_size)
    for i in $(seq "$1"); do
        queue vk "$2"
        drain "$2"
        sent_at_once vk
        put_dispatch autovacuum
    done

    # The last of what has come together is its work too, unless it is too little for it: it has
    # looked twice then.
    runs=$(autovacuum_runs outbox)
    ended=$SECONDS
    until { [ "$(autovacuum_runs outbox)" -gt "$runs" ] || [ $((SECONDS - ended)) -gt 130 ]; } &&
        [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'")" = 0 ]; do sleep 1; done
    read -r n cpu wal < <(vacuumed "$since")
    [ "$n" -gt 0 ] || fail 'autovacuum has done nothing'
    sql -c 'ALTER SYSTEM RESET log_autovacuum_min_duration'
    reload
    info autovacuum "$(awk -v cpu="$cpu" -v wal="$wal" -v n="$(($1 * $2))" 'BEGIN {
        printf "%.1f µs of CPU and %.0f bytes of WAL a message", cpu * 1e6 / n, wal / n }') in $n vacuums and analyses of our tables, while $(($1 * $2)) were queued and sent; $(rates autovacuum.rate), $(costs autovacuum)"
}

# against_wraparound: what the vacuum of the outbox against wraparound says of itself, or nothing.
against_wraparound() {
    sql -c "SELECT p.heap_blks_scanned || ' of ' || p.heap_blks_total || ' pages' FROM pg_stat_progress_vacuum p JOIN pg_stat_activity a USING (pid)
        WHERE p.relid = 'msgext.outbox'::regclass AND a.query LIKE '%to prevent wraparound%'"
}

# The table is told that its transaction ids are old when a hundred thousand have been used
# since, and they are used. All of it is read and frozen, as after the usual number of them.
scenario_wraparound() { # finished messages, rounds, messages measured
    local i frozen at
    has_room wraparound "$(($1 / 300000 + 5))" || return 0
    alone wraparound "$2" "$3"
    fill_history "$1"
    settle_tables 'msgext.outbox, msgext.event, msgext.reference'
    queue vk "$(($2 * $3))"
    frozen=$(sql -c "SELECT relfrozenxid FROM pg_class WHERE oid = 'msgext.outbox'::regclass")
    sql -c "ALTER SYSTEM SET autovacuum_naptime = '1s'" -c 'ALTER TABLE msgext.outbox SET (autovacuum_freeze_max_age = 100000, autovacuum_freeze_table_age = 0, autovacuum_freeze_min_age = 0)' \
        -c 'CALL bench.use_transactions(120000)'
    reload
    for i in $(seq 600); do
        at=$(against_wraparound)
        [ -z "$at" ] || break
        sleep 0.1
    done
    [ -n "$at" ] || fail 'no vacuum against wraparound has begun'
    for i in $(seq "$2"); do
        drain "$3"
        put_dispatch wraparound
        at=$(against_wraparound)
        note "round $i ended with the vacuum at ${at:-its end}"
        [ -n "$at" ] || fail 'the vacuum ended too early to measure anything beside it'
        first=$((first + $3))
    done
    sent_at_once vk
    until [ "$(sql -c "SELECT relfrozenxid FROM pg_class WHERE oid = 'msgext.outbox'::regclass")" != "$frozen" ]; do sleep 1; done
    sql -c 'ALTER SYSTEM RESET autovacuum_naptime' -c 'ALTER TABLE msgext.outbox RESET (autovacuum_freeze_max_age, autovacuum_freeze_table_age, autovacuum_freeze_min_age)'
    reload
    alone wraparound "$2" "$3"
    report_flat wraparound "beside the vacuum against wraparound of an outbox with $1 finished messages"
}
