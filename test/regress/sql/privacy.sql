-- Privacy: block_recipient(), unblock_recipient(), forget_recipient(), option payload_retention.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_privacy TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_privacy
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
CREATE ROLE regress_owner SUPERUSER;
SET SESSION AUTHORIZATION regress_owner;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1', rate_limit 'off',
    recipient_limit '5/day', max_attempts '1');
CREATE SERVER other FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1', rate_limit 'off');
CREATE SERVER cells FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1/cell');
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER cells OPTIONS (token 'abc');
CREATE USER MAPPING FOR PUBLIC SERVER hook;
CREATE FUNCTION send(phone text, server name DEFAULT 'vk', fallback text DEFAULT NULL, operation_id text DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.post_message(server, jsonb_strip_nulls(jsonb_build_object(
        'allowDifferentRecipients', CASE WHEN fallback IS NOT NULL THEN true END,
        'vk', '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180, "templateId": 1}'::jsonb
            || jsonb_build_object('phone', phone, 'templateData', '{}'::jsonb),
        'sms', CASE WHEN fallback IS NOT NULL THEN jsonb_build_object('srcAddress', 'AO', 'validityPeriod', 60,
            'dstAddress', fallback, 'text', 'hello') END)), operation_id => operation_id)
$$;

-- Who is blocked by a test is not any more after it.
SELECT msgext.block_recipient('vk', '79031112233');
SELECT msgext_test.reset();
SELECT count(*) FROM msgext.blocked_recipient;
SELECT msgext_test.begin();
SELECT setval('msgext.outbox_id_seq', 9500, false);

-- Blocked, as he may be written; once. The others go, and he through another server.
SELECT msgext.block_recipient('vk', '+7 (903) 111-22-33', 'asked by phone');
SELECT msgext.block_recipient('vk', '79031112233');
SELECT server, recipient, blocked_at <= clock_timestamp() AS at, actor, reason FROM msgext.blocked_recipient;
SELECT send('79031112233'), send('79031112234'), send('79031112233', 'other');
SELECT send('79031112235', fallback => '79031112233');
SELECT n, answer, state FROM msgext_test.run();
SELECT id, state, code, error FROM msgext.message ORDER BY id;
SELECT kind, state, code FROM msgext.message_event WHERE message_id = 9500 ORDER BY at, id NULLS FIRST;
SELECT count(*) AS answers FROM msgext.response(9500);
SELECT msgext_test.report(n, 'delivered') FROM msgext_test.sent WHERE server = 'other';

-- Sent again while he is blocked, and after.
SELECT msgext.retry_message(9500);
SELECT n, answer, state FROM msgext_test.run();
SELECT msgext.unblock_recipient('vk', '7 903 111 22 33', 'asked again');
SELECT msgext.unblock_recipient('vk', '79031112233');
SELECT msgext.retry_message(9500);
SELECT n, answer, state FROM msgext_test.run();
SELECT kind, actor, reason, detail FROM msgext.server_event WHERE kind LIKE 'recipient%' ORDER BY at;

-- One of many, in whatever letters; a server of webhooks knows nobody.
SELECT msgext.block_recipient('cells', 'HTTPS://B.example/');
SELECT msgext.post_message('cells', '{"To": "https://a.example/,https://b.example/", "Type": "message", "Title": "t", "Body": "b"}') AS id;
SELECT msgext.post_message('cells', '{"To": "https://a.example/", "Type": "message", "Title": "t", "Body": "b"}') AS id;
SELECT n, answer, state FROM msgext_test.run();
SELECT msgext.block_recipient('hook', 'a@b.example');
SELECT msgext.block_recipient('vk', ' ');
SELECT msgext.block_recipient('vk', NULL);
SELECT msgext.block_recipient(NULL, '7');
SELECT msgext.block_recipient('nowhere', '7');
SELECT msgext.block_recipient('vk', repeat('1', 3000));
BEGIN READ ONLY;
SELECT msgext.block_recipient('vk', '1');
ROLLBACK;
BEGIN READ ONLY;
SELECT msgext.forget_recipient('vk', '1');
ROLLBACK;

-- Forgotten: what has ended. What is under way is counted, and left.
SELECT send('79035550000', operation_id => 'first') AS delivered, send('79035550000') AS refused,
    send('79035550000') AS on_its_way, send('79035550001', fallback => '79035550000') AS fallback,
    send('79035550002') AS somebody_else \gset
SELECT msgext_test.stub('vk', 'reject phone_invalid', times => 1, after => 1);
SELECT n, state FROM msgext_test.run();
SELECT msgext_test.report(n, 'delivered') FROM msgext_test.sent WHERE id IN (:delivered, :somebody_else);
SELECT msgext_test.report(n, 'delivered', 'sms') FROM msgext_test.sent WHERE id = :fallback;
SELECT send('79035550000') AS waits;
-- Pushes that cannot be read are kept by the listener alone: forged.
INSERT INTO msgext.callback (server_oid, digest, received_at, repeats, report, error)
SELECT oid, convert_to(body, 'UTF8'), now(), 0, convert_to(body, 'UTF8'), 'is no JSON' FROM pg_foreign_server,
    unnest(ARRAY['{"phone": "79035550000", ', '{"phone": "+79035550009", ']) AS body WHERE srvname = 'vk';
SELECT * FROM msgext.forget_recipient('vk', '+79035550000', 'letter of 28 November');
SELECT m.id, m.state, m.recipient, m.error, m.detail IS NULL AS detail, m.erased_at IS NOT NULL AS erased,
    msgext.message_payload(m.id) IS NULL AS payload, msgext.message_bytes(m.id) IS NULL AS bytes, m.operation_id
FROM msgext.message m WHERE id >= :delivered ORDER BY id;
SELECT message_id = :refused AS refused, kind, state, code, error, answer, actor, reason
FROM msgext.message_event WHERE message_id IN (:delivered, :refused) ORDER BY message_id, at, id NULLS FIRST;
SELECT count(*) AS uses FROM msgext.recipient_use WHERE recipient = '79035550000';
SELECT count(*) AS traces FROM msgext.event WHERE convert_from(answer, 'UTF8') LIKE '%9035550000%' OR error LIKE '%9035550000%';
SELECT message_id, regexp_replace(convert_from(report, 'UTF8'), '"receivedAt":"[^"]*"', '…') AS report, error
FROM msgext.callback ORDER BY message_id, report;
SELECT count(*) AS traces FROM msgext.server_event e WHERE e::text LIKE '%9035550000%';
SELECT kind, actor, reason, detail FROM msgext.server_event WHERE kind = 'recipient forgotten';

-- A second time there is nothing, but what was under way. A report finds no message any more.
SELECT msgext.cancel_message(max(id)) FROM msgext.message WHERE state = 'queued';
SELECT messages, remaining FROM msgext.forget_recipient('vk', '79035550000');
SELECT messages, remaining FROM msgext.forget_recipient('vk', '79035550000');
SELECT msgext.find_message('vk', provider_id) FROM msgext.message WHERE id = :delivered;

-- Without a payload nothing is sent again; a copy that is written anew is.
SELECT msgext.retry_message(:refused);
SELECT messages FROM msgext.retry_messages('{"server": "vk", "state": "rejected"}');
SELECT msgext.replay_message(:refused, '{"vk": {"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
    "phone": "79035550003", "templateId": 1, "templateData": {}}}') > 0 AS replayed;
SELECT send('79035550009', operation_id => 'first') = :delivered AS repeated;
SELECT count(*) FROM msgext.show(:refused) AS line WHERE line LIKE 'payload removed: %';

-- Whom nobody names is mentioned: in what was sent and what came.
SELECT msgext.send_webhook('hook', 'signed.up', '{"mail": "anna@example.com"}') AS mail,
    msgext.send_webhook('hook', 'signed.up', '{"mail": "hanna@example.com"}') AS longer,
    msgext.send_webhook('hook', 'signed.up', '{"mail": "bert@example.com"}') AS bert;
SELECT n, state FROM msgext_test.run();
ALTER SERVER hook OPTIONS (ADD callback_signature 'none');
SELECT msgext.receive_callback('hook', convert_to(body, 'UTF8'), jsonb_build_object('webhook-id', n::text, 'x-user', mail))
FROM (VALUES (1, '{"mail": "anna@example.com"}', 'x'), (2, 'of anna@example.com', 'x'), (3, '{}', '"anna@example.com"'),
    (4, '{"mail": "hanna@example.com"}', 'x'), (5, '{"mail": "anna@example.com"}', 'x')) AS v(n, body, mail);
SELECT push_id FROM msgext.take_pushes('hook', 4);
SELECT messages, pushes, remaining FROM msgext.forget_recipient('hook', '"anna@example.com"');
SELECT messages, pushes, remaining FROM msgext.forget_recipient('hook', ' of anna@example.com ');
SELECT messages, pushes, remaining FROM msgext.forget_recipient('hook', 'bert');
SELECT push_id, done_at IS NOT NULL AS done, payload, body, headers FROM msgext.inbox ORDER BY id;
SELECT recipient, erased_at IS NOT NULL AS erased FROM msgext.message WHERE server = 'hook' ORDER BY id;
SELECT messages, remaining FROM msgext.forget_recipient('cells', 'https://a.example/');

-- Who may: the owner, and who operates the server.
CREATE ROLE regress_sender;
CREATE ROLE regress_operator;
CREATE ROLE regress_operator_elsewhere;
CREATE ROLE regress_server_owner;
GRANT USAGE ON FOREIGN SERVER vk TO regress_sender, regress_operator;
GRANT USAGE ON FOREIGN SERVER other TO regress_operator_elsewhere;
GRANT EXECUTE ON FUNCTION msgext.can_operate() TO regress_operator, regress_operator_elsewhere;
GRANT USAGE ON FOREIGN DATA WRAPPER msgext_devino TO regress_server_owner;
ALTER SERVER vk OWNER TO regress_server_owner;
SELECT msgext.block_recipient('vk', '70000000001', 'x');
\set VERBOSITY terse
SET ROLE regress_sender;
SELECT msgext.block_recipient('vk', '7');
SELECT msgext.unblock_recipient('vk', '70000000001');
SELECT msgext.forget_recipient('vk', '7');
SELECT count(*) FROM msgext.blocked_recipient;
DELETE FROM msgext.blocked_recipient;
UPDATE msgext.blocked_recipient SET recipient = '7';
SELECT send('70000000001') AS blocked;
SET ROLE regress_operator_elsewhere;
SELECT msgext.unblock_recipient('vk', '70000000001');
SELECT msgext.forget_recipient('vk', '7');
SELECT count(*) FROM msgext.blocked_recipient;
SET ROLE regress_operator;
SELECT count(*) FROM msgext.blocked_recipient;
SELECT msgext.unblock_recipient('vk', '70000000001'), msgext.block_recipient('vk', '70000000001', 'by the operator');
SELECT messages FROM msgext.forget_recipient('vk', '79035550002');

-- Nor can he look for what is in a payload that is not his to read.
SELECT messages, reports FROM msgext.forget_recipient('vk', '{"phone": "+79035550009", ');
SELECT messages FROM msgext.forget_recipient('hook', 'hanna@example.com');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER hook TO regress_operator;
SET ROLE regress_operator;
SELECT messages FROM msgext.forget_recipient('hook', 'hanna@example.com');
RESET ROLE;
GRANT EXECUTE ON FUNCTION msgext.can_read_payload() TO regress_operator;
SET ROLE regress_operator;
SELECT messages FROM msgext.forget_recipient('hook', 'hanna@example.com');
SELECT messages, reports FROM msgext.forget_recipient('vk', '{"phone": "+79035550009", ');
SET ROLE regress_server_owner;
SELECT recipient, actor, reason FROM msgext.blocked_recipient;
SELECT messages FROM msgext.forget_recipient('vk', '79035550002');
DELETE FROM msgext.blocked_recipient;
RESET ROLE;
SELECT n, state FROM msgext_test.run();
SELECT code FROM msgext.message ORDER BY id DESC LIMIT 1;
\set VERBOSITY default

-- payload_retention: what is over for so long has no payload any more; the row stays.
DROP EXTENSION msgext_test;
SELECT msgext.resume_server('other'), msgext.resume_server('vk');
SELECT id, state, erased_at FROM msgext.message WHERE server = 'other';
ALTER SERVER other OPTIONS (ADD payload_retention '0 s');
ALTER SERVER other OPTIONS (ADD payload_retention '1 day');
SELECT send('79031112233', 'other') AS waits \gset
SELECT msgext.pause_server('other');
CALL msgext.dispatch('0.1 s');
SELECT count(*) AS erased FROM msgext.message WHERE server = 'other' AND erased_at IS NOT NULL;
ALTER SERVER other OPTIONS (SET payload_retention '1 ms');
CALL msgext.dispatch('0.1 s');
SELECT id = :waits AS waits, state, recipient, erased_at IS NOT NULL AS erased, msgext.message_payload(id) IS NULL AS payload
FROM msgext.message WHERE server = 'other' ORDER BY id;
SELECT count(*) AS erased FROM msgext.message WHERE server = 'vk' AND erased_at IS NOT NULL AND recipient IS NOT NULL;
SELECT msgext.cancel_message(:waits);
SELECT FROM pg_sleep(0.01);
ALTER SERVER other OPTIONS (SET payload_retention '2 ms');
CALL msgext.dispatch('0.1 s');
SELECT erased_at IS NOT NULL AS erased FROM msgext.message WHERE id = :waits;

-- The dispatcher's own turn, and not a test's: what was blocked before it does not leave.
SELECT send('70000000001') AS blocked \gset
CALL msgext.dispatch('0.1 s');
SELECT state, code, attempts FROM msgext.message WHERE id = :blocked;

-- In a restored copy who was blocked still is, by the server's name. The other database is
-- forged: a dump has its rows, and takes a server to restore.
UPDATE msgext.blocked_recipient SET origin = 1, server_oid = 1 WHERE server = 'vk';
INSERT INTO msgext.origin VALUES (1);
SELECT send('70000000001') AS restored \gset
SELECT msgext.resume_server('vk');
SELECT server, recipient, server_oid = (SELECT oid FROM pg_foreign_server WHERE srvname = 'vk') AS adopted
FROM msgext.blocked_recipient ORDER BY 1;
CALL msgext.dispatch('0.1 s');
SELECT state, code, attempts FROM msgext.message WHERE id = :restored;

RESET SESSION AUTHORIZATION;
\c :here
DROP DATABASE regress_msgext_privacy;
DROP ROLE regress_sender, regress_operator, regress_operator_elsewhere, regress_server_owner, regress_owner;
