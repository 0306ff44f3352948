-- CALL dispatch(): the dispatcher in the foreground, until nothing is due.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 5000, false);

CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    retry_min_delay '1 hour', retry_max_delay '1 hour', rate_limit 'off', recipient_limit 'off');
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111');
CREATE FUNCTION send(phone text DEFAULT '79031112233', server name DEFAULT 'vk',
    priority int DEFAULT 3, send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.send_vk(server, jsonb_build_object('subject', 'AO', 'priority', 'high',
        'routes', '["vk"]'::jsonb, 'validityPeriod', 180, 'phone', phone, 'templateId', 1,
        'templateData', '{}'::jsonb),
        priority => priority, send_after => send_after, expires_at => expires_at)
$$;
CREATE VIEW look AS
    SELECT id, state, attempts, failures, maybe_sent, waiting,
        regexp_replace(error, '^(Failed to connect).*', '\1') AS error,
        next_attempt_at > clock_timestamp() AS later, finished_at IS NOT NULL AS finished
    FROM msgext.outbox ORDER BY id;

-- With nothing to do it comes back at once.
CALL msgext.dispatch();

-- It commits between its steps, so it cannot be part of a transaction or of a function.
BEGIN;
CALL msgext.dispatch();
ROLLBACK;
CREATE FUNCTION inside() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL msgext.dispatch(); END $$;
SELECT inside();
DROP FUNCTION inside;
CALL msgext.dispatch(NULL);
CALL msgext.dispatch('-1 s');
CALL msgext.dispatch(timeout => '1 month');
SET default_transaction_read_only = on;
CALL msgext.dispatch();
RESET default_transaction_read_only;

-- What never left is tried again later, and what was queued for later is not touched.
SELECT send();
SELECT send(send_after => now() + interval '1 day');
CALL msgext.dispatch();
SELECT * FROM look;
CALL msgext.dispatch();
SELECT id, attempts FROM look;
SELECT count(*) FROM msgext.claim;

-- From a DO block and from a procedure, outside a transaction block.
SELECT send();
DO $$ BEGIN CALL msgext.dispatch(); END $$;
SELECT attempts FROM look WHERE id = 5002;
CREATE PROCEDURE send_and_wait() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send();
    CALL msgext.dispatch();
END $$;
CALL send_and_wait();
SELECT attempts FROM look WHERE id = 5003;
DROP PROCEDURE send_and_wait;

-- Attempts run out; then time does. Attempts that are not due yet are not waited for.
ALTER SERVER vk OPTIONS (SET retry_min_delay '1 ms', SET retry_max_delay '2 ms', ADD max_attempts '3');
SELECT send();
CALL msgext.dispatch('5 s');
SELECT pg_sleep(0.05);
CALL msgext.dispatch('5 s');
SELECT pg_sleep(0.05);
CALL msgext.dispatch('5 s');
SELECT * FROM look WHERE id = 5004;
SELECT kind, attempt, state FROM msgext.message_event WHERE message_id = 5004 ORDER BY at;
ALTER SERVER vk OPTIONS (SET retry_min_delay '1 hour', SET retry_max_delay '1 hour',
    SET max_attempts '100', ADD give_up_after '1 s');
SELECT send();
CALL msgext.dispatch();
SELECT * FROM look WHERE id = 5005;
ALTER SERVER vk OPTIONS (DROP give_up_after);

-- Its own time ends: before it was tried, and before it would be tried again.
SELECT send(expires_at => clock_timestamp() + interval '50 ms');
SELECT pg_sleep(0.1);
SELECT send(expires_at => clock_timestamp() + interval '10 min');
CALL msgext.dispatch();
SELECT * FROM look WHERE id IN (5006, 5007);
SELECT kind, attempt, state, regexp_replace(error, '^(Failed to connect).*', '\1') AS error
FROM msgext.message_event WHERE message_id IN (5006, 5007) ORDER BY message_id, at;

-- Credentials are looked up when sending: without them a message waits.
SELECT send();
DROP USER MAPPING FOR CURRENT_USER SERVER vk;
DO $$
DECLARE hint text;
BEGIN
    PERFORM send();
EXCEPTION WHEN undefined_object THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RAISE WARNING '%', replace(SQLERRM, current_user, 'me') USING HINT = hint;
END $$;
CALL msgext.dispatch();
SELECT id, state, attempts, waiting, replace(error, current_user, 'me') AS error, later
FROM look WHERE id >= 5008;
SELECT replace(last_error, current_user, 'me') AS last_error FROM msgext.server_status;

-- The server itself may go, and come back.
DROP SERVER vk CASCADE;
CALL msgext.dispatch();
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    retry_min_delay '1 hour', retry_max_delay '1 hour', recipient_limit '1/day', rate_limit 'off');
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111');

-- So many a day for one recipient; the others are not held up.
SELECT send('79030000001'), send('79030000001'), send('79030000002');
CALL msgext.dispatch();
SELECT id, state, attempts, waiting, later FROM look WHERE id > 5008;

-- Another limit is heeded by the next dispatcher, which has not seen the one before.
ALTER SERVER vk OPTIONS (SET recipient_limit 'off');
CALL msgext.dispatch();
SELECT id, state, attempts, waiting, later FROM look WHERE id = 5010;

-- So many a second for the channel: dispatch() waits for its turn, as long as it is told to.
ALTER SERVER vk OPTIONS (SET rate_limit '1/hour');
SELECT send(), send();
CALL msgext.dispatch('100 ms');
SELECT id, state, attempts, waiting, later FROM look WHERE id > 5011;
SELECT state, detail #>> '{waiting,for}' AS waiting, next_attempt_at > clock_timestamp() AS later
FROM msgext.message_status(5013);

-- Where the turn comes soon it is waited for, also by a dispatcher that has just begun.
CREATE SERVER slow FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    retry_min_delay '1 hour', retry_max_delay '1 hour', rate_limit '5/s', recipient_limit 'off');
CREATE USER MAPPING FOR PUBLIC SERVER slow OPTIONS (login 'tester', password '111111');
SELECT send(server => 'slow') FROM generate_series(1, 7);
CALL msgext.dispatch();
SELECT send(server => 'slow');
CALL msgext.dispatch();
SELECT attempts, count(*) FROM look JOIN msgext.outbox USING (id, attempts)
WHERE server = 'slow' GROUP BY 1;

-- A mapping without what the provider asks for.
CREATE SERVER bare FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER bare OPTIONS (login 'tester');
SELECT send(server => 'bare');
CALL msgext.dispatch();
SELECT state, waiting, error FROM look WHERE id = 5022;
SELECT server, paused, pause_reason, queued, last_error FROM msgext.server_status WHERE server = 'bare';
ALTER USER MAPPING FOR PUBLIC SERVER bare OPTIONS (ADD password '111111');
SELECT send(server => 'bare');
CALL msgext.dispatch();
SELECT id, state, waiting, error FROM look WHERE id IN (5022, 5023) ORDER BY id;

-- What is to be written is written, however its session's next transactions would begin.
CREATE PROCEDURE dispatch_read_only() LANGUAGE plpgsql AS $$
BEGIN
    SET default_transaction_read_only = on;
    CALL msgext.dispatch();
END $$;
ALTER SERVER bare OPTIONS (ADD retry_min_delay '1 hour', ADD retry_max_delay '1 hour');
SELECT send(server => 'bare');
CALL dispatch_read_only();
RESET default_transaction_read_only;
SELECT state, attempts, error FROM look WHERE id = 5024;
DROP PROCEDURE dispatch_read_only;

DROP VIEW look;
DROP FUNCTION send;
DROP SERVER vk, slow, bare CASCADE;
SELECT count(*) AS claims FROM msgext.claim;
TRUNCATE msgext.outbox, msgext.event, msgext.reminder, msgext.lane, msgext.health, msgext.server_pause, msgext.recipient_use;
