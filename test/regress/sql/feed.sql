-- The feed: create_consumer(), events_after(), events_done(), drop_consumer(), view consumer.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 7000, false), setval('msgext.event_id_seq', 1, false);

-- One attempt each, and nothing listens: what is dispatched has failed.
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    max_attempts '1', rate_limit 'off', recipient_limit 'off');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    max_attempts '1', rate_limit 'off', recipient_limit 'off');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER sms OPTIONS (login 'tester', password '111111');
CREATE ROLE regress_shop LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_clerk;
GRANT regress_shop TO regress_clerk;
GRANT USAGE ON FOREIGN SERVER vk, sms TO regress_shop, regress_other;
CREATE FUNCTION send(operation_id text, server name DEFAULT 'vk') RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.send_vk(server, '{"subject": "AO", "priority": "high", "routes": ["vk"],
        "validityPeriod": 180, "phone": "79031112233", "templateId": 1, "templateData": {}}',
        operation_id => operation_id)
$$;
CREATE FUNCTION see(consumer text, "limit" int DEFAULT 100)
RETURNS TABLE ("position" bigint, message_id bigint, kind text, state text, server text, operation_id text)
LANGUAGE sql AS $$
    SELECT "position", message_id, kind, state, server, operation_id
    FROM msgext.events_after(consumer, "limit")
$$;

-- Wrong calls.
SELECT msgext.events_after('shop');
SELECT msgext.events_done('shop', 1);
SELECT msgext.drop_consumer('shop');
SELECT msgext.create_consumer(NULL);
SELECT msgext.create_consumer('');
SELECT msgext.create_consumer(repeat('x', 64));
SELECT msgext.create_consumer('shop', after => -1);
SELECT msgext.create_consumer('shop', '[]');
SELECT msgext.create_consumer('shop', '{"colour": "red"}');
SELECT msgext.create_consumer('shop', '{"state": "sold"}');
SELECT msgext.create_consumer('shop', '{"state": []}');
SELECT msgext.create_consumer('shop', '{"state": [1]}');
SELECT msgext.create_consumer('shop', '{"state": {"is": "failed"}}');
SELECT msgext.create_consumer('shop', jsonb_build_object('code', array_agg(i))) FROM generate_series(1, 101) i;
SELECT msgext.create_consumer('shop', jsonb_build_object('code', array_agg(i::text))) FROM generate_series(1, 101) i;
SELECT msgext.create_consumer('shop', jsonb_build_object('code', repeat('x', 8192)));

-- What was recorded before is not for it; what comes is, once done, never again.
SET ROLE regress_shop;
SELECT send('before');
SELECT msgext.cancel_message(7000);
SELECT msgext.create_consumer('shop');
SELECT msgext.create_consumer('shop');
SELECT * FROM see('shop');
SELECT send('one'), send('two'), send('three');
SELECT * FROM see('shop');
RESET ROLE;
CALL msgext.dispatch();
SET ROLE regress_shop;
SELECT * FROM see('shop');
SELECT * FROM see('shop', 2);
SELECT consumer, owner, filter, unread, oldest_unread_at IS NOT NULL AS since FROM msgext.consumer;
SELECT msgext.events_done('shop', 3);
SELECT msgext.events_done('shop', 3);
SELECT msgext.events_done('shop', 2);
SELECT msgext.events_done('shop', 99);
SELECT * FROM see('shop');
SELECT unread FROM msgext.consumer;
SELECT msgext.events_done('shop', max("position")) FROM msgext.events_after('shop');
SELECT * FROM see('shop');
SELECT unread, oldest_unread_at FROM msgext.consumer;
SELECT msgext.events_after('shop', 0);
SELECT msgext.events_after('shop', 10001);
SELECT msgext.events_after(NULL), msgext.events_done('shop', NULL);

-- With the transaction, and not without it.
SELECT msgext.retry_message(7001);
BEGIN;
SELECT msgext.events_done('shop', max("position")) FROM msgext.events_after('shop');
SELECT * FROM see('shop');
ROLLBACK;
SELECT * FROM see('shop');
BEGIN;
SELECT msgext.events_done('shop', max("position")) FROM msgext.events_after('shop');
SAVEPOINT s;
SELECT msgext.cancel_message(7001);
-- What the transaction itself writes comes after its commit, and is not lost.
SELECT * FROM see('shop');
COMMIT;
SELECT * FROM see('shop');
SELECT msgext.events_done('shop', 6);

-- In any isolation level.
SELECT msgext.retry_message(7002);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT msgext.events_done('shop', max("position")) FROM msgext.events_after('shop');
SELECT * FROM see('shop');
COMMIT;
SELECT * FROM see('shop');
BEGIN READ ONLY;
SELECT * FROM msgext.events_after('shop');
ROLLBACK;

-- Somebody else's messages are not seen, nor is his consumer; a member's are.
SET ROLE regress_other;
SELECT send('other');
SELECT msgext.cancel_message(7004);
SELECT msgext.create_consumer('other', after => 0);
SELECT * FROM see('other');
SELECT msgext.events_after('shop');
SELECT msgext.events_done('shop', 9);
SELECT msgext.drop_consumer('shop');
SELECT consumer FROM msgext.consumer;

-- A name is the role's own: nobody takes it from another, or learns that it is taken.
SELECT msgext.create_consumer('shop', after => 0);
SELECT * FROM see('shop', 1);
SELECT msgext.drop_consumer('shop');
SELECT msgext.drop_consumer('shop');
SET ROLE regress_shop;
SELECT consumer, owner FROM msgext.consumer;
RESET ROLE;
SET ROLE regress_clerk;
SELECT msgext.create_consumer('shop', '{"kind": "retried"}');
SELECT * FROM see('shop');
RESET ROLE;
SELECT msgext.events_after('shop');
SET ROLE regress_clerk;
SELECT msgext.drop_consumer('shop');
SELECT msgext.create_consumer('clerk', '{"kind": "cancelled"}', after => 0);
SELECT * FROM see('clerk');
SELECT consumer, unread FROM msgext.consumer ORDER BY 1;
SELECT msgext.drop_consumer('clerk');
RESET ROLE;
GRANT EXECUTE ON FUNCTION msgext.can_read() TO regress_other;
SET ROLE regress_other;
SELECT * FROM see('other', 3);
RESET ROLE;
REVOKE EXECUTE ON FUNCTION msgext.can_read() FROM regress_other;
SET ROLE regress_other;
SELECT * FROM see('other', 3);
RESET ROLE;

-- Filters; each alone, and together.
SELECT msgext.create_consumer('none', '{"kind": "canceled"}');
SELECT msgext.create_consumer('none', '{"kind": ["cancelled", "queued"]}');
SELECT msgext.create_consumer('all', after => 0);
SELECT msgext.create_consumer('failed', '{"state": ["failed", "rejected"]}', after => 0);
SELECT msgext.create_consumer('kinds', '{"kind": ["retried", "cancelled"], "server": "vk"}', after => 0);
SELECT send('elsewhere', 'sms');
SELECT msgext.cancel_message(7005);
SELECT * FROM see('failed');
SELECT * FROM see('kinds');
SELECT * FROM see('all');
SELECT consumer, unread FROM msgext.consumer ORDER BY 1;

-- What is not wanted is passed over once it has been seen.
SELECT msgext.events_done('failed', max("position")) FROM msgext.events_after('failed');
SELECT * FROM see('failed');

-- A message that is gone, by hand here, takes its events along.
DELETE FROM msgext.outbox WHERE id = 7005;
SELECT * FROM see('all') WHERE message_id > 7003;

-- Handlers: whose function, which functions, and what is changed afterwards.
RESET ROLE;
CREATE SCHEMA regress_feed AUTHORIZATION regress_shop;
SET ROLE regress_shop;
CREATE FUNCTION regress_feed.note(event jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION regress_feed.two(event jsonb, more int) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION regress_feed.many(event jsonb) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE regress_feed.run(event jsonb) LANGUAGE sql AS '';
SELECT msgext.on_event(NULL, 'regress_feed.note(jsonb)');
SELECT msgext.on_event('noted', NULL);
SELECT msgext.on_event('noted', 'regress_feed.note(jsonb)', timeout => NULL);
SELECT msgext.on_event('noted', 'regress_feed.note(jsonb)', timeout => '0');
SELECT msgext.on_event('noted', 'regress_feed.note(jsonb)', timeout => '2 min');
SELECT msgext.on_event('noted', 'regress_feed.note(jsonb)', '{"colour": "red"}');
SELECT msgext.on_event('noted', 'regress_feed.two(jsonb, int)');
SELECT msgext.on_event('noted', 'regress_feed.many(jsonb)');
SELECT msgext.on_event('noted', 'regress_feed.run(jsonb)');
SELECT msgext.on_event('noted', 'pg_catalog.jsonb_typeof(jsonb)');
SELECT msgext.on_event('noted', 'regress_feed.note(jsonb)', '{"state": "cancelled"}', after => 0);
SELECT handler, owner, function, filter, timeout, unread > 0 AS unread, failures FROM msgext.handler;
SELECT msgext.on_event('noted', 'regress_feed.note(jsonb)', '{"state": "failed"}', timeout => '1 s');
SELECT handler, filter, timeout FROM msgext.handler;
SELECT msgext.create_consumer('noted');
SELECT msgext.create_consumer('told', notify => '');
SELECT msgext.create_consumer('told', notify => 'shop_news');
SELECT consumer, notify FROM msgext.consumer WHERE consumer IN ('told', 'noted');
SELECT msgext.on_event('told', 'regress_feed.note(jsonb)');
REVOKE EXECUTE ON FUNCTION regress_feed.note(jsonb) FROM PUBLIC, regress_shop;
SELECT msgext.on_event('noted', 'regress_feed.note(jsonb)');
SET ROLE regress_other;
SELECT handler FROM msgext.handler;
SELECT msgext.drop_consumer('noted');
RESET ROLE;
SELECT msgext.drop_consumer('noted'), msgext.drop_consumer('told');
DROP SCHEMA regress_feed CASCADE;

-- A role has so many at most, handlers among them: processes of ours look at each again and again.
SET ROLE regress_other;
CREATE FUNCTION pg_temp.note(event jsonb) RETURNS void LANGUAGE sql AS '';
SELECT count(msgext.create_consumer('one of many ' || i)) FROM generate_series(1, 100 - (SELECT count(*) FROM msgext.consumer)::int) i;
SELECT msgext.create_consumer('one more');
SELECT msgext.on_event('one more', 'pg_temp.note(jsonb)');
SELECT msgext.drop_consumer('one of many 1');
SELECT msgext.on_event('one more', 'pg_temp.note(jsonb)');
SELECT msgext.on_event('one more', 'pg_temp.note(jsonb)', '{"state": "failed"}');
SELECT msgext.create_consumer('one too many');
SELECT count(msgext.drop_consumer(name)) FROM (SELECT consumer FROM msgext.consumer UNION ALL SELECT handler FROM msgext.handler) AS c(name)
WHERE name LIKE 'one %';
DROP FUNCTION pg_temp.note(jsonb);
RESET ROLE;

-- Ids set back by somebody: the next event has a higher one all the same.
SELECT msgext.events_done('all', max("position")) IS NOT NULL AS done FROM msgext.events_after('all');
SELECT last_value AS last FROM msgext.event_id_seq \gset
SELECT setval('msgext.event_id_seq', 3);
SET ROLE regress_shop;
SELECT msgext.cancel_message(send('late'));
RESET ROLE;
SELECT "position" > :last AS higher, message_id, kind FROM msgext.events_after('all');
SELECT msgext.events_done('all', max("position")) FROM msgext.events_after('all');
TRUNCATE msgext.event;
SELECT setval('msgext.event_id_seq', 3);
SELECT count(*) FROM msgext.events_after('all');
SELECT last_value > :last AS kept FROM msgext.event_id_seq;

-- In a restored copy consumers stand still; a copy's rows are forged.
UPDATE msgext.feed SET origin = 1 WHERE name = 'all';
SELECT msgext.events_after('all');
SELECT msgext.events_done('all', 1);
SELECT unread FROM msgext.consumer WHERE consumer = 'all';
SELECT msgext.drop_consumer('all');
INSERT INTO msgext.origin VALUES (1);
SELECT msgext.create_consumer('all', after => 0);
SELECT msgext.create_consumer('all');
SELECT * FROM see('all');
DELETE FROM msgext.origin WHERE origin = 1;

DROP FUNCTION see(text, int);
DROP FUNCTION send(text, name);
DROP SERVER vk CASCADE;
DROP SERVER sms CASCADE;
DROP ROLE regress_clerk, regress_shop, regress_other;
TRUNCATE msgext.outbox, msgext.event, msgext.reminder, msgext.lane, msgext.health, msgext.server_pause,
    msgext.recipient_use, msgext.feed;
