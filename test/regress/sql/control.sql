-- cancel_message(), retry_message(), pause_server(), resume_server(): every answer is true.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 3000, false);

-- One attempt each, and nothing listens: what is dispatched has failed.
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    max_attempts '1',
    rate_limit 'off', recipient_limit 'off');
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111');
CREATE FUNCTION send(expires_at timestamptz DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.send_vk('vk', '{"subject": "AO", "priority": "high", "routes": ["vk"],
        "validityPeriod": 180, "phone": "79031112233", "templateId": 1, "templateData": {}}',
        expires_at => expires_at)
$$;
CREATE VIEW look AS
    SELECT id, state, attempts, failures, regexp_replace(error, '^(Failed to connect).*', '\1') AS error,
        next_attempt_at, finished_at IS NOT NULL AS finished
    FROM msgext.outbox ORDER BY id;

-- No such message, no message at all.
SELECT msgext.cancel_message(3000), msgext.retry_message(3000);
SELECT msgext.cancel_message(NULL), msgext.retry_message(NULL);

-- Cancelled once, and for good.
SELECT send();
SELECT msgext.cancel_message(3000);
SELECT msgext.cancel_message(3000);
SELECT msgext.retry_message(3000);
CALL msgext.dispatch();
SELECT * FROM look WHERE id = 3000;
SELECT kind, state, actor = session_user AS by_me FROM msgext.message_event WHERE message_id = 3000 ORDER BY at;

-- In the transaction that queued it.
BEGIN;
SELECT send();
SELECT msgext.cancel_message(3001);
SELECT msgext.cancel_message(3001);
COMMIT;
SELECT state FROM msgext.message_status(3001);

-- A cancellation rolled back has not happened.
SELECT send();
BEGIN;
SELECT msgext.cancel_message(3002);
ROLLBACK;
SELECT state FROM msgext.message_status(3002);
SELECT kind FROM msgext.message_event WHERE message_id = 3002;
BEGIN;
SAVEPOINT s;
SELECT msgext.cancel_message(3002);
ROLLBACK TO s;
SELECT state FROM msgext.message_status(3002);
SELECT msgext.cancel_message(3002);
COMMIT;
SELECT state FROM msgext.message_status(3002);

-- Queued and cancelled in one statement; many in one statement; the same one twice.
SELECT msgext.cancel_message(send());
SELECT send() FROM generate_series(1, 3);
SELECT id, msgext.cancel_message(id) FROM generate_series(3003, 3007) id;
SELECT send();
SELECT msgext.cancel_message(3007) AS once, msgext.cancel_message(3007) AS twice;

-- A failed message: not to be cancelled, but to be sent again, as often as one likes.
SELECT send();
CALL msgext.dispatch();
SELECT * FROM look WHERE id = 3008;
SELECT msgext.cancel_message(3008);
SELECT msgext.retry_message(3008);
SELECT * FROM look WHERE id = 3008;
SELECT msgext.retry_message(3008);
CALL msgext.dispatch();
SELECT * FROM look WHERE id = 3008;
SELECT msgext.retry_message(3008);
SELECT msgext.cancel_message(3008);
SELECT * FROM look WHERE id = 3008;
SELECT kind, attempt, state FROM msgext.message_event WHERE message_id = 3008 ORDER BY at;

-- A retry rolled back has not happened either.
SELECT send();
CALL msgext.dispatch();
BEGIN;
SELECT msgext.retry_message(3009);
ROLLBACK;
CALL msgext.dispatch();
SELECT * FROM look WHERE id = 3009;

-- Without its server a message can be cancelled, and waits for it if queued again.
SELECT send();
SELECT msgext.pause_server('vk', 'before it goes');
SELECT paused, pause_reason FROM msgext.server_status;
DROP SERVER vk CASCADE;
SELECT msgext.retry_message(3009);
SELECT state, detail #>> '{waiting,for}' AS waiting FROM msgext.message_status(3009);
SELECT msgext.cancel_message(3010);
SELECT msgext.pause_server('vk');
SELECT msgext.resume_server('vk');
SELECT msgext.pause_server(NULL);
SELECT msgext.resume_server(NULL);

-- What is paused is the name, as messages are queued for a name.
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
SELECT paused, pause_reason FROM msgext.server_status;
SELECT msgext.resume_server('vk');
SELECT paused, pause_reason FROM msgext.server_status;

-- A reason is kept as far as people read it.
SELECT msgext.pause_server('vk', repeat('x', 1000000));
SELECT length(pause_reason) FROM msgext.server_status;
SELECT max(length(reason)) FROM msgext.server_event;
SELECT msgext.resume_server('vk');

-- Pausing and resuming follow the transaction, and may be repeated.
BEGIN;
SELECT msgext.pause_server('vk', 'first');
SELECT msgext.pause_server('vk', 'second');
SELECT paused, pause_reason FROM msgext.server_status;
ROLLBACK;
SELECT paused, pause_reason FROM msgext.server_status;
SELECT msgext.pause_server('vk', 'third');
SELECT msgext.resume_server('vk'), msgext.resume_server('vk');
SELECT paused, pause_reason FROM msgext.server_status;

-- Nothing is changed in a read-only transaction.
SELECT send();
BEGIN READ ONLY;
SAVEPOINT s;
SELECT msgext.cancel_message(3011);
ROLLBACK TO s;
SELECT msgext.retry_message(3009);
ROLLBACK TO s;
SELECT msgext.pause_server('vk');
ROLLBACK TO s;
SELECT msgext.resume_server('vk');
ROLLBACK;
SELECT state FROM msgext.message_status(3011);

-- What a message waits for is in its text, too.
SELECT msgext.pause_server('vk', 'ticket 4711');
SELECT line FROM msgext.show(3011) AS line WHERE line LIKE 'waits for%';

-- A link to a console that nobody runs is refused.
SET msgext.console_port = 1;
SELECT msgext.open_console();
RESET msgext.console_port;

DROP VIEW look;
DROP FUNCTION send;
DROP SERVER vk CASCADE;
TRUNCATE msgext.outbox, msgext.event, msgext.reminder, msgext.lane, msgext.health, msgext.server_pause, msgext.recipient_use;
