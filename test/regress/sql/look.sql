-- Pages that looking takes, among 200,000 messages and as many events, by a role that is no
-- superuser: rights must not stand between a query and the indexes. The rows are forged: so
-- many lives would take minutes.
SET client_min_messages = warning;
CREATE ROLE regress_looker;
CREATE ROLE regress_other;
CREATE SERVER looked FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE TABLE shop_order (no int PRIMARY KEY, message_id bigint);
GRANT SELECT ON shop_order TO regress_looker;
INSERT INTO msgext.outbox (id, xid, lane_hash, server_oid, origin, created_at, queued_at, sender_oid,
    attempts, failures, priority, maybe_sent, server, provider, sender, state, operation_id,
    accepted_at, finished_at, provider_id, detail, payload, recipient, ref, problem, code)
SELECT i, '3', 1, 1, 0, now() - interval '1 s' * (200000 - i), now(), r::regrole, 1, 0, 3, false, 'vk', 'devino', r,
    CASE WHEN problem THEN 'failed' WHEN i <= 100000 THEN 'delivered' ELSE 'queued' END, 'op ' || i, now(), now(), i::text,
    '{"channels": {"vk": "delivered"}}', convert_to(repeat('x', 200), 'UTF8'),
    '79' || lpad((i % 50000)::text, 9, '0'), jsonb_build_object('order', i, 'day', i / 800, 'shop', i / 5000), CASE WHEN problem THEN 'failed' END,
    CASE WHEN problem THEN 'code_' || i % 5 END
FROM generate_series(1, 200000) i, LATERAL (SELECT i <= 100000 AND i % 39 = 0) AS p(problem),
    LATERAL (SELECT CASE WHEN i % 4 = 0 THEN 'regress_other' ELSE 'regress_looker' END) AS s(r);
INSERT INTO msgext.reference SELECT s.oid, i::text, i FROM pg_foreign_server s, generate_series(1, 1000) i
WHERE s.srvname = 'looked';
INSERT INTO msgext.event (message_id, at, kind, attempt, state)
SELECT i, now(), 'answer', 1, 'accepted' FROM generate_series(1, 200000) i;
INSERT INTO shop_order SELECT i, 100000 + i FROM generate_series(1, 1000) i;
VACUUM ANALYZE msgext.outbox, msgext.event, shop_order;

CREATE FUNCTION pages(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
    RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::int + (plan #>> '{0,Plan,Shared Read Blocks}')::int;
END $$;
CREATE TABLE question (no int, query text);
INSERT INTO question VALUES
    (1, 'SELECT * FROM msgext.message ORDER BY id DESC LIMIT 50'),
    (2, 'SELECT * FROM msgext.message WHERE id = 777'),
    (3, 'SELECT o.no, m.state FROM shop_order o JOIN msgext.message m ON m.id = o.message_id WHERE o.no = 7'),
    (4, 'SELECT e.* FROM shop_order o JOIN msgext.message_event e ON e.message_id = o.message_id WHERE o.no = 7'),
    (5, 'SELECT * FROM msgext.message_event WHERE message_id = 777 ORDER BY at'),
    (6, 'SELECT * FROM msgext.message WHERE operation_id = ''op 777'''),
    (7, 'SELECT * FROM msgext.message_status(777)'),
    (8, 'SELECT * FROM msgext.message WHERE problem = ''failed'' ORDER BY id DESC LIMIT 50'),
    (9, 'SELECT * FROM msgext.message WHERE code = ''code_3'' ORDER BY id DESC LIMIT 50'),
    (10, 'SELECT * FROM msgext.message WHERE recipient = ''79000000777'' ORDER BY id DESC LIMIT 50'),
    (11, 'SELECT * FROM msgext.message WHERE id = msgext.find_message(''looked'', ''777'')'),
    (12, 'SELECT * FROM msgext.message WHERE created_at > now() - interval ''1 minute'''),
    (13, 'SELECT * FROM msgext.message WHERE id IN (SELECT msgext.find_messages(''{"order": 777}''))'),
    (14, 'SELECT msgext.find_messages(''{"day": 100}'')');
GRANT SELECT ON question TO regress_looker;

-- The answers are right, and few pages are read; twice, since the first fills caches.
SET ROLE regress_looker;
SELECT count(*), min(id), max(id) FROM (SELECT id FROM msgext.message ORDER BY id DESC LIMIT 50) AS last;
SELECT o.no, m.state FROM shop_order o JOIN msgext.message m ON m.id = o.message_id WHERE o.no IN (7, 8);
SELECT o.no, e.kind FROM shop_order o JOIN msgext.message_event e ON e.message_id = o.message_id
WHERE o.no IN (7, 8) ORDER BY 2;
SELECT count(*), min(id) FROM (SELECT id FROM msgext.message WHERE problem = 'failed' ORDER BY id DESC LIMIT 50) AS bad;
SELECT id, code FROM msgext.message WHERE code = 'code_3' ORDER BY id LIMIT 2;
SELECT id FROM msgext.message WHERE recipient = '79000000777' ORDER BY id;
SELECT id FROM msgext.message WHERE id IN (SELECT msgext.find_messages('{"order": 777}'));
SELECT msgext.find_messages('{"order": 780}') AS of_another;
SELECT count(*), count(DISTINCT id), min(id), max(id), count(*) FILTER (WHERE id % 4 = 0) AS of_another
FROM msgext.find_messages('{"shop": 3}') id;
SELECT msgext.find_messages('{}');
SELECT msgext.find_messages('[777]');
SELECT msgext.find_message('looked', '777'), msgext.find_message('looked', '780') AS of_another,
    msgext.find_message('looked', '0') AS none, msgext.find_message('looked', NULL) AS null;
SELECT count(pages(query)) FROM question;
SELECT no, pages(query) < 200 AS few, CASE WHEN pages(query) >= 200 THEN pages(query) END AS too_many
FROM question ORDER BY no;
RESET ROLE;

-- The table is the extension's, wherever that is, not whatever has its name: this SQL is run
-- with its owner's rights.
ALTER SCHEMA msgext RENAME TO moved;
CREATE SCHEMA msgext;
CREATE VIEW msgext.outbox AS SELECT 1::bigint AS id, '{"order": 777}'::jsonb AS ref, 'queued' AS state WHERE 1 / 0 = 0;
SELECT count(*) FROM moved.find_messages('{"order": 777}');
SELECT count(*) FROM moved.cancel_messages('{"ref": {"order": -1}}');
DROP SCHEMA msgext CASCADE;
ALTER SCHEMA moved RENAME TO msgext;

DROP SERVER looked;

-- The state of a server, with few queued and with 200,000, of all priorities.
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE FUNCTION send(i int) RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.send_vk('vk', jsonb_build_object('subject', 'AO', 'priority', 'high',
        'routes', '["vk"]'::jsonb, 'validityPeriod', 180, 'phone', '79031112233', 'templateId', 1,
        'templateData', '{}'::jsonb), priority => 1 + i % 5)
$$;
SELECT setval('msgext.outbox_id_seq', 300001, false);
SELECT count(send(i)) FROM generate_series(1, 9999) i;
SELECT msgext.cancel_message(300001);
SELECT queued, exact, oldest_queued_at = (SELECT queued_at FROM msgext.outbox WHERE id = 300002) AS oldest
FROM msgext.server_status;
SELECT count(send(i)) FROM generate_series(1, 190001) i;
SELECT queued, exact, in_flight, unknown,
    oldest_queued_at = (SELECT queued_at FROM msgext.outbox WHERE id = 300002) AS oldest
FROM msgext.server_status;
SELECT pages('SELECT * FROM msgext.server_status') > 0 AS caches_filled;
SELECT pages('SELECT * FROM msgext.server_status') < 200 AS few, CASE WHEN pages('SELECT * FROM msgext.server_status') >= 200
    THEN pages('SELECT * FROM msgext.server_status') END AS too_many;

-- Of a consumer so many events are looked at, whether it wants them or not: of 200,000 it wants the last one.
UPDATE msgext.event SET kind = 'closed' WHERE id = (SELECT max(id) FROM msgext.event);
SELECT msgext.create_consumer('seldom', '{"kind": "closed"}', after => 0);
SELECT unread FROM msgext.consumer;
SELECT regexp_matches(msgext.metrics(), 'consumer_unread_events{[^}]*} \d+') AS unread;
SELECT pages('SELECT msgext.metrics()') < 1000 AS few, pages('SELECT * FROM msgext.consumer') < 2000 AS few_too;
SELECT count(*) FROM msgext.events_after('seldom');
SELECT unread FROM msgext.consumer;
SELECT msgext.drop_consumer('seldom');

-- The caller's own words are found in rows that C has written, with and without an operation id.
SELECT msgext.send_vk('vk', '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
    "phone": "79031112239", "templateId": 1, "templateData": {}}', ref => '{"order": "A1"}', operation_id => o) > 0 AS sent
FROM unnest(ARRAY[NULL, 'with']) AS o;
SET enable_seqscan = off;
SELECT operation_id FROM msgext.message WHERE ref @> '{"order": "A1"}' ORDER BY id;
SELECT operation_id FROM msgext.message WHERE recipient = '79031112239' ORDER BY id;
SELECT msgext.cancel_message(id) FROM msgext.message WHERE ref @> '{"order": "A1"}' ORDER BY id;
SELECT state FROM msgext.message WHERE ref @> '{"order": "A1"}' ORDER BY id;
RESET enable_seqscan;
DROP FUNCTION send;
DROP SERVER vk CASCADE;

-- What people read is sorted as their database sorts; what they look for, as its index.
SELECT attname, collname FROM pg_attribute JOIN pg_collation c ON c.oid = attcollation
WHERE attrelid = 'msgext.message'::regclass ORDER BY attnum;

-- No column that changes on a message's good way is in an index: its updates are HOT.
SELECT DISTINCT attname FROM pg_attribute a JOIN pg_index i ON i.indrelid = attrelid AND attnum = ANY (indkey)
WHERE attrelid = 'msgext.outbox'::regclass ORDER BY 1;

DROP FUNCTION pages;
DROP TABLE question, shop_order;
TRUNCATE msgext.outbox, msgext.event, msgext.reference;
DROP ROLE regress_looker, regress_other;
