-- message_status() and the views: what people see of their messages.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SET datestyle = 'ISO';
SET timezone = 'UTC';
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_status TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_status
SET client_min_messages = warning;
SET datestyle = 'ISO';
SET timezone = 'UTC';
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;

-- Nothing listens on port 1: no request ever leaves.
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    retry_min_delay '1 hour', retry_max_delay '1 hour', rate_limit 'off');
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111');
CREATE FUNCTION send(operation_id text, send_after timestamptz DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.send_vk('vk', '{"subject": "AO", "priority": "high", "routes": ["vk"],
        "validityPeriod": 180, "phone": "79031112233", "templateId": 1, "templateData": {}}',
        operation_id => operation_id, send_after => send_after)
$$;

-- One that became unknown twice is one message; while this was a test database. The reminder
-- too many is forged: nothing leaves one.
SELECT msgext_test.begin();
SELECT setval('msgext.outbox_id_seq', 1999, false);
SELECT send('unknown');
SELECT msgext_test.stub('vk', 'lost', times => 2);
SELECT state FROM msgext_test.run();
SELECT queued, unknown FROM msgext.server_status;
SELECT msgext.retry_message(1999);
SELECT queued, unknown FROM msgext.server_status;
SELECT state FROM msgext_test.run();
INSERT INTO msgext.reminder SELECT server_oid, kind, now(), id FROM msgext.reminder WHERE kind = 'unknown';
SELECT queued, unknown FROM msgext.server_status;
SELECT msgext.retry_message(1999);
SELECT queued, unknown FROM msgext.server_status;
SELECT msgext.cancel_message(1999) AS cancelled;
SELECT state FROM msgext_test.run();
SELECT msgext_test.report(1, 'delivered');
DROP EXTENSION msgext_test;
SELECT msgext.resume_server('vk');

-- No such message.
SELECT count(*) FROM msgext.message_status(2000);
SELECT count(*) FROM msgext.message_status(-1);
SELECT count(*) FROM msgext.message_status(NULL);
SELECT count(*) FROM msgext.message_status(9223372036854775807);

-- Just queued: within its transaction, and after.
BEGIN;
SELECT send('first');
SELECT state FROM msgext.message_status(2000);
COMMIT;
SELECT id, server, provider, state, provider_status, provider_id, code, error, attempts,
    created_at <= clock_timestamp() AS created, next_attempt_at, accepted_at, finished_at, detail
FROM msgext.message_status(2000);
SELECT id, server, provider, sender = current_user AS mine, state, operation_id, priority,
    attempts, waiting, send_after, expires_at
FROM msgext.message WHERE id = 2000;

-- A queued message says what it waits for. Paused, with a reason and without.
SELECT msgext.pause_server('vk', 'the campaign is on hold');
SELECT state, next_attempt_at, detail FROM msgext.message_status(2000);
SELECT msgext.pause_server('vk');
SELECT state, next_attempt_at, detail FROM msgext.message_status(2000);
SELECT msgext.resume_server('vk');
SELECT state, next_attempt_at, detail FROM msgext.message_status(2000);

-- By its account alone: PUBLIC's mapping here. resume_server releases it. Forged: after a test
-- resume_server would have released it.
INSERT INTO msgext.account_pause SELECT umserver, oid, xmin, now(), 'wrong password' FROM pg_user_mapping;
INSERT INTO msgext.account_pause SELECT oid, 1, '1', now(), 'of a mapping that is gone' FROM pg_foreign_server;
SELECT paused, paused_accounts = ARRAY[current_user::text] AS mine FROM msgext.server_status;
SELECT detail FROM msgext.message_status(2000);
SELECT msgext.resume_server('vk');
SELECT paused, paused_accounts FROM msgext.server_status;
SELECT detail FROM msgext.message_status(2000);

-- For its time: before any dispatcher has seen it, and after.
SELECT send('later', '2999-12-31 12:00:00.5');
SELECT state, next_attempt_at, detail FROM msgext.message_status(2001);
CALL msgext.dispatch();
SELECT state, attempts, next_attempt_at, detail FROM msgext.message_status(2001);
SELECT waiting, next_attempt_at FROM msgext.message WHERE id = 2001;

-- For its next attempt. The other one was tried, and nothing listened.
SELECT state, provider_id, code, regexp_replace(error, '^(Failed to connect).*', '\1') AS error,
    attempts, accepted_at, finished_at,
    next_attempt_at BETWEEN created_at + interval '29 min' AND created_at + interval '62 min' AS within_an_hour,
    detail #>> '{waiting,for}' AS waiting,
    (detail #>> '{waiting,until}')::timestamptz = next_attempt_at AS until
FROM msgext.message_status(2000);
SELECT waiting, state FROM msgext.message WHERE id = 2000;

-- The timeline begins with the message itself.
SELECT e.kind, e.attempt, e.state, e.channel, e.status, e.code,
    regexp_replace(e.error, '^(Failed to connect).*', '\1') AS error, e.http_status,
    e.reported_at, e.answer, e.at >= m.created_at AS in_order
FROM msgext.message_event e JOIN msgext.message m ON m.id = e.message_id
WHERE e.message_id = 2000 ORDER BY e.at;
SELECT e.at = m.created_at AS same
FROM msgext.message_event e JOIN msgext.message m ON m.id = e.message_id
WHERE e.kind = 'queued';

-- Channels.
SELECT server, provider, paused, pause_reason, queued, in_flight, unknown,
    oldest_queued_at = (SELECT min(created_at) FROM msgext.message WHERE server = 'vk' AND state = 'queued') AS oldest,
    regexp_replace(last_error, '^(Failed to connect).*', '\1') AS last_error,
    last_error_at <= clock_timestamp() AS at, last_success_at
FROM msgext.server_status;
SELECT msgext.pause_server('vk', 'night');
SELECT send('while paused');
SELECT server, paused, pause_reason, queued FROM msgext.server_status;
CALL msgext.dispatch();
SELECT state, attempts, detail FROM msgext.message_status(2002);
SELECT msgext.resume_server('vk');

-- Ends.
SELECT msgext.cancel_message(2001);
SELECT state, attempts, next_attempt_at, finished_at >= created_at AS finished, detail
FROM msgext.message_status(2001);
SELECT kind, attempt, state FROM msgext.message_event WHERE message_id = 2001 ORDER BY at;
SELECT server, paused, pause_reason, queued FROM msgext.server_status;

-- History outlives the server.
DROP SERVER vk CASCADE;
SELECT state, server, detail #>> '{waiting,for}' AS waiting FROM msgext.message_status(2002);
SELECT state, server FROM msgext.message_status(2001);
SELECT count(*) FROM msgext.server_status;
SELECT id, state FROM msgext.message ORDER BY id;

-- Looking takes no write.
BEGIN READ ONLY;
SELECT state FROM msgext.message_status(2001);
COMMIT;

-- Due later than can be told.
BEGIN;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111');
SELECT msgext.resume_server('vk');
SELECT send('late', '294276-12-31 23:59:59+00') AS id \gset
SELECT next_attempt_at, detail FROM msgext.message_status(:id);
ROLLBACK;

\c :here
DROP DATABASE regress_msgext_status;
