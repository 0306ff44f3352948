# What a call costs the application, beside a plain INSERT of the same payload; and what a
# message costs the disk. Sourced by bench.sh.

# enqueue_scripts: ours.sql and plain.sql for pgbench, which passes them the vk block. Each message
# goes to somebody else, as messages that many sessions queue at once do.
enqueue_scripts() {
    local body="replace(:body, '79000000001', '79' || lpad(:n::text, 9, '0'))::jsonb"
    sql -c 'SELECT vk FROM bench.body WHERE n = 1' > "$out/vk_block"
    printf '%s\n' '\set n random(1, 1000000)' "INSERT INTO bench.plain (server, payload) VALUES ('vk', $body);" > "$out/plain.sql"
    printf '%s\n' '\set n random(1, 1000000)' "SELECT msgext.send_vk('vk', $body);" > "$out/ours.sql"
}

pgbench_tps() { # clients, seconds, script
    pgbench -n -M prepared -c "$1" -j "$(($1 < 4 ? $1 : 4))" -T "$2" -D body="$(head -1 "$out/vk_block")" -f "$3" bench 2>> "$out/pgbench.log" |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

scenario_enqueue() { # rounds, seconds each
    local i clients plain ours
    enqueue_scripts
    for i in $(seq "$1"); do
        for clients in 1 4 64; do
            empty
            plain=$(pgbench_tps $clients "$2" "$out/plain.sql")
            empty
            ours=$(pgbench_tps $clients "$2" "$out/ours.sql")
            put "enqueue$clients.plain" "$plain"
            put "enqueue$clients.ours" "$ours"
            put "enqueue$clients.ratio" "$(ratio "$ours" "$plain")"
        done
    done
    for clients in 1 4 64; do
        report "enqueue_$clients" "$(of enqueue$clients.ratio | median)" '>=0.9' \
            "send_vk $(rates enqueue$clients.ours), plain INSERT $(rates enqueue$clients.plain); ratio $(of enqueue$clients.ratio | spread)"
    done
}

seconds_of() { # statement
    local begun ended
    begun=$(date +%s.%N)
    sql -c "$1" > /dev/null
    ended=$(date +%s.%N)
    awk -v a="$begun" -v b="$ended" 'BEGIN { printf "%.3f", b - a }'
}

scenario_enqueue_bulk() { # rounds
    local i ours kind
    local -A statement=(
        [plain]="INSERT INTO bench.plain (server, payload) SELECT 'vk', vk FROM bench.body"
        [found]="INSERT INTO bench.found (server, payload, recipient) SELECT 'vk', vk, vk ->> 'phone' FROM bench.body"
        [hooks]="SELECT count(msgext.send_webhook('hooks', 'order.shipped', vk)) FROM bench.body"
    )
    for i in $(seq "$1"); do
        empty
        ours=$(seconds_of "SELECT count(msgext.send_vk('vk', vk)) FROM bench.body")
        put bulk.ours "$(per_second 100000 "$ours")"
        for kind in plain found hooks; do
            empty
            put bulk.seconds "$(seconds_of "${statement[$kind]}")"
            put "bulk.$kind" "$(per_second 100000 "$(tail -1 "$out/bulk.seconds")")"
            put "bulk.$kind.ratio" "$(ratio "$(tail -1 "$out/bulk.seconds")" "$ours")"
        done
    done
    report enqueue_bulk "$(of bulk.plain.ratio | median)" '>=0.7' \
        "send_vk $(rates bulk.ours), plain INSERT … SELECT $(rates bulk.plain); ratio $(of bulk.plain.ratio | spread)"
    report enqueue_bulk_found "$(of bulk.found.ratio | median)" '>=0.7' \
        "plain INSERT … SELECT with indexes by time and recipient, too: $(rates bulk.found); ratio $(of bulk.found.ratio | spread)"
    info enqueue_bulk_hooks "send_webhook: $(rates bulk.hooks)"
}

wal() { sql -c "SELECT pg_current_wal_insert_lsn() - '0/0'"; }

# wal_of NAME.WORD N COMMAND...: puts down the bytes of WAL a message.
wal_of() {
    local begun
    begun=$(wal)
    "${@:3}" > /dev/null
    put "$1" "$(awk -v a="$begun" -v b="$(wal)" -v n="$2" 'BEGIN { printf "%.0f", (b - a) / n }')"
}
one_by_one() { # messages, script
    pgbench -n -M prepared -t "$1" -D body="$(head -1 "$out/vk_block")" -f "$2" bench 2>> "$out/pgbench.log"
}

# counted COLUMN N: waits until the counters of outbox have come to N. A session reports
# them when it ends, the worker about once a second.
counted() {
    local waited=0
    until [ "$(sql -c "SELECT $1 >= $2 FROM pg_stat_user_tables WHERE relid = 'msgext.outbox'::regclass")" = t ]; do
        [ $((waited += 1)) -le 100 ] || fail "$1 of outbox has not come to $2 within ten seconds"
        sleep 0.1
    done
}
drain_counted() {
    drain "$1"
    counted n_tup_upd "$1"
}

# For information: WAL and dead row versions of a message. empty ends with a checkpoint, so
# that what follows on new pages holds no page images; then one dispatch in which every
# page is written for the first time since a checkpoint.
scenario_cost() { # rounds, messages
    local i dead share left
    enqueue_scripts
    for i in $(seq "$1"); do
        empty
        wal_of cost.plain "$2" one_by_one "$2" "$out/plain.sql"
        empty
        wal_of cost.single "$2" one_by_one "$2" "$out/ours.sql"
        empty
        sql -c 'SELECT pg_stat_reset()' > /dev/null
        wal_of cost.bulk "$2" queue vk "$2"
        counted n_tup_ins "$2"
        put cost.queued_dead "$(sql -c "SELECT round(dead / $2, 3) FROM bench.versions")"
        sql -c 'SELECT pg_stat_reset()' > /dev/null
        wal_of cost.wal "$2" drain_counted "$2"
        IFS='|' read -r dead share left < <(sql -c "SELECT round(dead / $2, 3), round(100.0 * hot / updated, 1), round(\"left\" / $2, 3) FROM bench.versions")
        put cost.dead "$dead"
        put cost.hot "$share"
        put cost.left "$left"
        put_dispatch cost
        empty
        queue vk "$2"
        sql -c CHECKPOINT
        wal_of cost.cold "$2" drain "$2"
    done
    info cost_enqueue "WAL of a message queued: $(ratios cost.single) bytes in a transaction of its own, $(ratios cost.bulk) in bulk; plain INSERT in a transaction of its own: $(ratios cost.plain); $(of cost.queued_dead | median) row versions die of it"
    info cost_dispatch "of a message sent: WAL $(ratios cost.wal) bytes, with an image of each page after a checkpoint $(ratios cost.cold); $(ratios cost.dead) row versions die in all tables together, $(of cost.left | median) of them not yet pruned at the end; $(of cost.hot | median) % of the updates are HOT; $(costs cost)"
}
