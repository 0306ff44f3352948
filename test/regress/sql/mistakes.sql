-- Mistakes, many messages at once, and who did what: close_message(), replay_message(),
-- retry_messages(), cancel_messages(), close_messages(), dead_letter, server_event.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_mistakes TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_mistakes
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
SELECT msgext_test.begin();
SELECT setval('msgext.outbox_id_seq', 8000, false);
CREATE ROLE regress_owner SUPERUSER;
SET SESSION AUTHORIZATION regress_owner;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    max_attempts '1', rate_limit 'off', recipient_limit 'off');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    max_attempts '1', rate_limit 'off', recipient_limit 'off');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER sms OPTIONS (login 'tester', password '111111');
CREATE ROLE regress_shop;
CREATE ROLE regress_operator;
CREATE ROLE regress_other;
GRANT USAGE ON FOREIGN SERVER vk, sms TO regress_shop;
GRANT USAGE ON FOREIGN SERVER vk TO regress_operator, regress_other;
GRANT EXECUTE ON FUNCTION msgext.can_operate(), msgext.can_read() TO regress_operator;
CREATE FUNCTION vk(phone text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('vk', '{"subject": "AO", "priority": "high", "routes": ["vk"],
        "validityPeriod": 180, "templateId": 1, "templateData": {}}'::jsonb || jsonb_build_object('phone', phone))
$$;
CREATE FUNCTION send(server name, ref jsonb DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.post_message(server, vk('79031112233'), ref => ref, priority => 2)
$$;
CREATE FUNCTION send(first int, last int) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(send(CASE WHEN n % 2 = 0 THEN 'vk' ELSE 'sms' END, jsonb_build_object('order', n)))
    FROM generate_series(first, last) n
$$;
SET ROLE regress_shop;

-- 8000 to 8011: two failed, two rejected, two unknown, two undelivered, two queued, two delivered.
SELECT msgext_test.stub(NULL, 'refused', times => 2), msgext_test.stub(NULL, 'reject phone_invalid', times => 2),
    msgext_test.stub(NULL, 'lost', times => 2);
SELECT send(0, 7);
SELECT * FROM msgext_test.run();
SELECT msgext_test.report(7, 'undelivered'), msgext_test.report(8, 'undelivered');
SELECT send(8, 11);
SELECT msgext_test.answer(n, 200, convert_to(format('{"code": "ok", "result": {"code": "ok", "messageId": %s}}', n), 'UTF8')),
    msgext_test.report(n, 'delivered')
FROM generate_series(11, 12) n;
SELECT id, state, code, error FROM msgext.message ORDER BY id;

-- Filters that say nothing, or what there is not.
SELECT msgext.retry_messages(NULL);
SELECT msgext.retry_messages('{}');
SELECT msgext.retry_messages('[]');
SELECT msgext.retry_messages('{"colour": "red"}');
SELECT msgext.retry_messages('{"state": "sold"}');
SELECT msgext.retry_messages('{"state": []}');
SELECT msgext.retry_messages('{"id": "one"}');
SELECT msgext.retry_messages('{"id": {"a": 1}}');
SELECT msgext.retry_messages('{"ref": 1}');
SELECT msgext.retry_messages('{"created_after": "never"}');
SELECT msgext.retry_messages('{"server": "vk"}', dry_run => NULL);
SELECT msgext.cancel_messages('{"code": {"a": "b"}}');

-- A dry run changes nothing, and counts what it would change.
SELECT count(*) AS events FROM msgext.event \gset
SELECT server, state, code, messages, example FROM msgext.dead_letter ORDER BY server, state;
SELECT * FROM msgext.retry_messages('{"server": ["vk", "sms"]}', dry_run => true) ORDER BY 1, 2;
SELECT * FROM msgext.retry_messages('{"ref": {"order": 3}}', dry_run => true);
SELECT * FROM msgext.retry_messages('{"id": [8000, 8002, 8010]}', dry_run => true) ORDER BY 1, 2;
SELECT * FROM msgext.retry_messages('{"code": "phone_invalid", "server": "sms"}', dry_run => true);
SELECT * FROM msgext.retry_messages('{"recipient": "79031112233", "state": "failed"}', dry_run => true) ORDER BY 1;
SELECT * FROM msgext.retry_messages('{"created_after": "2020-01-01", "created_before": "2020-01-02"}', dry_run => true);
SELECT * FROM msgext.cancel_messages('{"server": ["vk", "sms"]}', dry_run => true) ORDER BY 1;
SELECT state, count(*) FROM msgext.message GROUP BY 1 ORDER BY 1;
SELECT count(*) > 0 AS events, count(*) = :events AS the_same FROM msgext.event;

-- In earnest: who and why is in the timeline.
SELECT * FROM msgext.retry_messages('{"state": "failed"}', 'the provider was down') ORDER BY 1;
SELECT message_id, kind, state, actor, reason FROM msgext.message_event
WHERE message_id BETWEEN 8000 AND 8001 AND kind <> 'queued' ORDER BY id;
SELECT * FROM msgext.retry_messages('{"state": "failed"}', 'again') ORDER BY 1;
SELECT * FROM msgext.cancel_messages('{"id": [8000, 8008, 8004]}', 'not wanted') ORDER BY 1;
SELECT id, state FROM msgext.message WHERE id IN (8000, 8008, 8004) ORDER BY id;
BEGIN;
SELECT * FROM msgext.cancel_messages('{"server": ["vk", "sms"]}') ORDER BY 1;
ROLLBACK;
SELECT id, state FROM msgext.message WHERE state = 'queued' ORDER BY id;
BEGIN READ ONLY;
SELECT msgext.cancel_messages('{"server": "vk"}');
ROLLBACK;

-- One, with its reason.
SELECT msgext.cancel_message(8001, 'by hand');
SELECT msgext.retry_message(8002, 'let us see'), msgext.cancel_message(8002, NULL), msgext.cancel_message(NULL, 'none');
SELECT kind, actor, reason FROM msgext.message_event WHERE message_id IN (8001, 8002) AND kind <> 'queued' ORDER BY id;

-- Closed: counted no more, once.
SELECT msgext.close_message(8004, 'it has arrived, says support');
SELECT msgext.close_message(8004), msgext.close_message(8010), msgext.close_message(8009), msgext.close_message(1);
SELECT state, finished_at IS NOT NULL AS finished, closed_at IS NOT NULL AS closed FROM msgext.outbox WHERE id = 8004;
SELECT unknown FROM msgext.server_status WHERE server = 'vk';
SELECT server, state, code, messages FROM msgext.dead_letter ORDER BY 1, 2;
SELECT * FROM msgext.close_messages('{"state": "undelivered", "server": "vk"}', 'told by phone');
SELECT server, state, code, messages FROM msgext.dead_letter ORDER BY 1, 2;

-- Many at once leaves alone what somebody has dealt with.
SELECT * FROM msgext.retry_messages('{"id": 8004}', dry_run => true);

-- What was closed may be sent again all the same, and is open again.
SELECT msgext.retry_message(8004);
SELECT state, closed_at FROM msgext.outbox WHERE id = 8004;

-- A corrected copy names the old one, which is closed.
SELECT msgext.replay_message(8003, vk('79035556677'), 'a wrong number');
SELECT id, state, recipient, priority, ref, server FROM msgext.message WHERE id IN (8003, 8012) ORDER BY id;
SELECT message_id, kind, state, related, actor, reason FROM msgext.message_event
WHERE message_id IN (8003, 8012) AND kind <> 'queued' ORDER BY id;
SELECT closed_at IS NOT NULL AS closed FROM msgext.outbox WHERE id = 8003;
SELECT msgext.replay_message(8009, vk('79035556677'));
SELECT msgext.replay_message(8010, vk('79035556677'));
SELECT msgext.replay_message(77, vk('79035556677'));
SELECT msgext.replay_message(8005, NULL);
SELECT msgext.replay_message(8005, vk('12'));
SELECT closed_at FROM msgext.outbox WHERE id = 8005;

-- As text.
SELECT regexp_replace(line, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}', 'TIME') FROM msgext.show(8003) AS line;
SELECT count(*) FROM msgext.show(8012);
SELECT msgext.show(1), msgext.show(NULL);
SET ROLE regress_other;
SELECT msgext.show(8003);

-- Others' messages: seen and changed by those who may, sent by nobody in their name.
SET ROLE regress_shop;
SELECT send('vk') AS queued;
SET ROLE regress_other;
SELECT msgext.close_message(8005), msgext.cancel_message(8009);
SELECT * FROM msgext.cancel_messages('{"id": [8009]}');
SELECT * FROM msgext.close_messages('{"id": [8005]}');
SELECT msgext.replay_message(8005, vk('79035556677'));
SELECT * FROM msgext.dead_letter;
SET ROLE regress_operator;
SELECT server, state, messages FROM msgext.dead_letter ORDER BY 1, 2;
SELECT * FROM msgext.close_messages('{"server": ["vk", "sms"]}', 'vk alone is mine') ORDER BY 1;
SELECT * FROM msgext.cancel_messages('{"server": ["vk", "sms"]}') ORDER BY 1;
SET ROLE regress_shop;
SELECT count(*) FROM msgext.message WHERE state = 'queued' AND server = 'sms';
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER sms FROM regress_shop;
SET ROLE regress_shop;
SELECT msgext.retry_messages('{"server": "sms"}');
RESET ROLE;

-- In batches, each committed.
SELECT msgext_test.begin();
SELECT msgext_test.stub('vk', 'retry queue_full', times => 25);
SELECT count(send('vk')) FROM generate_series(1, 25);
SELECT state, count(*) FROM msgext_test.run() GROUP BY 1;
CALL msgext.retry_in_batches('{"code": "queue_full"}', 'all of them', batch_size => 10);
SELECT count(DISTINCT xid) AS transactions, count(*) FROM msgext.event WHERE message_id BETWEEN 8015 AND 8040 AND kind = 'retried';
CALL msgext.cancel_in_batches('{"server": "vk", "created_after": "2020-01-01"}', batch_size => 7);
SELECT state, count(*) FROM msgext.message WHERE id BETWEEN 8015 AND 8040 GROUP BY 1;
SELECT count(send('vk')) FROM generate_series(1, 5);
SELECT msgext_test.stub('vk', 'reject text_to_long');
SELECT state, count(*) FROM msgext_test.run() GROUP BY 1;
CALL msgext.close_in_batches('{"code": "text_to_long"}', 'given up', batch_size => 2);
SELECT count(DISTINCT xid) AS transactions, count(*) FROM msgext.event WHERE kind = 'closed' AND reason = 'given up';
CALL msgext.retry_in_batches('{"code": "queue_full"}', batch_size => 0);
CALL msgext.retry_in_batches(NULL);
BEGIN;
CALL msgext.retry_in_batches('{"code": "queue_full"}');
ROLLBACK;

-- What is on its way stays: also where the claim of the attempt before is not yet gone, and
-- lies behind the newer one. Claims are forged: there is one dispatcher, which is not here.
SELECT send('vk') AS id \gset
UPDATE msgext.outbox SET attempts = 1 WHERE id = :id;
INSERT INTO msgext.claim SELECT 3 - a, now(), ARRAY[o.id], ARRAY[a], ARRAY[o.created_at]
FROM msgext.outbox AS o, (VALUES (2), (1)) AS claims (a) WHERE o.id = :id;
SELECT * FROM msgext.cancel_messages(jsonb_build_object('id', :id));
SELECT state FROM msgext.message WHERE id = :id;
DELETE FROM msgext.claim;

-- To look at what is under way harms no row.
SELECT * FROM msgext.cancel_messages(jsonb_build_object('id', :id));

-- What happened to the servers, by whom.
SELECT msgext.pause_server('vk', 'maintenance'), msgext.resume_server('vk', 'over'), msgext.resume_server(NULL);
ALTER SERVER vk OPTIONS (SET url 'http://127.0.0.1:2', DROP max_attempts, ADD timeout '5 s');
ALTER SERVER vk OPTIONS (SET timeout '5 s');
ALTER SERVER vk RENAME TO vk2;
ALTER SERVER vk2 OWNER TO regress_shop;
BEGIN;
ALTER SERVER vk2 OPTIONS (SET timeout '6 s');
ROLLBACK;
ALTER USER MAPPING FOR PUBLIC SERVER vk2 OPTIONS (SET password '222222');
SET ROLE regress_shop;
SELECT server, kind, actor, reason, detail FROM msgext.server_event WHERE server <> 'sms' ORDER BY at;
SET ROLE regress_other;
SELECT kind, count(*) FROM msgext.server_event GROUP BY 1 ORDER BY 1;
INSERT INTO msgext.server_event VALUES (now(), 1, 'vk', 'paused');
RESET ROLE;
DROP SERVER vk2 CASCADE;
DROP SERVER sms CASCADE;
SELECT server, kind, actor FROM msgext.server_event WHERE kind = 'dropped' ORDER BY 1;
SET ROLE regress_shop;
SELECT count(*) FROM msgext.server_event;
RESET ROLE;

RESET SESSION AUTHORIZATION;
\c :here
DROP DATABASE regress_msgext_mistakes;
DROP ROLE regress_owner, regress_operator, regress_shop, regress_other;
