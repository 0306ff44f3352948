-- Pages that looking takes, among 200,000 messages and as many events, by a role that is no
-- superuser: rights must not stand between a query and the indexes.
SET client_min_messages = warning;
CREATE ROLE regress_looker;
CREATE ROLE regress_other;
CREATE TABLE shop_order (no int PRIMARY KEY, message_id bigint);
GRANT SELECT ON shop_order TO regress_looker;
INSERT INTO msgext.outbox (id, xid, lane_hash, server_oid, origin, created_at, queued_at, sender_oid,
    attempts, failures, priority, maybe_sent, server, provider, sender, state, operation_id,
    accepted_at, finished_at, provider_id, detail, payload)
SELECT i, '3', 1, 1, 0, now(), now(), r::regrole, 1, 0, 3, false, 'vk', 'devino', r,
    CASE WHEN i <= 100000 THEN 'delivered' ELSE 'queued' END, 'op ' || i, now(), now(), i::text,
    '{"channels": {"vk": "delivered"}}', convert_to(repeat('x', 200), 'UTF8')
FROM generate_series(1, 200000) i,
    LATERAL (SELECT CASE WHEN i % 4 = 0 THEN 'regress_other' ELSE 'regress_looker' END) AS s(r);
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
    (7, 'SELECT * FROM msgext.message_status(777)');
GRANT SELECT ON question TO regress_looker;

-- The answers are right, and few pages are read; twice, since the first fills caches.
SET ROLE regress_looker;
SELECT count(*), min(id), max(id) FROM (SELECT id FROM msgext.message ORDER BY id DESC LIMIT 50) AS last;
SELECT o.no, m.state FROM shop_order o JOIN msgext.message m ON m.id = o.message_id WHERE o.no IN (7, 8);
SELECT o.no, e.kind FROM shop_order o JOIN msgext.message_event e ON e.message_id = o.message_id
WHERE o.no IN (7, 8) ORDER BY 2;
SELECT count(pages(query)) FROM question;
SELECT no, pages(query) < 200 AS few, CASE WHEN pages(query) >= 200 THEN pages(query) END AS too_many
FROM question ORDER BY no;
RESET ROLE;

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
DROP FUNCTION send;
DROP SERVER vk CASCADE;

DROP FUNCTION pages;
DROP TABLE question, shop_order;
TRUNCATE msgext.outbox, msgext.event;
DROP ROLE regress_looker, regress_other;
