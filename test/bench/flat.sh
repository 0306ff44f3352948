# What must not make the dispatcher slower or larger: time, a queue, a history, somebody's
# transaction, another lane's peer. The yardstick is its own rate without. Sourced by bench.sh.

# alone NAME ROUNDS N [TABLES]: the yardstick, before and after what is measured, with
# those tables vacuumed and a checkpoint between queueing and sending.
alone() {
    local i
    for i in $(seq "$2"); do
        empty
        queue vk "$3"
        [ $# -lt 4 ] || settle_tables "$4"
        drain "$3"
        sent_at_once vk
        put_dispatch "$1.alone"
    done
}

# What autovacuum would still be doing to tables that were filled within minutes.
settle_tables() { sql -c "VACUUM (ANALYZE) $1" -c CHECKPOINT; }

# report_flat NAME TEXT
report_flat() {
    report "$1" "$(ratio "$(of "$1.rate" | median)" "$(of "$1.alone.rate" | median)")" '>=0.9' \
        "$(rates "$1.rate") $2, $(costs "$1"); $(rates "$1.alone.rate") without, $(costs "$1.alone")"
}

scenario_memory() { # messages at first, in all
    local few_rss few_own many_rss many_own sent
    empty
    restart_cluster
    dispatch vk "$1"
    read -r few_rss few_own < <(memory)
    put memory.own "$few_own"
    for ((sent = $1; sent < $2; sent += 100000)); do
        dispatch vk 100000
        read -r many_rss many_own < <(memory)
        put memory.own "$many_own"
    done
    report memory "$(ratio "$many_own" "$few_own")" '<=1.2' \
        "the worker's own memory $few_own kB after $1 messages, $many_own kB after $sent ($(of memory.own | spread) on the way); resident, with shared buffers, $few_rss and $many_rss kB"
}

# dispatch_grown N TIMES: without a TRUNCATE in between, so that dead versions stay.
dispatch_grown() {
    local i begun ended seconds=0
    empty
    for i in $(seq "$2"); do
        queue vk "$1"
        drain "$1"
        seconds=$(awk -v s="$seconds" -v n="$1" -v r="$rate" 'BEGIN { print s + n / r }')
    done
    rate=$(per_second "$(($1 * $2))" "$seconds")
}

# hold STATEMENT...: in a transaction that stays open, with a snapshot, until let_go.
hold() {
    local statement statements=()
    for statement; do statements+=(-c "$statement"); done
    PGAPPNAME=holder sql -c 'BEGIN ISOLATION LEVEL REPEATABLE READ' "${statements[@]}" -c 'SELECT pg_sleep(600)' > /dev/null 2>&1 &
    holder=$!
    until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder' AND backend_xid IS NOT NULL AND backend_xmin IS NOT NULL AND query LIKE '%pg_sleep%'")" = 1 ]; do
        sleep 0.1
    done
}
let_go() {
    sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'" > /dev/null
    wait "$holder" 2> /dev/null || true
}

scenario_held_transaction() { # rounds, messages, times
    local i free
    for i in $(seq "$1"); do
        dispatch_grown "$2" "$3"
        free=$rate
        put held.free "$rate"
        hold 'CREATE TEMP TABLE held ()'
        dispatch_grown "$2" "$3"
        put held.rate "$rate"
        put held.ratio "$(ratio "$rate" "$free")"
        let_go
    done
    report held_transaction "$(of held.ratio | median)" '>=0.9' \
        "$(rates held.rate) with a transaction held open, $(rates held.free) without; ratio $(of held.ratio | spread)"
}

# All answers have come, and none can be recorded, for the worker waits for a lock in what
# it does beside its turns; then all of them can.
scenario_turn() { # rounds, messages
    local i
    for i in $(seq "$1"); do
        empty
        queue_texts sms_flood "$2"
        answer_after 60000
        enabled
        until [ "$(sql -c 'SELECT coalesce(sum(cardinality(messages)), 0) FROM msgext.claim')" = "$2" ]; do sleep 0.05; done
        hold 'LOCK TABLE msgext.feed'
        until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'msgext' AND wait_event_type = 'Lock'")" = 1 ]; do sleep 0.1; done
        curl -sf -X POST "http://127.0.0.1:$port/control/release" > /dev/null
        sleep 3
        [ "$(sql -c "SELECT count(*) FROM msgext.outbox WHERE state = 'queued'")" = "$2" ] || fail 'results were recorded too early'
        sql -c 'SELECT msgext.stats_reset()' > /dev/null
        let_go
        until [ "$(sql -c "SELECT results >= $2 FROM msgext.pg_stat_msgext_worker WHERE process = 'dispatcher'")" = t ]; do sleep 0.1; done
        answer_after 0
        disabled
        sent_at_once sms_flood
        put turn.longest "$(sql -c "SELECT round(1000 * longest_turn::numeric, 1) FROM msgext.pg_stat_msgext_worker WHERE process = 'dispatcher'")"
        put turn.mean "$(sql -c "SELECT round(1000 * turn_time::numeric / turns, 1) FROM msgext.pg_stat_msgext_worker WHERE process = 'dispatcher'")"
    done
    report turn "$(of turn.longest | median)" '<=20' \
        "ms, the longest turn with $2 results waiting ($(of turn.longest | spread)); $(ratios turn.mean) on average"
}

# A peer that answers nothing within the server's timeout, 64 requests always waiting for
# it, and a long queue behind them.
scenario_dead_lane() { # queued for it, rounds, messages measured
    local i unknown
    alone dead_lane "$2" "$3"
    empty
    note "queueing $1"
    sql -c "CALL bench.fill('dead', $1)"
    enabled
    until [ "$(sql -c 'SELECT count(*) FROM msgext.claim')" -gt 0 ]; do sleep 0.1; done
    for i in $(seq "$2"); do
        disabled
        queue vk "$3"
        drain "$3"
        sent_at_once vk
        put_dispatch dead_lane
    done
    unknown=$(sql -c "SELECT count(*) FROM msgext.outbox WHERE server = 'dead' AND attempts > 0")
    [ "$unknown" -gt 0 ] || fail 'nothing was under way to the dead peer'
    alone dead_lane "$2" "$3"
    report_flat dead_lane "beside a lane of $1 whose peer never answers ($unknown of them tried)"
}

# fill_history N: finished messages with their events and references. Retention is on, as it
# always is, and has a quarter of them to remove.
fill_history() {
    local since fillfactor
    note "making a history of $1"
    dispatch vk 1000
    sql -c "SELECT '[{\"messageId\":' || provider_id || ',\"status\":\"DELIVERED\",\"receivedAt\":\"' || to_char(now(), 'YYYY-MM-DD HH24:MI:SS') || '\"}]'
        FROM msgext.outbox" | sql -v ON_ERROR_STOP=1 -c 'CREATE TEMP TABLE pushed (body text)' -c '\copy pushed FROM STDIN' \
        -c "SELECT sum(msgext.receive_callback('vk', convert_to(body, 'UTF8'))) FROM pushed" > /dev/null
    sql -c 'CALL bench.keep()'
    [ "$(sql -c 'SELECT count(*) FROM bench.message')" = 1000 ] || fail 'not all messages of the history were delivered'
    empty
    since=$(sql -c "SELECT setval('msgext.outbox_id_seq', last_value + $1) - $1 FROM msgext.outbox_id_seq")
    history_part event "$since" "$1" &
    history_part reference "$since" "$1"

    # As many rows on a page as queued ones find room: each has grown by its result there.
    fillfactor=$(sql -c "SELECT substring(reloptions[1] FROM 'fillfactor=(.*)') FROM pg_class WHERE oid = 'msgext.outbox'::regclass")
    sql -c "ALTER TABLE msgext.outbox SET (fillfactor = $((fillfactor * 13 / 10)))"
    history_part outbox "$since" "$1"
    sql -c "ALTER TABLE msgext.outbox SET (fillfactor = $fillfactor)"
    wait $! || fail 'the events of the history could not be made'
}
deleted() { sql -c "SELECT n_tup_del FROM pg_stat_user_tables WHERE relid = 'msgext.outbox'::regclass"; }
history_part() { sql -c "CALL bench.multiply('$1', $2, $3)"; }

# start_retention: a worker that starts looks at once for what is past it, else once a minute.
start_retention() {
    settle_tables 'msgext.outbox, msgext.event, msgext.reference'
    removed=$(deleted)
    restart_cluster
}

# retention_worked: sets removed to how much it has removed since it started.
retention_worked() {
    removed=$(($(deleted) - removed))
    [ "$removed" -gt 0 ] || fail 'retention removed nothing meanwhile'
}

scenario_history() { # finished messages, rounds, messages measured
    local i removed
    has_room history "$(($1 / 300000 + 5))" || return 0
    alone history "$2" "$3"
    fill_history "$1"
    start_retention
    for i in $(seq "$2"); do
        queue vk "$3"
        drain "$3"
        put_dispatch history
        sleep 1
    done
    retention_worked
    alone history "$2" "$3"
    put history.size "$1"
    report_flat history "beside $1 finished messages, of which retention removed $removed meanwhile"
}

# drain_backlog NAME ROUNDS N: of what is queued from the first message on, and not sent yet.
drain_backlog() {
    local i
    for i in $(seq "$2"); do
        first=$(sql -c "SELECT id FROM msgext.outbox WHERE id >= $first AND state = 'queued' ORDER BY id LIMIT 1")
        drain "$3"
        put_dispatch "$1"
        sleep 1
    done
}

scenario_backlog() { # queued, rounds, messages measured
    has_room backlog "$(($1 / 700000 + 5))" || return 0
    alone backlog "$2" "$3" msgext.outbox
    empty
    note "queueing $1"
    sql -c "CALL bench.fill('vk', $1)"
    settle_tables msgext.outbox
    first=$(sql -c 'SELECT min(id) FROM msgext.outbox')
    drain_backlog backlog "$2" "$3"
    alone backlog "$2" "$3" msgext.outbox
    put backlog.size "$1"
    report_flat backlog "with $1 queued"
}

# All of it at once.
scenario_years() { # finished messages, queued, rounds, messages measured
    local removed
    has_room years "$(($1 / 300000 + $2 / 700000 + 5))" || return 0
    alone years "$3" "$4" msgext.outbox
    fill_history "$1"
    note "queueing $2"
    first=$(sql -c 'SELECT last_value + 1 FROM msgext.outbox_id_seq')
    sql -c "CALL bench.fill('vk', $2)"
    start_retention
    hold 'CREATE TEMP TABLE held ()'
    drain_backlog years "$3" "$4"
    let_go
    retention_worked
    alone years "$3" "$4" msgext.outbox
    report_flat years "with $2 queued, beside $1 finished messages, of which retention removed $removed meanwhile, and with a transaction held open"
}
