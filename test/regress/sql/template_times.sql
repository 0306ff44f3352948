-- When a template's messages leave, and what becomes of those of one key: expires_in,
-- quiet_hours, debounce, on_conflict, on_invalid. The clock of messages stands still.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_times;
\c regress_msgext_times
SET client_min_messages = warning;
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1', expires_after '5 days');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE TABLE orders (id int, status text, phone text, zone text);
CREATE FUNCTION message(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('vk', '{"subject": "SHOP", "priority": "high", "routes": ["vk"], "validityPeriod": 3600,
        "phone": "{{new.phone}}", "templateId": 7, "templateData": {"order": "{{new.id}}", "now": "{{new.status}}"}}' || more) $$;
CREATE VIEW sent AS SELECT state, operation_id AS key, send_in, expires_in, message #>> '{vk,templateData,now}' AS now
    FROM msgext_test.sent ORDER BY n;
SELECT msgext.create_template('status', 'vk', message());
CREATE TRIGGER status AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('status');

-- The server's own bound, then the template's.
BEGIN;
SELECT msgext_test."begin"('2026-11-29 12:00Z');
INSERT INTO orders VALUES (1, 'new', '79031112233');
SELECT msgext.alter_template('status', expires_in => '6 hours');
UPDATE orders SET status = 'paid';
SELECT * FROM sent;
ROLLBACK;

-- Quiet hours: in the zone given, in the recipient's, and in time_zone where he has none. An
-- expiry is counted from when it may leave.
BEGIN;
SELECT msgext.alter_template('status', quiet_hours => '22:00-09:00 {{new.zone}}', time_zone => 'Europe/Moscow', expires_in => '1 hour');
SELECT msgext_test."begin"('2026-11-29 12:00Z');
INSERT INTO orders VALUES (1, 'Moscow 15:00', '79031112233', 'Europe/Moscow'), (2, 'Vladivostok 22:00', '79031112233', 'Asia/Vladivostok'),
    (3, 'Novosibirsk 19:00', '79031112233', 'Asia/Novosibirsk'), (4, 'Los Angeles 4:00', '79031112233', 'America/Los_Angeles'),
    (5, 'no zone', '79031112233', NULL);
SELECT * FROM sent;
SELECT msgext_test."begin"('2026-11-29 23:30Z');
INSERT INTO orders VALUES (5, 'no zone 02:30', '79031112233', NULL);
SELECT * FROM sent;
ROLLBACK;
BEGIN;
SELECT msgext.alter_template('status', quiet_hours => '12:30-14:00');
SELECT msgext_test."begin"('2026-11-29 13:59:59Z');
INSERT INTO orders VALUES (5, 'one second', '79031112233');
SELECT msgext_test."begin"('2026-11-29 14:00Z');
INSERT INTO orders VALUES (5, 'just over', '79031112233');
SELECT * FROM sent;
ROLLBACK;
-- The night in which the clocks go forward is an hour shorter.
BEGIN;
SELECT msgext.alter_template('status', quiet_hours => '22:00-09:00 Europe/Berlin');
SELECT msgext_test."begin"('2026-03-28 23:00Z');
INSERT INTO orders VALUES (5, 'midnight', '79031112233');
SELECT * FROM sent;
ROLLBACK;
BEGIN;
SELECT msgext.alter_template('status', quiet_hours => '22:00-09:00 {{new.zone}}');
INSERT INTO orders VALUES (5, 'nowhere', '79031112233', 'Europe/Atlantis');
ROLLBACK;

-- Debounce: the last one of a key, for as long as it goes on, but not for ever.
BEGIN;
SELECT msgext.alter_template('status', operation_id => 'order-{{new.id}}', debounce => '10 minutes', max_wait => '15 minutes', expires_in => '1 day');
SELECT msgext_test."begin"('2026-11-29 12:00Z');
INSERT INTO orders VALUES (1, 'one', '79031112233'), (2, 'other', '79031112233');
SELECT * FROM sent WHERE state = 'queued';
SELECT msgext_test.freeze('2026-11-29 12:04Z');
UPDATE orders SET status = 'two' WHERE id = 1;
SELECT state, key, send_in, now FROM sent;
SELECT msgext_test.freeze('2026-11-29 12:12Z');
UPDATE orders SET status = 'three' WHERE id = 1;
SELECT state, key, send_in, now FROM sent;
ROLLBACK;
-- However long it waits, it wakes nobody up, and is worth something as long as any.
BEGIN;
SELECT msgext.alter_template('status', operation_id => 'order-{{new.id}}', debounce => '10 minutes', max_wait => '15 minutes',
    quiet_hours => '12:15-20:00 UTC', expires_in => '1 hour');
SELECT msgext_test."begin"('2026-11-29 12:01Z');
INSERT INTO orders VALUES (1, 'one', '79031112233');
SELECT state, key, send_in, expires_in, now FROM sent;
SELECT msgext_test.freeze('2026-11-29 12:08Z');
UPDATE orders SET status = 'two' WHERE id = 1;
SELECT state, key, send_in, expires_in, now FROM sent WHERE state = 'queued';
ROLLBACK;
SELECT msgext.create_template('bad', 'vk', message(), debounce => '1 minute');
SELECT msgext.create_template('bad', 'vk', message(), operation_id => 'x', max_wait => '1 minute');
SELECT msgext.create_template('bad', 'vk', message(), operation_id => 'x', debounce => '2 minutes', max_wait => '1 minute');

-- A key that has been used.
BEGIN;
SELECT msgext.alter_template('status', operation_id => 'order-{{new.id}}');
INSERT INTO orders VALUES (1, 'one', '79031112233');
SAVEPOINT before;
UPDATE orders SET status = 'two';
ROLLBACK TO before;
SELECT msgext.alter_template('status', on_conflict => 'return');
UPDATE orders SET status = 'two';
SELECT state, key, now FROM sent;
SELECT msgext.alter_template('status', on_conflict => 'replace');
UPDATE orders SET status = 'three';
SELECT state, key, now FROM sent;
ROLLBACK;
-- No key where it comes out empty; one that is too long is not valid.
BEGIN;
SELECT msgext.alter_template('status', operation_id => '{{new.zone}}', on_invalid => 'record');
INSERT INTO orders VALUES (1, 'one', '79031112233', NULL), (1, 'two', '79031112233', ''), (1, 'three', '79031112233', repeat('x', 256));
SELECT state, key, now FROM sent;
SELECT state, code, error FROM msgext.message WHERE state = 'rejected';
ROLLBACK;

-- What the provider would refuse, and what cannot even be rendered, fails no order.
BEGIN;
SELECT msgext.alter_template('status', message => message('{"templateData": {"day": "{{new.zone|date:DD.MM}}"}}'), on_invalid => 'record');
INSERT INTO orders VALUES (1, 'bad phone', 'nonsense', '2026-11-29'), (1, 'bad date', '79031112233', 'no date');
SELECT state, code, error, template, template_version > 1 AS known FROM msgext.message ORDER BY id;
SELECT msgext.message_payload(id) #>> '{vk,phone}' AS phone FROM msgext.message ORDER BY id;
SELECT msgext.alter_template('status', on_invalid => 'error');
INSERT INTO orders VALUES (1, 'bad phone', 'nonsense');
ROLLBACK;
-- As the server says, where the template does not.
BEGIN;
ALTER SERVER vk OPTIONS (ADD on_invalid 'record');
INSERT INTO orders VALUES (1, 'bad phone', 'nonsense');
SELECT state, code FROM msgext.message;
ROLLBACK;

-- The same in advance.
BEGIN;
SELECT msgext.alter_template('status', operation_id => 'order-{{new.id}}', debounce => '10 minutes', expires_in => '1 hour');
SELECT msgext_test.freeze('2026-11-29 12:00Z');
SELECT operation_id, send_after, expires_at FROM msgext.preview_template('status', ROW(1, 'x', '79031112233', NULL)::orders);
ROLLBACK;

-- Queued by a clock that was a month ahead, and is put right: it waits as long as it was to,
-- and is worth something as long; quiet hours end at their time of the day; what a caller has
-- named is a time.
BEGIN;
SELECT msgext.alter_template('status', operation_id => 'order-{{new.id}}', debounce => '10 minutes', max_wait => '15 minutes', expires_in => '1 day');
SELECT msgext_test."begin"('2026-12-29 12:00Z');
INSERT INTO orders VALUES (1, 'one', '79031112233'), (2, 'other', '79031112234');
SELECT count(msgext.post_message('vk', jsonb_set(message(), '{vk,phone}', '"79031112235"'), send_after => now() + interval '10 minutes')) AS named;
SELECT msgext_test.freeze('2026-11-29 12:00Z');
SELECT count(*) FROM msgext_test.run();
SELECT operation_id, waiting, send_after, expires_at, next_attempt_at FROM msgext.message ORDER BY id;
SELECT msgext_test.freeze('2026-11-29 12:06Z');
UPDATE orders SET status = 'two' WHERE id = 1;
SELECT count(*) FROM msgext_test.run();
SELECT operation_id, state, send_after, expires_at FROM msgext.message ORDER BY id;
SELECT n, attempt, answer, state FROM msgext_test.advance('9 minutes');
SELECT operation_id, state, waiting FROM msgext.message ORDER BY id;
ROLLBACK;
BEGIN;
SELECT msgext.alter_template('status', quiet_hours => '22:00-09:00 UTC');
SELECT msgext_test."begin"('2026-12-29 23:30Z');
INSERT INTO orders VALUES (1, 'one', '79031112233');
SELECT msgext_test.freeze('2026-11-29 20:00Z');
SELECT count(*) FROM msgext_test.run();
SELECT send_after, next_attempt_at FROM msgext.message;
ROLLBACK;

\c :here
DROP DATABASE regress_msgext_times;
