-- Extension msgext_test: what a transaction queues, seen and asserted in it. Every test here is
-- of a role that is no superuser.
-- From 18 on, an error in an extension's script has a context.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SET intervalstyle = 'postgres_verbose';
SET timezone = 'UTC';
CREATE ROLE regress_tester;
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_test;
\c regress_msgext_test
SET client_min_messages = warning;
SET intervalstyle = 'postgres_verbose';
SET timezone = 'UTC';
CREATE EXTENSION msgext;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER mail FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1/sender');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER docs OPTIONS (api_client_id 'api-1', login 'l', password 'secret-1');
CREATE USER MAPPING FOR PUBLIC SERVER sms OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER mail OPTIONS (token 'secret-3');
GRANT USAGE ON FOREIGN SERVER vk, docs, sms, mail TO PUBLIC;
GRANT CREATE ON SCHEMA public TO regress_tester;

-- Not where messages are on their way.
SELECT msgext.post_message('sms', '{"address": "79000000000", "content": "1"}',
    send_after => now() + interval '1 hour') > 0 AS queued;
CREATE EXTENSION msgext_test;
SELECT msgext.cancel_message(id) FROM msgext.message;
CREATE EXTENSION msgext_test;

-- What is installed, each with a word about it.
SELECT p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
    p.proisstrict AS strict, p.prosecdef AS secdef
FROM pg_proc p WHERE p.pronamespace = 'msgext_test'::regnamespace ORDER BY p.proname;
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'msgext_test' AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass
    AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = '';

-- The application: a trigger that sends.
SET ROLE regress_tester;
CREATE TABLE orders (id int PRIMARY KEY, phone text, status text, note text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'paid' AND OLD.status IS DISTINCT FROM 'paid' THEN
        PERFORM msgext.send_vk('vk', jsonb_build_object('subject', 'AO', 'priority', 'high', 'phone', NEW.phone,
            'validityPeriod', 180, 'templateId', 123456, 'templateData', jsonb_build_object('order', NEW.id),
            'routes', '["vk"]'::jsonb),
            operation_id => 'order-' || NEW.id || '-paid', expires_at => now() + interval '6 hours');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tell AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION tell();
INSERT INTO orders VALUES (1, '79031112233', 'new', ''), (2, '79031112234', 'new', '');

-- What it sends.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
UPDATE orders SET status = 'paid' WHERE id = 1;
SELECT n, server, sender, recipient, state, operation_id, priority, send_in, expires_in, parts,
    message #>> '{vk,templateId}' AS template
FROM msgext_test.sent;
SELECT msgext_test.now();
SELECT created_at, expires_at FROM msgext.message WHERE state = 'queued';
SELECT msgext_test.assert_sent('vk', '79031112233', 'order-1-paid', '{"vk": {"templateData": {"order": "1"}}}', 1);
SELECT method, url, headers, body, encode(bytes, 'escape') = body AS same FROM msgext_test.request(1);
ROLLBACK;
SELECT count(*) FROM msgext_test.sent;

-- Without begin(): what this transaction has queued so far counts.
BEGIN;
UPDATE orders SET status = 'paid' WHERE id = 1;
SELECT n, operation_id, send_in, expires_in FROM msgext_test.sent;
UPDATE orders SET status = 'paid' WHERE id = 2;
SELECT n, operation_id FROM msgext_test.sent;
SELECT msgext_test.begin();
SELECT n, operation_id FROM msgext_test.sent;
ROLLBACK;

-- A savepoint takes back messages, clock and case.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SAVEPOINT one;
UPDATE orders SET status = 'paid' WHERE id = 1;
SELECT msgext_test.freeze('2031-01-01 12:00Z');
SELECT n, operation_id, (SELECT msgext_test.now()) FROM msgext_test.sent;
ROLLBACK TO one;
SELECT n, operation_id FROM msgext_test.sent;
SELECT msgext_test.now();
SELECT msgext_test.begin();
SELECT msgext_test.now() BETWEEN now() AND clock_timestamp() AS runs;
ROLLBACK TO one;
SELECT msgext_test.now();
UPDATE orders SET status = 'paid' WHERE id = 2;
SELECT n, operation_id FROM msgext_test.sent;
ROLLBACK;
SELECT msgext_test.now() BETWEEN now() AND clock_timestamp() AS runs;

-- capture(): what one statement queues.
BEGIN;
UPDATE orders SET status = 'paid' WHERE id = 1;
SELECT n, operation_id, recipient FROM msgext_test.capture($$UPDATE orders SET status = 'paid'$$);
SELECT count(*) FROM msgext_test.capture('SELECT 1');
SELECT n, operation_id FROM msgext_test.sent;
SAVEPOINT one;
SELECT * FROM msgext_test.capture('UPDATE nowhere SET a = 1');
ROLLBACK TO one;
SELECT * FROM msgext_test.capture('COMMIT');
ROLLBACK;

-- A failed assertion says what was sent, and how the nearest differs.
BEGIN;
UPDATE orders SET note = 'x' WHERE id = 1;
SELECT msgext_test.refute_sent();
SELECT msgext_test.assert_sent(recipient => '79031112233');
ROLLBACK;
BEGIN;
UPDATE orders SET status = 'paid';
SAVEPOINT one;
SELECT msgext_test.refute_sent();
ROLLBACK TO one;
SELECT msgext_test.refute_sent(server => 'vk', recipient => '79031112234');
ROLLBACK TO one;
SELECT msgext_test.refute_sent(server => 'sms'), msgext_test.assert_sent(server => 'vk', times => 2);
SELECT msgext_test.assert_sent(server => 'vk', times => 1);
ROLLBACK TO one;
SELECT msgext_test.assert_sent('sms', '79031112234', 'order-2',
    '{"vk": {"templateId": 7, "routes": ["sms"], "templateData": {"order": "2", "sum": 1}}, "viber": {}}');
ROLLBACK TO one;
SELECT msgext_test.assert_sent(times => -1);
ROLLBACK;

-- The same as TAP.
BEGIN;
SELECT msgext_test.tap_sent(times => 0);
UPDATE orders SET status = 'paid' WHERE id = 1;
\pset tuples_only on
SELECT msgext_test.tap_sent('vk', description => 'a customer is told # once');
SELECT msgext_test.tap_sent('vk', '79031112233', message => '{"vk": {"templateId": 123456}}');
SELECT msgext_test.tap_sent('vk', '79031112234', description => 'another one');
SELECT msgext_test.tap_state(1, 'queued');
SELECT msgext_test.tap_state(1, 'delivered', 'it was delivered');
\pset tuples_only off
SAVEPOINT one;
SELECT msgext_test.tap_state(2, 'queued');
ROLLBACK TO one;
SELECT msgext_test.tap_state(1, 'lost');
ROLLBACK;

-- Of every provider: the payload in its words, and the request of the next attempt.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT count(msgext.post_message('sms', '{"address": "79000000000", "content": "1 < 2"}', operation_id => 'a',
    send_after => now() + interval '1 day')),
    count(msgext.post_message('mail', '{"To": "https://unit.example/bob", "Body": "hello"}', operation_id => 'b', priority => 1)),
    count(msgext.post_message('docs', '{"FromBoxId": "db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b",
        "ToBoxId": "1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru",
        "DocumentAttachments": [{"TypeNamedId": "Nonformalized",
            "Metadata": [{"Key": "FileName", "Value": "a.txt"}],
            "SignedContent": {"Content": {"part": 1}, "Signature": "MAA="}}]}',
        operation_id => 'c', parts => ARRAY['hello'::bytea]));
SELECT n, server, recipient, priority, send_in, parts, message FROM msgext_test.sent;
SELECT n, method, url, headers, body, length(bytes) > 0 AS bytes
FROM msgext_test.sent, msgext_test.request(n) WHERE server <> 'sms';
SELECT method, url, headers, body LIKE '%1 &lt; 2%' AS content, body LIKE '%111111%' AS secret, body LIKE '%tester%' AS login
FROM msgext_test.request(1);
ROLLBACK;

-- A sender without an account.
RESET ROLE;
DROP USER MAPPING FOR PUBLIC SERVER vk;
CREATE USER MAPPING FOR regress_tester SERVER vk OPTIONS (login 'tester', password '111111');
SET ROLE regress_tester;
BEGIN;
UPDATE orders SET status = 'paid' WHERE id = 1;
RESET ROLE;
DROP USER MAPPING FOR regress_tester SERVER vk;
SET ROLE regress_tester;
SELECT * FROM msgext_test.request(1);
ROLLBACK;

-- A test that commits goes on until the next one begins; another session's is another.
SELECT msgext_test.begin('2030-01-01 12:00Z');
UPDATE orders SET status = 'paid' WHERE id = 1;
SELECT n, operation_id, expires_in, (SELECT msgext_test.now()) FROM msgext_test.sent;
\c -
SELECT count(*) FROM msgext_test.sent;
SET ROLE regress_tester;

-- The clock cannot be set by hand, nor stand anywhere.
SET msgext.test_case = '1 1 1 1 1 1';
SELECT msgext_test.begin('infinity');
SELECT msgext_test.freeze('1999-01-01');
SELECT msgext_test.freeze('10000-01-01');
BEGIN READ ONLY;
SELECT msgext_test.begin();
ROLLBACK;

-- Nothing leaves a test database, and it says so.
RESET ROLE;
CALL msgext.dispatch();
SELECT server, paused, pause_reason FROM msgext.server_status ORDER BY 1;
SELECT s.detail -> 'waiting' ->> 'for' AS waits_for FROM msgext.message m, msgext.message_status(m.id) s WHERE m.state = 'queued';

-- When it is one no longer, servers are paused until somebody releases them, also what was
-- released or made meanwhile.
SELECT msgext.resume_server('vk');
CREATE SERVER late FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:1');
SELECT server, paused, pause_reason FROM msgext.server_status ORDER BY 1;
DROP EXTENSION msgext_test;
SELECT server, paused, pause_reason FROM msgext.server_status ORDER BY 1;
SELECT msgext.resume_server('sms');
SELECT server, paused FROM msgext.server_status WHERE server = 'sms';

-- A schema that somebody else has made; and again, where a server was released before.
SELECT msgext.cancel_message(id) FROM msgext.message WHERE state = 'queued';
DROP SCHEMA msgext_test;
CREATE SCHEMA msgext_test AUTHORIZATION regress_tester;
CREATE EXTENSION msgext_test;
DROP SCHEMA msgext_test;
CREATE EXTENSION msgext_test;
DROP EXTENSION msgext_test;
SELECT server, paused FROM msgext.server_status WHERE server = 'sms';
SELECT count(*) AS marks FROM msgext.origin;

-- The functions are nothing without it.
CREATE FUNCTION pretend() RETURNS void LANGUAGE c AS '$libdir/msgext', 'msgext_test_begin';
SELECT pretend();
CREATE FUNCTION pretend_to_install() RETURNS void LANGUAGE c AS '$libdir/msgext', 'msgext_test_check_idle';
SELECT pretend_to_install();

\c :here
DROP DATABASE regress_msgext_test;
DROP ROLE regress_tester;
