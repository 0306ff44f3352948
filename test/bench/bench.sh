#!/bin/bash
# Measures the extension against what stands around it: see README.md.
#
#   bench.sh all | quick | SCENARIO...
#
# Run by script/bench.sh, as a user PostgreSQL runs as. Environment: BINDIR (PostgreSQL's
# programs), BENCH_BIN (simulator, ceiling, pace), BENCH_OUT (a folder of his own).
set -euo pipefail

out=$BENCH_OUT
PATH=$BINDIR:$PATH
export PGHOST=$out PGPORT=5432 PGDATABASE=postgres PGOPTIONS= PGAPPNAME=bench
pids=
results=$out/results.tsv
bodies=$out/bodies

cleanup() {
    status=$?
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    pg_ctl -D "$out/data" -s -m immediate stop 2>/dev/null || true
    exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

note() { echo "# $*" >&2; }
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

# Numbers, one a line.
median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
percentile() { sort -g | awk -v p="$1" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.9999); if (NR) print v[i < 1 ? 1 : i] }'; }
spread() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%s-%s", v[1], v[NR] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }

# report NAME RATIO TARGET(>=x or <=x) TEXT: the machine line, and a row of the table.
report() {
    local verdict
    verdict=$(awk -v r="$2" -v t="$3" 'BEGIN { v = substr(t, 3) + 0
        print ((t ~ /^>/ ? r + 0 >= v : r + 0 <= v) ? "ok" : "short") }')
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$verdict"
    printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$verdict" "$4" >> "$results"
}
info() {
    note "$1: $2"
    printf '%s\t\t\t\t%s\n' "$1" "$2" >> "$results"
}

# ------------------------------------------------------------------ the two servers

start_simulator() { # options
    "$BENCH_BIN/simulator" --no-checks "$@" > "$out/simulator.log" 2>&1 &
    simulator=$!
    pids="$pids $simulator"
    until grep -q listening "$out/simulator.log"; do sleep 0.05; done
    port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' "$out/simulator.log")
}
latency() { curl -sf "http://127.0.0.1:$port/control/latency" --data-binary "$1" > /dev/null; }

start_cluster() {
    initdb -D "$out/data" -A trust -U postgres -E UTF8 --locale=C --no-sync > "$out/initdb.log"
    # Everything that decides about durability and cost stays as PostgreSQL has it.
    cat >> "$out/data/postgresql.conf" <<CONF
shared_preload_libraries = 'msgext'
listen_addresses = ''
unix_socket_directories = '$out'
port = $PGPORT
CONF
    pg_ctl -D "$out/data" -s -w -l "$out/server.log" start
}
restart_cluster() { pg_ctl -D "$out/data" -s -w -m fast -l "$out/server.log" restart; }

worker() { sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'msgext' AND datname = current_database()"; }
cpu_s() { awk '{ print $1 / 1e9 }' "/proc/$1/schedstat"; }

enable() { sql -c "ALTER SYSTEM SET msgext.enabled = $1"; }
disabled() {
    enable off
    sql -c 'SELECT pg_reload_conf()' > /dev/null
    sql -c 'CALL bench.settled()'
}
empty() {
    sql -c 'TRUNCATE msgext.outbox, msgext.event, msgext.claim, msgext.due, msgext.reference, msgext.callback, msgext.recipient_use, bench.plain' \
        -c CHECKPOINT
}

prepare_database() {
    export PGUSER=postgres
    sql -c 'CREATE DATABASE bench'
    export PGDATABASE=bench
    sql -c "ALTER SYSTEM SET msgext.enabled = off" -c 'SELECT pg_reload_conf()' > /dev/null
    sql -f - <<SQL
CREATE EXTENSION msgext;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:$port/devino',
    rate_limit 'off', recipient_limit 'off', status_poll 'off', max_in_flight '64');
CREATE SERVER wide FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:$port/devino',
    rate_limit 'off', recipient_limit 'off', status_poll 'off', max_in_flight '512');
CREATE SERVER polled FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:$port/devino',
    rate_limit 'off', recipient_limit 'off', status_poll 'on', max_in_flight '64');
CREATE SERVER probe FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:$port/devino',
    rate_limit 'off', recipient_limit 'off', status_poll 'off', max_in_flight '64');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:$port/diadoc',
    status_poll 'off', max_in_flight '64');
CREATE USER MAPPING FOR PUBLIC SERVER docs
    OPTIONS (api_client_id 'simulator', login 'tester', password '111111');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:$port/edna/service',
    rate_limit 'off', status_poll 'off');
CREATE SERVER sms_single FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:$port/edna/service',
    rate_limit 'off', status_poll 'off', batch_size '1');
CREATE SERVER sms_single_wide FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:$port/edna/service',
    rate_limit 'off', status_poll 'off', batch_size '1', max_in_flight '64');
CREATE USER MAPPING FOR PUBLIC SERVER sms OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER sms_single OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER sms_single_wide OPTIONS (login 'tester', password '111111');
CREATE SERVER cells FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:$port/personium/shop',
    max_in_flight '64');
CREATE USER MAPPING FOR PUBLIC SERVER cells OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER wide OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER polled OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER probe OPTIONS (login 'tester', password '111111');

CREATE SCHEMA bench;

-- What is sent, made beforehand: about 300 bytes of JSON each.
CREATE TABLE bench.body (n int PRIMARY KEY, vk jsonb);
INSERT INTO bench.body
SELECT n, jsonb_build_object('subject', 'Shop24', 'priority', 'high', 'routes', '["vk"]'::jsonb,
    'validityPeriod', 3600, 'phone', '79' || lpad(n::text, 9, '0'), 'templateId', 4711,
    'templateData', jsonb_build_object('name', 'Recipient number ' || n, 'order', 'A-' || n,
        'text', 'Your order has been handed to the courier and will be with you between 14 and 18'))
FROM generate_series(1, 100000) n;

-- A table that somebody would queue in without us: primary key, and an index like a lane's.
CREATE SEQUENCE bench.plain_id_seq;
CREATE TABLE bench.plain (
    id bigint PRIMARY KEY DEFAULT nextval('bench.plain_id_seq'),
    created_at timestamptz NOT NULL DEFAULT now(),
    server text NOT NULL, priority smallint NOT NULL DEFAULT 3,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(), payload jsonb NOT NULL);
CREATE INDEX ON bench.plain (server, priority, xid, id);

-- Waits until nothing is on its way.
CREATE PROCEDURE bench.settled() LANGUAGE plpgsql AS \$\$
BEGIN
    WHILE EXISTS (SELECT FROM msgext.claim) LOOP
        COMMIT;
        PERFORM pg_sleep(0.02);
    END LOOP;
END\$\$;

-- Lets the dispatcher loose, and tells the seconds until message "until" and those before
-- it have been recorded. Looks at one row at a time: an index entry, no count.
CREATE PROCEDURE bench.drain(until bigint, INOUT seconds float8 = NULL) LANGUAGE plpgsql AS \$\$
DECLARE
    begun timestamptz := clock_timestamp();
BEGIN
    PERFORM pg_reload_conf();
    LOOP
        COMMIT;
        PERFORM pg_sleep(0.01);
        IF NOT EXISTS (SELECT FROM msgext.outbox WHERE id = until AND state = 'queued') THEN
            EXIT WHEN NOT EXISTS (SELECT FROM msgext.claim c, unnest(c.messages) m
                WHERE m <= until AND EXISTS (SELECT FROM msgext.outbox o
                    WHERE o.id = m AND o.state = 'queued'));
        END IF;
        IF clock_timestamp() > begun + interval '5 minutes' THEN
            RAISE EXCEPTION 'the queue does not end';
        END IF;
    END LOOP;
    seconds := extract(epoch FROM clock_timestamp() - begun);
END\$\$;
SQL
    # The bodies as the dispatcher sends them: the payloads of queued messages.
    queue vk 1000
    sql -c "SELECT convert_from(payload, 'UTF8') FROM msgext.outbox ORDER BY id" > "$bodies"
    empty
    sql -c 'VACUUM (FREEZE, ANALYZE) bench.body'
    until [ -n "$(worker)" ]; do sleep 0.1; done
}

# queue SERVER N: prints nothing; N may exceed the number of bodies.
queue() {
    sql -c "SELECT count(msgext.send_vk('$1', vk)) FROM bench.body, generate_series(0, ($2 - 1) / 100000) g
        WHERE n + g * 100000 <= $2" > /dev/null
}
first_id() { sql -c 'SELECT min(id) FROM msgext.outbox'; }

# drain N: dispatches the first N queued; sets rate, and cpu (µs of the worker a message).
drain() {
    local first seconds pid before
    first=$(first_id)
    pid=$(worker)
    enable on
    before=$(cpu_s "$pid")
    seconds=$(sql -c "CALL bench.drain($first + $1 - 1)")
    cpu=$(awk -v a="$before" -v b="$(cpu_s "$pid")" -v n="$1" 'BEGIN { printf "%.1f", (b - a) * 1e6 / n }')
    rate=$(awk -v n="$1" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')
    disabled
}

# dispatch SERVER N
dispatch() {
    empty
    queue "$1" "$2"
    drain "$2"
    local left
    left=$(sql -c "SELECT count(*) FROM msgext.outbox WHERE state = 'queued' OR attempts <> 1")
    [ "$left" = 0 ] || { note "$left messages were not sent at the first attempt"; exit 1; }
}

# ceiling N IN_FLIGHT [OPTIONS]: sets rate and cpu.
ceiling() {
    local seconds cpu_seconds bad
    read -r seconds cpu_seconds bad < <("$BENCH_BIN/ceiling" "${@:3}" "$port" "$1" "$2" "$bodies")
    [ "$bad" = 0 ] || { note "$bad requests of the yardstick failed"; exit 1; }
    rate=$(awk -v n="$1" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')
    cpu=$(awk -v n="$1" -v s="$cpu_seconds" 'BEGIN { printf "%.1f", s * 1e6 / n }')
}

# ------------------------------------------------------------------ scenarios

# of NAME WORD: the numbers that scenario NAME has put down under WORD.
put() { echo "$2" >> "$out/$1"; }
of() { cat "$out/$1"; }

scenario_dispatch() { # rounds, messages
    local i
    for i in $(seq "$1"); do
        ceiling "$2" 64
        put dispatch.bare "$rate"; put dispatch.bare_cpu "$cpu"
        local bare=$rate
        dispatch vk "$2"
        put dispatch.rate "$rate"; put dispatch.cpu "$cpu"
        put dispatch.ratio "$(ratio "$rate" "$bare")"
    done
    report dispatch "$(of dispatch.ratio | median)" '>=0.7' \
        "$(of dispatch.rate | median)/s ($(of dispatch.rate | spread)), worker $(of dispatch.cpu | median) µs each; bare libcurl $(of dispatch.bare | median)/s ($(of dispatch.bare | spread)), $(of dispatch.bare_cpu | median) µs; ratio $(of dispatch.ratio | spread)"
}

scenario_dispatch_polled() { # rounds, messages
    local i
    for i in $(seq "$1"); do
        dispatch polled "$2"
        put polled.rate "$rate"; put polled.cpu "$cpu"
    done
    info dispatch_polled "with status_poll on: $(of polled.rate | median)/s ($(of polled.rate | spread)), worker $(of polled.cpu | median) µs each"
}

# queue_documents N: Diadoc messages of one document of 10 kB each.
queue_documents() {
    sql -c "SELECT count(msgext.post_message('docs', '{
            \"FromBoxId\": \"db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b\",
            \"ToBoxId\": \"1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru\",
            \"DocumentAttachments\": [{\"TypeNamedId\": \"Nonformalized\",
                \"SignedContent\": {\"Content\": {\"part\": 1}, \"SignWithTestSignature\": true},
                \"Metadata\": [{\"Key\": \"FileName\", \"Value\": \"a.txt\"}]}]}',
            parts => ARRAY[convert_to(repeat(md5(n::text), 320), 'UTF8')]))
        FROM generate_series(1, $1) n" > /dev/null
}

# The yardstick posts as many bytes, to the peer's cheaper interface.
scenario_documents() { # rounds, messages
    local i small=$bodies
    awk 'BEGIN { for (i = 0; i < 320; i++) filler = filler "0123456789abcdef0123456789abcdef"
        for (i = 1; i <= 100; i++) printf "{\"vk\":{\"phone\":\"79%09d\",\"text\":\"%s\"}}\n", i, filler }' > "$out/large"
    for i in $(seq "$1"); do
        bodies=$out/large
        ceiling "$2" 64
        bodies=$small
        put documents.bare "$rate"
        local bare=$rate
        empty
        queue_documents "$2"
        drain "$2"
        put documents.rate "$rate"; put documents.cpu "$cpu"
        put documents.ratio "$(ratio "$rate" "$bare")"
    done
    info dispatch_documents "Diadoc, 10 kB each: $(of documents.rate | median)/s ($(of documents.rate | spread)), worker $(of documents.cpu | median) µs each; bare libcurl $(of documents.bare | median)/s; ratio $(of documents.ratio | median)"
}

# queue_texts SERVER N
queue_texts() {
    sql -c "SELECT count(msgext.post_message('$1', jsonb_build_object('subject', 'Shop24', 'priority', 'high',
            'address', '79' || lpad(n::text, 9, '0'), 'content', 'Recipient number ' || n
            || ': your order has been handed to the courier and will be with you between 14 and 18')))
        FROM generate_series(1, $2) n" > /dev/null
}

# The same messages one at a time and in packets of 100, each one packet at a time, as the
# wrapper's default is. One a packet with 64 in flight is for information.
scenario_packets() { # rounds, messages, of them one by one
    local i single
    for i in $(seq "$1"); do
        empty
        queue_texts sms_single "$3"
        drain "$3"
        put packets.single "$rate"; put packets.single_cpu "$cpu"
        single=$rate
        empty
        queue_texts sms "$2"
        drain "$2"
        put packets.rate "$rate"; put packets.cpu "$cpu"
        put packets.ratio "$(ratio "$rate" "$single")"
        put packets_wide.packets "$rate"
        empty
        queue_texts sms_single_wide "$2"
        drain "$2"
        put packets_wide.rate "$rate"; put packets_wide.cpu "$cpu"
        put packets_wide.ratio "$(ratio "$(of packets_wide.packets | tail -1)" "$rate")"
    done
    report packets "$(of packets.ratio | median)" '>=4' \
        "edna in packets of 100: $(of packets.rate | median)/s ($(of packets.rate | spread)), worker $(of packets.cpu | median) µs each; one a packet: $(of packets.single | median)/s ($(of packets.single | spread)), $(of packets.single_cpu | median) µs; ratio $(of packets.ratio | spread)"
    info packets_wide "one a packet, 64 in flight: $(of packets_wide.rate | median)/s ($(of packets_wide.rate | spread)), worker $(of packets_wide.cpu | median) µs each; packets of 100, one at a time, against it: $(of packets_wide.ratio | median)"
}

# Personium, one target each: the same bodies to the same interface.
scenario_cells() { # rounds, messages
    local i small=$bodies token
    token=$(curl -sf "http://127.0.0.1:$port/personium/shop/__token" \
        -d 'grant_type=password&username=tester&password=111111' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
    for i in $(seq "$1"); do
        empty
        sql -c "SELECT count(msgext.post_message('cells', jsonb_build_object('Title', 'Order A-' || n,
                'To', 'https://unit.example/cell' || n || '/', 'Body',
                'Your order has been handed to the courier and will be with you between 14 and 18')))
            FROM generate_series(1, $2) n" > /dev/null
        sql -c "SELECT convert_from(payload, 'UTF8') FROM msgext.outbox ORDER BY id LIMIT 1000" > "$out/cells"
        bodies=$out/cells
        ceiling "$2" 64 --to /personium/shop/__message/send "$token"
        bodies=$small
        put cells.bare "$rate"; put cells.bare_cpu "$cpu"
        local bare=$rate
        drain "$2"
        put cells.rate "$rate"; put cells.cpu "$cpu"
        put cells.ratio "$(ratio "$rate" "$bare")"
    done
    report dispatch_cells "$(of cells.ratio | median)" '>=0.7' \
        "Personium, one target each: $(of cells.rate | median)/s ($(of cells.rate | spread)), worker $(of cells.cpu | median) µs each; bare libcurl $(of cells.bare | median)/s ($(of cells.bare | spread)), $(of cells.bare_cpu | median) µs; ratio $(of cells.ratio | spread)"
}

scenario_slow_peer() { # rounds, messages
    local i
    latency 50
    for i in $(seq "$1"); do
        ceiling "$2" 512
        put slow.bare "$rate"
        dispatch wide "$2"
        put slow.rate "$rate"; put slow.cpu "$cpu"
        put slow.ratio "$(ratio "$rate" 10240)"
    done
    latency 0
    report dispatch_50ms "$(of slow.ratio | median)" '>=0.9' \
        "$(of slow.rate | median)/s ($(of slow.rate | spread)) of 512 / 50 ms = 10240/s, worker $(of slow.cpu | median) µs each; bare libcurl $(of slow.bare | median)/s"
}

# pace_bodies N: blocks with phones that were not used before.
next_phone=1
pace_bodies() { # form: vk block or whole body
    awk -v from="$next_phone" -v n="$1" -v whole="$2" 'BEGIN { for (i = from; i < from + n; i++) {
        vk = sprintf("{\"subject\":\"Shop24\",\"priority\":\"high\",\"routes\":[\"vk\"],\"validityPeriod\":3600,\"phone\":\"79%09d\",\"templateId\":4711,\"templateData\":{\"name\":\"Recipient number %d\",\"text\":\"to be timed: Your order has been handed to the courier and will be with you soon\"}}", i, i)
        print whole ? "{\"vk\":" vk "}" : vk } }'
    next_phone=$((next_phone + $1))
}

# arrivals: phone and microseconds of what the peer has timed.
arrivals() {
    curl -sf "http://127.0.0.1:$port/ledger" |
        sed -n 's/.*"at_us":\([0-9]*\).*phone[^0-9]*\([0-9]*\).*/\2 \1/p' | sort
}

# time_bare N FILE and time_ours N FILE: microseconds to arrival, appended to FILE.
time_bare() {
    pace_bodies "$1" 1 > "$out/paced"
    "$BENCH_BIN/ceiling" --pace 50 "$port" "$1" "$out/paced" > "$out/sent"
    match "$1" "$2" 2 3
}
time_ours() {
    pace_bodies "$1" '' > "$out/paced"
    "$BENCH_BIN/pace" "" probe 50 "$1" "$out/paced" > "$out/sent"
    sleep 1
    match "$1" "$2" 3 4
    match "$1" "$2.sent" 2 4
}
match() { # how many, to, column sent, column arrived
    arrivals > "$out/arrived"
    sort "$out/sent" | join - "$out/arrived" | awk -v s="$3" -v a="$4" '{ print $a - $s }' > "$out/matched"
    [ "$(wc -l < "$out/matched")" = "$1" ] || { note "$(wc -l < "$out/matched") of $1 timed messages arrived"; exit 1; }
    cat "$out/matched" >> "$2"
}

show_times() { awk -v m="$(percentile 50 < "$1")" -v h="$(percentile 99 < "$1")" 'BEGIN { printf "p50 %.0f, p99 %.0f µs", m, h }'; }

scenario_latency() { # rounds, messages a round, messages that saturate the other lane
    local i
    for i in $(seq "$1"); do
        empty
        time_bare "$2" "$out/latency.bare"
        enable on
        sql -c 'SELECT pg_reload_conf()' > /dev/null
        time_ours "$2" "$out/latency.ours"
        disabled
        queue vk "$3"
        enable on
        sql -c 'SELECT pg_reload_conf()' > /dev/null
        sleep 0.5
        time_ours "$2" "$out/latency.busy"
        if [ "$(sql -c "SELECT count(*) FROM (SELECT FROM msgext.outbox WHERE server = 'vk' AND state = 'queued' LIMIT 65) o")" -lt 65 ]; then
            note 'the other lane ran dry: give it more messages'
            put latency.dry 1
        fi
        disabled
    done
    local bare50 bare99 ours50 ours99 busy50 busy99
    bare50=$(percentile 50 < "$out/latency.bare"); bare99=$(percentile 99 < "$out/latency.bare")
    ours50=$(percentile 50 < "$out/latency.ours"); ours99=$(percentile 99 < "$out/latency.ours")
    busy50=$(percentile 50 < "$out/latency.busy"); busy99=$(percentile 99 < "$out/latency.busy")
    report latency_p50 "$(ratio "$ours50" "$bare50")" '<=2' \
        "COMMIT answered to request at the peer: $(show_times "$out/latency.ours"); counted from COMMIT sent: $(show_times "$out/latency.ours.sent"); bare libcurl: $(show_times "$out/latency.bare")"
    report latency_p99 "$(ratio "$ours99" "$bare99")" '<=4' "see above"
    report latency_busy_p50 "$(ratio "$busy50" "$ours50")" '<=5' \
        "beside a saturated lane: $(show_times "$out/latency.busy"); counted from COMMIT sent: $(show_times "$out/latency.busy.sent")"
    report latency_busy_p99 "$(ratio "$busy99" "$ours99")" '<=5' "see above"
}

pgbench_tps() { # clients, seconds, script
    pgbench -n -M prepared -c "$1" -j "$1" -T "$2" -D body="$(head -1 "$out/vk_block")" -f "$3" bench 2>> "$out/pgbench.log" |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

scenario_enqueue() { # rounds, seconds each
    local i clients plain ours
    sql -c 'SELECT vk FROM bench.body WHERE n = 1' > "$out/vk_block"
    echo "INSERT INTO bench.plain (server, payload) VALUES ('vk', :body);" > "$out/plain.sql"
    echo "SELECT msgext.send_vk('vk', :body);" > "$out/ours.sql"
    for i in $(seq "$1"); do
        for clients in 1 4; do
            empty
            plain=$(pgbench_tps $clients "$2" "$out/plain.sql")
            empty
            ours=$(pgbench_tps $clients "$2" "$out/ours.sql")
            put "enqueue$clients.plain" "$plain"; put "enqueue$clients.ours" "$ours"
            put "enqueue$clients.ratio" "$(ratio "$ours" "$plain")"
        done
    done
    for clients in 1 4; do
        report "enqueue_$clients" "$(of enqueue$clients.ratio | median)" '>=0.9' \
            "send_vk $(of enqueue$clients.ours | median)/s ($(of enqueue$clients.ours | spread)), plain INSERT $(of enqueue$clients.plain | median)/s ($(of enqueue$clients.plain | spread)); ratio $(of enqueue$clients.ratio | spread)"
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
    local i plain ours
    for i in $(seq "$1"); do
        empty
        plain=$(seconds_of "INSERT INTO bench.plain (server, payload) SELECT 'vk', vk FROM bench.body")
        empty
        ours=$(seconds_of "SELECT count(msgext.send_vk('vk', vk)) FROM bench.body")
        put bulk.plain "$(ratio 100000 "$plain")"; put bulk.ours "$(ratio 100000 "$ours")"
        put bulk.ratio "$(ratio "$plain" "$ours")"
    done
    report enqueue_bulk "$(of bulk.ratio | median)" '>=0.7' \
        "send_vk $(of bulk.ours | median)/s ($(of bulk.ours | spread)), plain INSERT … SELECT $(of bulk.plain | median)/s ($(of bulk.plain | spread)); ratio $(of bulk.ratio | spread)"
}

# memory: kB of the worker, all and its own. "Private" of smaps would not do: it counts
# pages of shared_buffers that nobody else has touched yet.
memory() {
    awk '/^VmRSS:/ { all = $2 } /^RssAnon:/ { own = $2 } END { print all, own }' "/proc/$(worker)/status"
}

scenario_memory() { # messages at first, in all
    local few_rss few_own many_rss many_own sent
    empty
    restart_cluster
    until [ -n "$(worker)" ]; do sleep 0.1; done
    dispatch vk "$1"
    read -r few_rss few_own < <(memory)
    for ((sent = $1; sent < $2; sent += 50000)); do dispatch vk 50000; done
    read -r many_rss many_own < <(memory)
    report memory "$(ratio "$many_own" "$few_own")" '<=1.2' \
        "the worker's own memory $few_own kB after $1 messages, $many_own kB after $sent; resident, with shared buffers, $few_rss and $many_rss kB"
}

# dispatch_grown N TIMES: without a TRUNCATE in between, so that dead versions stay.
dispatch_grown() {
    local i first seconds=0 s
    empty
    for i in $(seq "$2"); do
        queue vk "$1"
        first=$(sql -c 'SELECT max(id) FROM msgext.outbox')
        enable on
        s=$(sql -c "CALL bench.drain($first)")
        disabled
        seconds=$(awk -v a="$seconds" -v b="$s" 'BEGIN { print a + b }')
    done
    rate=$(awk -v n="$(($1 * $2))" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')
}

scenario_held() { # rounds, messages, times
    local i holder
    for i in $(seq "$1"); do
        dispatch_grown "$2" "$3"
        local free=$rate
        put held.free "$rate"
        sql -c 'BEGIN ISOLATION LEVEL REPEATABLE READ' -c 'CREATE TEMP TABLE held ()' -c 'SELECT pg_sleep(600)' > /dev/null 2>&1 &
        holder=$!
        sleep 0.5
        dispatch_grown "$2" "$3"
        put held.rate "$rate"
        put held.ratio "$(ratio "$rate" "$free")"
        sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()" > /dev/null
        wait "$holder" 2> /dev/null || true
    done
    report held_transaction "$(of held.ratio | median)" '>=0.9' \
        "$(of held.rate | median)/s ($(of held.rate | spread)) with a transaction held open, $(of held.free | median)/s ($(of held.free | spread)) without; ratio $(of held.ratio | spread)"
}

scenario_backlog() { # backlog, messages measured
    local i
    for i in 1 2; do dispatch vk "$2"; put backlog.small "$rate"; done
    empty
    note "queueing $1"
    queue vk "$1"
    sql -c CHECKPOINT
    local first
    for i in 1 2; do
        first=$(sql -c "SELECT id FROM msgext.outbox WHERE state = 'queued' ORDER BY id LIMIT 1")
        enable on
        rate=$(awk -v n="$2" -v s="$(sql -c "CALL bench.drain($first + $2 - 1)")" 'BEGIN { printf "%.0f", n / s }')
        disabled
        put backlog.rate "$rate"
    done
    for i in 1 2; do dispatch vk "$2"; put backlog.small "$rate"; done
    report backlog "$(ratio "$(of backlog.rate | median)" "$(of backlog.small | median)")" '>=0.9' \
        "$(of backlog.rate | median)/s ($(of backlog.rate | spread)) with $1 queued, $(of backlog.small | median)/s ($(of backlog.small | spread)) with $2"
}

# A flood of callbacks at the listener, each of an id of its own, while messages are sent.
scenario_callbacks() { # rounds, messages, callbacks
    local i hook flood path seconds cpu_seconds bad
    hook=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
    awk -v n="$3" 'BEGIN { for (i = 1; i <= n; i++)
        printf "[{\"messageId\":%d,\"status\":\"DELIVERED\",\"receivedAt\":\"2026-01-01 12:00:00\"}]\n", i }' > "$out/pushes"
    sql -c 'CREATE ROLE hooks' -c 'GRANT EXECUTE ON FUNCTION msgext.receive_callback TO hooks' \
        -c 'GRANT USAGE ON FOREIGN SERVER vk TO hooks' \
        -c "ALTER USER MAPPING FOR PUBLIC SERVER vk OPTIONS (ADD callback_token 'bench')" \
        -c "ALTER DATABASE bench SET msgext.listen_role = hooks" \
        -c "ALTER DATABASE bench SET msgext.listen_port = $hook"
    until curl -sf "http://127.0.0.1:$hook/health" > /dev/null; do sleep 0.1; done
    for i in $(seq "$1"); do
        empty
        read -r seconds cpu_seconds bad < <("$BENCH_BIN/ceiling" "$hook" "$3" 64 "$out/pushes" /vk/bench)
        [ "$bad" = 0 ] || { note "$bad callbacks were not taken"; exit 1; }
        put callbacks.rate "$(awk -v n="$3" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')"
        dispatch vk "$2"
        put callbacks.free "$rate"
        for path in vk/bench vk/wrong; do
            empty
            queue vk "$2"
            "$BENCH_BIN/ceiling" "$hook" 1000000000 64 "$out/pushes" "/$path" > /dev/null &
            flood=$!
            drain "$2"
            kill "$flood"
            wait "$flood" 2> /dev/null || true
            put "callbacks.${path#*/}" "$(ratio "$rate" "$(of callbacks.free | tail -1)")"
        done
    done
    sql -c 'ALTER DATABASE bench RESET msgext.listen_port'
    info callbacks "$(of callbacks.rate | median)/s ($(of callbacks.rate | spread)) at the listener, 64 at a time, each committed before its answer"
    info dispatch_flooded "dispatch at $(of callbacks.bench | median) ($(of callbacks.bench | spread)) of its own rate beside such a flood, at $(of callbacks.wrong | median) ($(of callbacks.wrong | spread)) beside one of strangers; all of it on the same CPUs"
}

table() {
    echo '| scenario | ratio | target | | measured |'
    echo '| --- | ---: | ---: | --- | --- |'
    awk -F '\t' '{ sub(/^>=/, "≥ ", $3); sub(/^<=/, "≤ ", $3)
        printf "| %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5 }' "$results"
}

conditions() {
    local cpu memory fsync
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
    memory=$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)
    fsync=$(pg_test_fsync -s 1 -f "$out/fsync" 2> /dev/null | awk '/^ *fdatasync/ { print $(NF - 1) " µs"; exit }')
    cat <<TEXT
$(postgres --version), every setting that decides about durability or cost at its default (fsync on,
synchronous_commit on, shared_buffers 128 MB); $(curl-config --version 2> /dev/null || echo libcurl); $(nproc) CPUs ($cpu), $memory;
fdatasync $fsync. The peer is the simulator (\`--no-checks --ledger-bodies off\`) on the loopback interface, without TLS,
HTTP/1.1 with connections kept; it, the database and the yardsticks share the CPUs. Bodies of about 300 bytes.
TEXT
}

# ------------------------------------------------------------------ what to run

: > "$results"
start_simulator --stamp 'to be timed'
start_cluster
prepare_database
note "warming up"
dispatch vk 5000

[ $# -gt 0 ] || set -- all
case $1 in
    quick)
        scenario_dispatch 3 20000
        scenario_latency 1 100 150000
        scenario_enqueue 2 2
        scenario_enqueue_bulk 2 ;;
    all)
        scenario_dispatch 5 30000
        scenario_dispatch_polled 2 20000
        scenario_documents 3 5000
        scenario_packets 3 30000 5000
        scenario_cells 3 20000
        scenario_slow_peer 3 30000
        scenario_latency 3 200 300000
        scenario_enqueue 5 3
        scenario_enqueue_bulk 5
        scenario_memory 10000 200000
        scenario_held 3 20000 3
        scenario_callbacks 3 30000 100000
        scenario_backlog 1000000 50000 ;;
    *)
        for name; do
            case $name in
                dispatch) scenario_dispatch 5 30000 ;;
                dispatch_polled) scenario_dispatch_polled 2 20000 ;;
                documents) scenario_documents 3 5000 ;;
                packets) scenario_packets 3 30000 5000 ;;
                cells) scenario_cells 3 20000 ;;
                dispatch_50ms) scenario_slow_peer 3 30000 ;;
                latency) scenario_latency 3 200 300000 ;;
                enqueue) scenario_enqueue 5 3 ;;
                enqueue_bulk) scenario_enqueue_bulk 5 ;;
                memory) scenario_memory 10000 200000 ;;
                held_transaction) scenario_held 3 20000 3 ;;
                callbacks) scenario_callbacks 3 30000 100000 ;;
                backlog) scenario_backlog 1000000 50000 ;;
                *) note "no scenario $name"; exit 2 ;;
            esac
        done ;;
esac

echo
table | tee "$out/table.md"
conditions > "$out/conditions.txt"
