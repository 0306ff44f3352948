-- post_message() and send_vk(): what is taken, what is refused and why, what is stored.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SET datestyle = 'ISO';
SET timezone = 'UTC';
SELECT setval('msgext.outbox_id_seq', 1000, false) > 0 AS ids_from_1000;

CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111');

-- The reference's own example, and what will be sent of it.
BEGIN;
SELECT msgext.send_vk('vk',
    '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
      "phone": "79999999999", "templateId": "123456",
      "templateData": {"param1": "value1", "param2": "value2"}}',
    '{"subject": "AO", "priority": "high", "validityPeriodSec": 30, "type": "viber",
      "comment": "comment", "contentType": "button", "text": "text", "caption": "caption",
      "action": "http://company.com/resource", "imageUrl": "http://company.com/image.jpg",
      "dstAddress": "79999999999"}',
    '{"srcAddress": "TESTSMS", "text": "тест сообщения", "validityPeriod": 60,
      "dstAddress": "79999999999"}') AS id;
SELECT convert_from(payload, 'UTF8') AS payload FROM msgext.outbox WHERE id = 1000;
SELECT server, provider, sender = current_user AS mine, state, priority, attempts, failures,
    maybe_sent, operation_id, send_after, expires_at, next_attempt_at, waiting, limit_key,
    recipient, channels, provider_id, detail, created_at = queued_at AS just_queued,
    xid = pg_current_xact_id_if_assigned() AS in_this_transaction
FROM msgext.outbox WHERE id = 1000;
COMMIT;

-- Canonical form: known members in the document's order, whole numbers as numbers, phones
-- as digits, defaults spelled out, dstAddress taken from the vk block.
CREATE FUNCTION vk(patch jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
             "phone": "79031112233", "templateId": 1, "templateData": {}}'::jsonb || patch
$$;
CREATE FUNCTION viber(patch jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"subject": "AO", "priority": "low", "validityPeriod": 30, "type": "viber",
             "contentType": "text", "text": "hello"}'::jsonb || patch
$$;
CREATE FUNCTION sms(patch jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"srcAddress": "TESTSMS", "text": "hello", "validityPeriod": 60}'::jsonb || patch
$$;
CREATE FUNCTION stored(message jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    mid bigint := msgext.post_message('vk', message);
BEGIN
    RETURN (SELECT convert_from(payload, 'UTF8') || ' for ' || recipient || ' by ' || channels
            FROM msgext.outbox o WHERE o.id = mid);
END $$;

SELECT stored(jsonb_build_object('vk', vk()));
SELECT stored(jsonb_build_object('vk', vk('{"phone": "+79031112233"}')));
SELECT stored(jsonb_build_object('vk', vk('{"phone": 491791112233}')));
SELECT stored(jsonb_build_object('vk', vk('{"routes": ["ok", "vk"]}')));
SELECT stored(jsonb_build_object('vk', vk('{"deliveryPolicy": "mobile_device_required"}')));
SELECT stored(jsonb_build_object('vk', vk('{"validityPeriod": "15"}')));
SELECT stored(jsonb_build_object('vk', vk('{"validityPeriod": 86400}')));
SELECT stored(jsonb_build_object('vk', vk('{"subject": "одиннадцать"}')));
SELECT stored(jsonb_build_object('vk', vk(), 'viber', NULL, 'sms', NULL));
SELECT stored(jsonb_build_object('vk', vk(), 'viber', viber()));
SELECT stored(jsonb_build_object('vk', vk(), 'viber',
    viber('{"contentType": "image", "text": null, "imageUrl": "http://c.com/i.png"}')));
SELECT stored(jsonb_build_object('vk', vk(), 'sms', sms()));
SELECT stored(jsonb_build_object('vk', vk(), 'sms', sms('{"dstAddress": "+79031112233"}')));
SELECT stored(jsonb_build_object('vk', vk(), 'sms', sms('{"dstAddress": "79990000000"}'),
    'allowDifferentRecipients', true));

-- Numbers never pass through a double; in templateData they become strings.
SELECT stored(jsonb_build_object('vk', vk('{"templateId": 9223372036854775807}')));
SELECT stored(jsonb_build_object('vk', vk('{"templateId": 9007199254740993}')));
SELECT stored(jsonb_build_object('vk', vk('{"templateData": {"id": 9007199254740993,
    "huge": 123456789012345678901234567890, "sum": 0.10, "yes": true, "no": false,
    "text": "Иванов А.Б. \"\\ \u0001\n"}}')));

-- Every code of the reference that a payload can earn. NULL: it was taken.
CREATE FUNCTION refusal(message jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    what text;
BEGIN
    PERFORM msgext.post_message('vk', message);
    RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, what = MESSAGE_TEXT;
    RETURN coalesce(nullif(detail, ''), what);
END $$;

SELECT patch, refusal(jsonb_build_object('vk', vk(patch))) FROM unnest(ARRAY[
    '{"subject": null}', '{"subject": ""}', '{"subject": 5}', '{"subject": "двенадцать--"}',
    '{"priority": null}', '{"priority": ""}', '{"priority": "normal"}', '{"priority": "HIGH"}',
    '{"routes": null}', '{"routes": []}', '{"routes": "vk"}', '{"routes": ["vk", "vk"]}',
    '{"routes": ["sms"]}', '{"routes": [1]}',
    '{"validityPeriod": null}', '{"validityPeriod": 14}', '{"validityPeriod": 86401}',
    '{"validityPeriod": 60.5}', '{"validityPeriod": "1 min"}', '{"validityPeriod": -180}',
    '{"deliveryPolicy": "all"}', '{"deliveryPolicy": ""}',
    '{"phone": null}', '{"phone": ""}', '{"phone": "8 903 111-22-33"}', '{"phone": "++79031112233"}',
    '{"phone": "123456"}', '{"phone": "1234567890123456"}', '{"phone": "09031112233"}',
    '{"phone": 7.5}', '{"phone": true}',
    '{"templateId": null}', '{"templateId": 0}', '{"templateId": -1}', '{"templateId": 1.5}',
    '{"templateId": 9223372036854775808}', '{"templateId": "welcome"}',
    '{"templateData": null}', '{"templateData": []}', '{"templateData": "x"}',
    '{"templateData": {"a": null}}', '{"templateData": {"a": {"b": "c"}}}',
    '{"templateData": {"a": []}}',
    '{"subjekt": "AO"}', '{"Phone": "79031112233"}']::jsonb[]) AS patch;

SELECT patch, refusal(jsonb_build_object('vk', vk(), 'viber', viber(patch))) FROM unnest(ARRAY[
    '{"subject": null}', '{"subject": "двенадцать--"}',
    '{"priority": null}', '{"priority": "normal"}',
    '{"validityPeriod": null}', '{"validityPeriod": 29}', '{"validityPeriod": 86401}',
    '{"validityPeriodSec": 30}', '{"validityPeriod": null, "validityPeriodSec": 30}',
    '{"type": null}', '{"type": "sms"}',
    '{"comment": 5}', '{"comment": ""}',
    '{"contentType": null}', '{"contentType": "video"}',
    '{"text": null}', '{"text": 5}', '{"caption": "press"}', '{"imageUrl": "http://c.com/i"}',
    '{"contentType": "image"}', '{"contentType": "image", "text": null}',
    '{"contentType": "button"}', '{"contentType": "button", "caption": "press"}',
    '{"contentType": "button", "caption": "more than nineteen ch", "action": "http://c.com"}',
    '{"contentType": "button", "caption": "press", "action": "http://c.com"}',
    '{"dstAddress": "soon"}', '{"dstAddress": "79990000000"}', '{"colour": "red"}']::jsonb[])
    AS patch;
SELECT refusal(jsonb_build_object('vk', vk(), 'viber',
    viber(jsonb_build_object('text', repeat('ж', 1000))))) AS a_thousand_characters;
SELECT refusal(jsonb_build_object('vk', vk(), 'viber',
    viber(jsonb_build_object('text', repeat('ж', 1001))))) AS one_more;
SELECT refusal(jsonb_build_object('vk', vk(), 'sms', sms(), 'viber',
    viber('{"contentType": "image", "text": null, "imageUrl": "http://c.com/i"}')));

SELECT patch, refusal(jsonb_build_object('vk', vk(), 'sms', sms(patch))) FROM unnest(ARRAY[
    '{"srcAddress": null}', '{"srcAddress": "ТЕСТ"}', '{"srcAddress": "TWELVE-CHARS"}',
    '{"text": null}', '{"text": ""}', '{"text": 5}',
    '{"validityPeriod": null}', '{"validityPeriod": 59}', '{"validityPeriod": 86401}',
    '{"dstAddress": ""}', '{"dstAddress": "79990000000"}', '{"route": "x"}']::jsonb[]) AS patch;

SELECT message, refusal(message) FROM unnest(ARRAY[
    '{}', '[]', '[{"vk": {}}]', '"text"', '5', 'true', 'null', '{"vk": null}', '{"vk": []}', '{"vk": "x"}',
    '{"vk": {}}', '{"sms": {}}', '{"vk": {}, "whatsapp": {}}', '{"VK": {}}']::jsonb[]) AS message;
SELECT refusal(jsonb_build_object('vk', vk(), 'viber', 5));
SELECT refusal(jsonb_build_object('vk', vk(), 'allowDifferentRecipients', 'yes'));

-- The error as a person sees it.
SELECT msgext.post_message('vk', jsonb_build_object('vk', vk('{"phone": "soon"}')));
SELECT msgext.send_vk('vk', vk('{"phone": "soon"}'));

-- NULL arguments.
SELECT msgext.post_message(NULL, '{}');
SELECT msgext.post_message('vk', NULL);
SELECT msgext.send_vk(NULL, '{}');
SELECT msgext.send_vk('vk', NULL);
SELECT msgext.post_message('vk', jsonb_build_object('vk', vk()), NULL, NULL, NULL, NULL, NULL) > 0
    AS taken;
SELECT priority, operation_id, send_after, expires_at
FROM msgext.message ORDER BY id DESC LIMIT 1;

-- Servers.
SELECT msgext.post_message('nowhere', '{}');
SELECT msgext.send_vk('nowhere', '{}');

-- Priorities.
SELECT msgext.send_vk('vk', vk(), priority => 0);
SELECT msgext.send_vk('vk', vk(), priority => 6);
SELECT p, msgext.send_vk('vk', vk(), priority => p, operation_id => 'priority ' || p) > 0 AS taken
FROM generate_series(1, 5) p;
SELECT operation_id, priority FROM msgext.message WHERE operation_id LIKE 'priority%' ORDER BY id;

-- Times.
SELECT msgext.send_vk('vk', vk(), expires_at => now() - interval '1 s');
SELECT msgext.send_vk('vk', vk(), expires_at => now());
SELECT msgext.send_vk('vk', vk(), send_after => now() + interval '2 h',
    expires_at => now() + interval '1 h');
SELECT msgext.send_vk('vk', vk(), send_after => 'infinity');
SELECT msgext.send_vk('vk', vk(), expires_at => 'infinity') > 0 AS taken;
SELECT msgext.send_vk('vk', vk(), send_after => '-infinity');
SELECT msgext.send_vk('vk', vk(), send_after => '2001-01-01', expires_at => '2999-01-01') > 0
    AS taken;
SELECT send_after, expires_at FROM msgext.message ORDER BY id DESC LIMIT 1;

-- Idempotency: the same id, and nothing new; another payload is an error.
SELECT setval('msgext.outbox_id_seq', 1200, false);
SELECT msgext.send_vk('vk', vk(), operation_id => 'order 7');
SELECT msgext.send_vk('vk', vk(), operation_id => 'order 7', priority => 1);
SELECT msgext.send_vk('vk', vk('{"phone": "+79031112233"}'), operation_id => 'order 7');
SELECT msgext.send_vk('vk', vk('{"phone": "79990000000"}'), operation_id => 'order 7');
SELECT count(*) FROM msgext.message WHERE operation_id = 'order 7';
SELECT msgext.send_vk('vk', vk(), operation_id => 'order 8') AS one,
    msgext.send_vk('vk', vk(), operation_id => 'order 8') AS again;
SELECT array_agg(DISTINCT msgext.send_vk('vk', vk(), operation_id => 'order 9'))
FROM generate_series(1, 3);
SELECT msgext.send_vk('vk', vk(), operation_id => '');
SELECT msgext.send_vk('vk', vk(), operation_id => repeat('x', 256));
SELECT msgext.send_vk('vk', vk(), operation_id => repeat('x', 255)) > 0 AS taken;

-- It is unique per server.
CREATE SERVER vk2 FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk2 OPTIONS (login 'tester', password '111111');
SELECT msgext.send_vk('vk2', vk(), operation_id => 'order 7') = 1200 AS the_first_one;

-- Rolled back with its transaction, it never was.
BEGIN;
SELECT msgext.send_vk('vk', vk(), operation_id => 'order 10') > 0 AS taken;
ROLLBACK;
SELECT count(*) FROM msgext.message WHERE operation_id = 'order 10';
SELECT msgext.send_vk('vk', vk('{"phone": "79990000000"}'), operation_id => 'order 10') > 0
    AS taken;

-- Parts are for providers that have them.
SELECT msgext.post_message('vk', jsonb_build_object('vk', vk()), parts => ARRAY['\x00'::bytea]);
SELECT msgext.post_message('vk', jsonb_build_object('vk', vk()), parts => ARRAY[]::bytea[]) > 0
    AS taken;

-- The caller's own words to find it by: an object, which comes back as it was.
BEGIN;
SELECT msgext.send_vk('vk', vk(), ref => '{"order": 1001, "lines": [1, 2]}') AS id \gset
SELECT ref, recipient FROM msgext.message WHERE id = :id;
SELECT kind, ref FROM msgext.message_event WHERE message_id = :id;
SELECT msgext.send_vk('vk', vk()) AS id \gset
SELECT ref FROM msgext.message WHERE id = :id;
COMMIT;
SELECT msgext.send_vk('vk', vk(), ref => '[1001]');
SELECT msgext.send_vk('vk', vk(), ref => 'null');
SELECT msgext.send_vk('vk', vk(), ref => jsonb_build_object('long', repeat('x', 8192)));
SELECT msgext.send_vk('vk', vk(), ref => jsonb_build_object('long', repeat('x', 8000))) > 0 AS taken;
SELECT msgext.send_vk('vk', vk(), ref => '{"longer than it looks": 1e131071}');

-- Savepoints.
BEGIN;
SELECT msgext.send_vk('vk', vk(), operation_id => 'before') > 0 AS taken;
SAVEPOINT s;
SELECT msgext.send_vk('vk', vk(), operation_id => 'inside') > 0 AS taken;
SELECT msgext.send_vk('vk', vk('{"phone": null}'), operation_id => 'bad');
ROLLBACK TO s;
SELECT msgext.send_vk('vk', vk(), operation_id => 'after') > 0 AS taken;
SAVEPOINT t;
SELECT msgext.send_vk('vk', vk(), operation_id => 'released') > 0 AS taken;
RELEASE t;
COMMIT;
SELECT operation_id, o.xid = max(o.xid) OVER () AS of_one_transaction FROM msgext.outbox o
WHERE operation_id IN ('before', 'inside', 'bad', 'after', 'released') ORDER BY id;

-- From a trigger, the message is of the transaction of the row.
CREATE TABLE orders (id int PRIMARY KEY, phone text, message bigint);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.message := msgext.send_vk('vk', vk(jsonb_build_object('phone', NEW.phone)),
                                  operation_id => 'orders ' || NEW.id);
    RETURN NEW;
END $$;
CREATE TRIGGER tell BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION tell();
INSERT INTO orders VALUES (1, '79031112233');
INSERT INTO orders VALUES (2, 'none');
INSERT INTO orders SELECT i, '7903111220' || i FROM generate_series(3, 5) i;
SELECT o.id, m.operation_id, x.recipient
FROM orders o LEFT JOIN msgext.message m ON m.id = o.message
    LEFT JOIN msgext.outbox x ON x.id = m.id ORDER BY 1;

-- From PL/pgSQL, where a refusal costs no more than its block.
DO $$
DECLARE
    sent int := 0;
    i int;
BEGIN
    FOR i IN 1..4 LOOP
        BEGIN
            PERFORM msgext.send_vk('vk', vk(jsonb_build_object('phone',
                CASE WHEN i = 3 THEN 'x' ELSE '7903111000' || i END)),
                operation_id => 'loop ' || i);
            sent := sent + 1;
        EXCEPTION WHEN invalid_parameter_value THEN
            RAISE WARNING 'refused: %', i;
        END;
    END LOOP;
    RAISE WARNING 'sent: %', sent;
END $$;
SELECT operation_id FROM msgext.message WHERE operation_id LIKE 'loop%' ORDER BY id;

-- INSERT ... SELECT, many at once; the ids come back.
CREATE TABLE sent AS
SELECT i, msgext.send_vk('vk', vk(jsonb_build_object('templateData',
    jsonb_build_object('n', i)))) AS id
FROM generate_series(1, 1000) i;
SELECT count(*), count(DISTINCT s.id), bool_and(convert_from(o.payload, 'UTF8')
    LIKE '%"templateData":{"n":"' || i || '"}}}') AS right_ones
FROM sent s JOIN msgext.outbox o USING (id);

-- Among them subtransactions that are rolled back, a fault of the message itself too; each
-- message is seen at once.
CREATE FUNCTION two(i int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    sent bigint;
BEGIN
    sent := msgext.send_vk('vk', vk(), operation_id => 'two ' || i);
    BEGIN
        sent := msgext.send_vk('vk', vk(), operation_id => 'undone ' || i);
        sent := msgext.send_vk('vk', CASE WHEN i % 2 = 0 THEN vk('{"phone": "x"}') ELSE vk() END);
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero OR invalid_parameter_value THEN
        sent := msgext.send_vk('vk', vk());
    END;
    RETURN (SELECT state FROM msgext.message WHERE id = sent);
END$$;
SELECT count(*), two(i) FROM generate_series(1, 20) i GROUP BY 2;
SELECT count(*) FILTER (WHERE operation_id LIKE 'two %') AS kept,
    count(*) FILTER (WHERE operation_id LIKE 'undone %') AS undone
FROM msgext.message;
SELECT count(*) FROM msgext.message m WHERE id > (SELECT max(id) FROM sent);

-- One of them fails, and so all do; the next statement is none the worse.
SELECT msgext.send_vk('vk', vk(), operation_id => 'all ' || i), 1 / (3 - i) FROM generate_series(1, 5) i;
SELECT msgext.send_vk('vk', vk(CASE WHEN i = 3 THEN '{"phone": "x"}' ELSE '{}' END::jsonb),
    operation_id => 'all ' || i) FROM generate_series(1, 5) i;
SELECT count(msgext.send_vk('vk', vk(), operation_id => 'all ' || i % 3)) FROM generate_series(1, 5) i;
SELECT operation_id FROM msgext.message WHERE operation_id LIKE 'all %' ORDER BY 1;

-- What a cursor has not fetched yet is not sent yet.
BEGIN;
DECLARE slow CURSOR FOR SELECT msgext.send_vk('vk', vk(), operation_id => 'fetched ' || i) FROM generate_series(1, 9) i;
MOVE 4 IN slow;
SELECT count(*) FROM msgext.message WHERE operation_id LIKE 'fetched %';
MOVE 2 IN slow;
SELECT count(*) FROM msgext.message WHERE operation_id LIKE 'fetched %';
COMMIT;

-- Queries within functions, commands that want the table closed, COPY, triggers that are
-- deferred, a procedure that commits.
CREATE FUNCTION three(i int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM msgext.send_vk('vk', vk(), operation_id => 'three ' || i || g) FROM generate_series(1, 2) g;
    IF i = 2 THEN
        CREATE INDEX passing ON msgext.outbox (id);
    END IF;
    PERFORM msgext.send_vk('vk', vk(), operation_id => 'three ' || i || '3');
    IF i = 2 THEN
        DROP INDEX msgext.passing;
    END IF;
END$$;
SELECT count(three(i)) FROM generate_series(1, 3) i;
SELECT count(*) FROM msgext.message WHERE operation_id LIKE 'three %';
CREATE TABLE copied (phone text);
CREATE FUNCTION send_copied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM msgext.send_vk('vk', vk(jsonb_build_object('phone', NEW.phone)), ref => '{"by": "trigger"}');
    RETURN NULL;
END$$;
CREATE TRIGGER send AFTER INSERT ON copied FOR EACH ROW EXECUTE FUNCTION send_copied();
COPY copied FROM STDIN;
79031110001
79031110002
79031110003
\.
COPY copied FROM STDIN;
79031110004
x
\.
COPY copied FROM STDIN;
79031110005
\.
DROP TRIGGER send ON copied;
CREATE CONSTRAINT TRIGGER send AFTER INSERT ON copied DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION send_copied();
INSERT INTO copied SELECT 79031110005 + i FROM generate_series(1, 3) i;
SELECT array_agg(recipient ORDER BY recipient) FROM msgext.message WHERE ref @> '{"by": "trigger"}';
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 3 LOOP
        PERFORM msgext.send_vk('vk', vk(), operation_id => 'commits ' || i || g) FROM generate_series(1, 3) g;
        IF i = 2 THEN
            ROLLBACK;
        ELSE
            COMMIT;
        END IF;
    END LOOP;
END$$;
CALL commits();
SELECT operation_id FROM msgext.message WHERE operation_id LIKE 'commits %' ORDER BY 1;

-- Prepared and cursor calls, and a read-only transaction.
PREPARE send(text) AS
    SELECT msgext.send_vk('vk', vk(), operation_id => $1) IS NOT NULL AS taken;
EXECUTE send('prepared 1');
EXECUTE send('prepared 2');
BEGIN READ ONLY;
SELECT msgext.send_vk('vk', vk());
ROLLBACK;

-- lastval() stays the application's, who may want to know the id of a row whose trigger has queued.
CREATE TABLE own (id serial, phone text DEFAULT '79031110009');
CREATE TRIGGER send AFTER INSERT ON own FOR EACH ROW EXECUTE FUNCTION send_copied();
INSERT INTO own DEFAULT VALUES;
SELECT lastval() = max(id) AS own FROM own;
INSERT INTO own SELECT FROM generate_series(1, 3);
SELECT msgext.cancel_message(id) FROM msgext.message WHERE recipient = '79031110009';
SELECT lastval() = max(id) AS own FROM own;
DROP TABLE own;

-- Nothing of the credentials is stored with a message.
SELECT count(*) FROM msgext.outbox
WHERE outbox::text LIKE '%111111%' OR convert_from(payload, 'UTF8') LIKE '%111111%';

DROP PROCEDURE commits;
DROP TABLE sent, orders, copied;
DROP FUNCTION two, three, send_copied, tell, refusal, stored, vk, viber, sms;
DROP SERVER vk, vk2 CASCADE;
TRUNCATE msgext.outbox, msgext.event;
