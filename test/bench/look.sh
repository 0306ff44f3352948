# What looking takes: pages and time of people's questions, by a role without superuser.
# Sourced by bench.sh.

look_as() { PGOPTIONS="$PGOPTIONS -c role=bench_looker" sql "$@"; }

# 87.3 % delivered, 2.7 % ended badly, 10 % queued, the newest; an event each but of those.
# Written by SQL, then queued for once by C, so that their lanes are as in life.
look_fill() { # messages
    sql -v n="$1" <<'SQL'
CREATE ROLE bench_looker;
GRANT USAGE ON FOREIGN SERVER vk TO bench_looker;
CREATE TABLE bench.orders (no int PRIMARY KEY, message_id bigint);
GRANT USAGE ON SCHEMA bench TO bench_looker;
GRANT SELECT ON bench.orders TO bench_looker;
SELECT setval('msgext.outbox_id_seq', :n * 9 / 10 + 1, false) \g /dev/null
INSERT INTO msgext.outbox (id, xid, lane_hash, server_oid, origin, created_at, queued_at, tried_at, accepted_at,
    finished_at, sender_oid, attempts, failures, priority, maybe_sent, server, provider, sender, state,
    operation_id, provider_id, code, error, problem, recipient, channels, detail, ref, payload)
SELECT i, '3', 1, s.oid, o.origin, at, at, at, at, at, r.oid, 1, 0, 3, false, 'vk', 'devino', r.rolname,
    coalesce(bad, 'delivered'), 'op-' || i, i::text, CASE WHEN bad IS NOT NULL THEN 'code_' || i % 7 END,
    CASE WHEN bad IS NOT NULL THEN 'the provider says no' END, bad, '79' || lpad((i % 300000)::text, 9, '0'),
    'vk', '{"channels": {"vk": {"state": "delivered"}}}', jsonb_build_object('order', i),
    convert_to(b.vk::text, 'UTF8')
FROM msgext.origin o, pg_foreign_server s, pg_roles r, generate_series(1, :n * 9 / 10) i
    JOIN bench.body b ON b.n = 1 + i % 100000,
    LATERAL (SELECT now() - interval '30 days' * (1 - i::float8 / :n),
        CASE WHEN i % 100 < 3 THEN (ARRAY['failed', 'rejected', 'undelivered'])[1 + i % 3] END) AS v(at, bad)
WHERE s.srvname = 'vk' AND r.rolname = 'bench_looker'
ORDER BY 1; -- as in life: a join of millions gives them in any order
INSERT INTO msgext.event (message_id, at, kind, attempt, state, code, http_status)
SELECT id, created_at, 'answer', 1, state, code, 200 FROM msgext.outbox;
INSERT INTO msgext.reference SELECT server_oid, provider_id, id FROM msgext.outbox;
-- The second time it is asked: the first fills caches.
CREATE FUNCTION bench.look(query text, OUT pages bigint, OUT ms numeric) LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE query;
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
    pages := (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
    ms := round((plan #>> '{0,Planning Time}')::numeric + (plan #>> '{0,Execution Time}')::numeric, 1);
END$$;
INSERT INTO bench.orders SELECT i, i * 10 FROM generate_series(1, 10000) i;
SQL
    sql -c 'GRANT SELECT ON bench.body TO bench_looker'
    look_as -c "SELECT count(msgext.send_vk('vk', vk, ref => jsonb_build_object('order', $1 + i)))
            FROM generate_series(1, $1 / 10) i JOIN bench.body b ON b.n = 1 + i % 100000" > /dev/null
    settle_tables 'msgext.outbox, msgext.event, msgext.reference, bench.orders'
}

look_empty() {
    empty
    sql -c 'DROP TABLE bench.orders' -c 'DROP FUNCTION bench.look' -c 'DROP OWNED BY bench_looker' \
        -c 'DROP ROLE bench_looker'
}

scenario_look() { # messages
    local name query pages ms most=0 told=
    empty
    note "making $1 messages to look at"
    look_fill "$1"
    while IFS='|' read -r name query; do
        IFS='|' read -r pages ms < <(look_as -v query="$query" <<< "SELECT * FROM bench.look(:'query')" | tail -1)
        note "$name: $pages pages, $ms ms"
        [ "$pages" -le "$most" ] || most=$pages
        told+="${told:+, }$name $pages ($ms ms)"
    done <<QUESTIONS
last 50|SELECT * FROM msgext.message ORDER BY id DESC LIMIT 50
my table with message|SELECT o.no, m.state FROM bench.orders o JOIN msgext.message m ON m.id = o.message_id WHERE o.no = 77
my table with message_event|SELECT o.no, e.kind FROM bench.orders o JOIN msgext.message_event e ON e.message_id = o.message_id WHERE o.no = 77
by state|SELECT * FROM msgext.message WHERE problem = 'failed' ORDER BY id DESC LIMIT 50
by code|SELECT * FROM msgext.message WHERE code = 'code_3' ORDER BY id DESC LIMIT 50
by recipient|SELECT * FROM msgext.message WHERE recipient = '79000000777' ORDER BY id DESC LIMIT 50
by ref|SELECT * FROM msgext.message WHERE id IN (SELECT msgext.find_messages('{"order": 77777}'))
by provider_id|SELECT * FROM msgext.message WHERE id = msgext.find_message('vk', '77777')
by operation_id|SELECT * FROM msgext.message WHERE operation_id = 'op-77777'
by created_at|SELECT * FROM msgext.message WHERE created_at BETWEEN now() - interval '10 days 1 minute' AND now() - interval '10 days'
message_status|SELECT * FROM msgext.message_status(77777)
server_status|SELECT * FROM msgext.server_status
QUESTIONS
    report look "$most" '<=200' "pages of $1 messages, the most; $told"

    # Each event and its message are read, wherever they are.
    look_as -c "SELECT msgext.create_consumer('bench', after => $(sql -c 'SELECT max(id) / 2 FROM msgext.event'))" > /dev/null
    IFS='|' read -r pages ms < <(look_as -v query="SELECT * FROM msgext.events_after('bench', 100)" <<< "SELECT * FROM bench.look(:'query')" | tail -1)
    info look_feed "a hundred events from the middle of the feed: $pages pages, $ms ms"
    look_as -c "SELECT msgext.drop_consumer('bench')" > /dev/null
    look_empty
}
