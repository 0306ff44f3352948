-- Extension msgext_test: the life of messages inside one transaction, as the provider would have
-- it; of a role that is no superuser.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
CREATE ROLE regress_tester;
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_test;
\c regress_msgext_test
SET client_min_messages = warning;
SET datestyle = 'ISO';
SET timezone = 'UTC';
CREATE EXTENSION msgext;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1', rate_limit '3/s', recipient_limit '2/day');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER mail FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1/sender');
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1/hook', signature 'standard', callback_signature 'none');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER docs OPTIONS (api_client_id 'api-1', login 'l', password 'secret-1');
CREATE USER MAPPING FOR PUBLIC SERVER sms OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER mail OPTIONS (client_id 'app', client_secret 'secret-2', login 'l', password 'secret-3');
CREATE USER MAPPING FOR PUBLIC SERVER hook OPTIONS (signing_secret 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
GRANT USAGE ON FOREIGN SERVER vk, docs, sms, mail, hook TO PUBLIC;
GRANT CREATE ON SCHEMA public TO regress_tester;
CREATE EXTENSION msgext_test;
SET ROLE regress_tester;
CREATE FUNCTION vk(phone text, name text, life interval DEFAULT NULL, sms boolean DEFAULT false) RETURNS void LANGUAGE sql AS $$
    SELECT msgext.send_vk('vk', jsonb_build_object('subject', 'AO', 'priority', 'high', 'routes', '["vk"]'::jsonb,
        'validityPeriod', 180, 'phone', phone, 'templateId', 1, 'templateData', '{}'::jsonb),
        sms => CASE WHEN sms THEN '{"srcAddress": "AO", "dstAddress": null, "text": "hello", "validityPeriod": 3600}'::jsonb END,
        operation_id => name, expires_at => now() + life)
$$;
CREATE FUNCTION doc(box text) RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.post_message('docs', jsonb_build_object('FromBoxId', 'db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b', 'ToBoxId', box,
        'DocumentAttachments', '[{"TypeNamedId": "Nonformalized", "Metadata": [{"Key": "FileName", "Value": "a.txt"}],
            "SignedContent": {"Content": {"part": 1}, "Signature": "MAA="}}]'::jsonb), parts => ARRAY['hello'::bytea])
$$;

-- The example of docs/testing.md: a retry when told, then a fallback from VK to SMS.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT vk('79031112233', 'order-1-paid', '6 hours', true);
SELECT msgext_test.stub('vk', 'retry-after 30', times => 1);
SELECT * FROM msgext_test.run();
SELECT * FROM msgext_test.run();
SELECT * FROM msgext_test.advance('1 min');
SELECT msgext_test.now();
SELECT msgext_test.report(1, 'undelivered', 'vk');
SELECT msgext_test.report(1, 'delivered', 'sms');
SELECT n, attempt, at, kind, answer, method, url, headers, body, status, reply, state FROM msgext_test.attempts;
SELECT at, kind, attempt, state, channel, status, code, http_status FROM msgext.message_event ORDER BY at, id NULLS FIRST;
ROLLBACK;
SELECT count(*) FROM msgext_test.attempts;

-- A whole story in one transaction: a rate limit, a retry when told, a lost answer, a fallback
-- from VK to SMS, an expiry, a recipient's limit over a day, callbacks out of order.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT msgext_test.stub('vk', 'retry-after 30', '79031110001', times => 1);
SELECT msgext_test.stub('vk', 'lost', '79031110002', times => 1);
SELECT msgext_test.stub('vk', 'retry', '79031110003');
SELECT vk('79031110001', 'retried', sms => true), vk('79031110002', 'lost'), vk('79031110003', 'expires', '1 min'),
    vk('79031110004', 'limited'), vk('79031110004', 'limited too'), vk('79031110004', 'one too many');
SELECT * FROM msgext_test.run();
SELECT * FROM msgext_test.advance('1 min');
SELECT msgext_test.report(1, 'undelivered', 'vk'), msgext_test.report(1, 'delivered', 'sms');
SELECT * FROM msgext_test.advance('1 day');
SELECT msgext_test.callback('vk', convert_to(format('[{"messageId": %1$s, "status": "read", "receivedAt": "2030-01-01 15:00:03"},
    {"messageId": %1$s, "status": "sent", "receivedAt": "2030-01-01 15:00:01"}]', provider_id), 'UTF8'))
FROM msgext.message WHERE operation_id = 'limited';
SELECT n, m.operation_id, m.state, m.code, m.error, m.waiting, m.next_attempt_at
FROM msgext_test.sent JOIN msgext.message m USING (id) ORDER BY n;
ROLLBACK;

-- ROLLBACK TO takes back what has happened, rules and what they have used up, clock and journal.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT vk('79031110001', 'a');
SELECT msgext_test.stub('vk', 'retry', times => 1);
SAVEPOINT one;
SELECT * FROM msgext_test.run();
SELECT msgext_test.stub('vk', 'reject phone_invalid');
SELECT * FROM msgext_test.advance('1 hour');
SELECT count(*) FROM msgext_test.attempts;
ROLLBACK TO one;
SELECT count(*) FROM msgext_test.attempts;
SELECT msgext_test.now();
SELECT * FROM msgext_test.advance('1 hour');
SELECT provider_id FROM msgext.message WHERE state = 'accepted';
ROLLBACK;

-- Rules: which one counts.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT msgext_test.stub('sms', 'reject error-address-format', message => '{"content": "b"}', after => 1, times => 1);
SELECT msgext_test.stub(NULL, 'retry', recipient => '79000000003');
SELECT count(msgext.post_message('sms', jsonb_build_object('address', '7900000000' || i, 'content', chr(96 + i)))) FROM generate_series(1, 3) i;
SELECT count(msgext.post_message('sms', '{"address": "79000000004", "content": "b"}')) FROM generate_series(1, 2);
SELECT * FROM msgext_test.run();
SELECT n, reply FROM msgext_test.attempts WHERE n = 1;
ROLLBACK;

-- Every answer.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT msgext_test.stub('vk', 'accept', times => 1), msgext_test.stub('vk', 'reject text_to_long', times => 1),
    msgext_test.stub('vk', 'retry', times => 1);
SELECT vk('79031110001', 'a'), vk('79031110002', 'b'), vk('79031110003', 'c');
SELECT * FROM msgext_test.advance('500 ms');
SELECT msgext_test.begin();
SELECT msgext_test.freeze('2030-01-02');
SELECT msgext_test.stub('vk', 'timeout', times => 1), msgext_test.stub('vk', 'refused', times => 1),
    msgext_test.stub('vk', 'http', status => 503, body => 'busy', headers => '{"Retry-After": "5"}', times => 1);
SELECT vk('79031110001', 'd'), vk('79031110002', 'e'), vk('79031110003', 'f');
SELECT * FROM msgext_test.run();
SELECT state, waiting, code, error, next_attempt_at FROM msgext.message WHERE operation_id IN ('d', 'f') ORDER BY operation_id;
SELECT * FROM msgext_test.advance('1 min');
SAVEPOINT one;
SELECT msgext_test.begin('2030-01-03');
SELECT msgext_test.stub('vk', 'pause not-enough-credits', times => 1);
SELECT vk('79031110001', 'g'), vk('79031110002', 'h');
SELECT * FROM msgext_test.run();
SELECT paused, pause_reason FROM msgext.server_status WHERE server = 'vk';
SELECT * FROM msgext_test.advance('1 h');
RESET ROLE;
SELECT msgext.resume_server('vk');
SET ROLE regress_tester;
SELECT * FROM msgext_test.run();
ROLLBACK TO one;
SELECT msgext_test.begin('2030-01-03');
SELECT msgext_test.stub('vk', 'unauthorized', times => 1);
SELECT vk('79031110001', 'i');
SELECT * FROM msgext_test.run();
SELECT s.detail -> 'waiting' ->> 'for' AS waits_for FROM msgext.message m, msgext.message_status(m.id) s WHERE operation_id = 'i';
ROLLBACK;

-- Verbatim bytes, to replay an incident.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT vk('79031110001', 'a');
SELECT msgext_test.answer(1, 502, '<html>bad gateway</html>', '{"Content-Type": "text/html"}');
SELECT state, error FROM msgext.message WHERE operation_id = 'a';
SAVEPOINT one;
SELECT msgext_test.answer(1, 200);
ROLLBACK TO one;
SELECT vk('79031110001', 'b');
SELECT msgext_test.answer(2, 200, '{"code": "ok", "description": "", "result": {"code": "ok", "messageId": 4711}}');
SELECT provider_id FROM msgext.message WHERE operation_id = 'b';
ROLLBACK;

-- Of every provider, recipients with a fate.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT vk(msgext_test.magic('accepted', 'vk'), 'accepted'), vk(msgext_test.magic('rejected', 'vk'), 'rejected'),
    vk(msgext_test.magic('retried', 'vk'), 'retried'), vk(msgext_test.magic('lost', 'vk'), 'lost'),
    vk(msgext_test.magic('delivered', 'vk'), 'delivered', sms => true), vk(msgext_test.magic('read', 'vk'), 'read');
SELECT * FROM msgext_test.advance('6 h');
SELECT n, operation_id, state FROM msgext_test.sent;
SELECT detail FROM msgext.message WHERE operation_id = 'delivered';
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT count(msgext.post_message('sms', jsonb_build_object('address', msgext_test.magic(fate, 'sms'), 'content', 'x')))
FROM unnest(ARRAY['accepted', 'rejected', 'retried', 'lost', 'delivered', 'read']) fate;
SELECT * FROM msgext_test.advance('6 h');
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT count(msgext.post_message('mail', jsonb_build_object('To', msgext_test.magic(fate, 'mail'), 'Body', 'x')))
FROM unnest(ARRAY['accepted', 'rejected', 'retried', 'lost', 'delivered']) fate;
SELECT * FROM msgext_test.advance('6 h');
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT count(doc(msgext_test.magic(fate, 'docs'))) FROM unnest(ARRAY['accepted', 'rejected', 'retried', 'lost', 'delivered', 'read']) fate;
SELECT * FROM msgext_test.advance('6 h');
ROLLBACK;

-- Webhooks: an endpoint answers, and reports nothing later; what is pushed is the application's.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT msgext_test.stub('hook', 'retry-after 30', message => '{"data": 1}', times => 1), msgext_test.stub('hook', 'reject 422', message => '{"data": 2}'),
    msgext_test.stub('hook', 'lost', message => '{"data": 3}', times => 1), msgext_test.stub('hook', 'pause', message => '{"data": 4}', times => 1);
SELECT count(msgext.send_webhook('hook', 'order.paid', to_jsonb(i), operation_id => 'hook-' || i)) FROM generate_series(1, 5) i;
SELECT * FROM msgext_test.run();
SELECT paused, pause_reason FROM msgext.server_status WHERE server = 'hook';
RESET ROLE;
SELECT msgext.resume_server('hook');
SET ROLE regress_tester;
SELECT * FROM msgext_test.advance('1 min');
SELECT kind, answer, method, url, ARRAY(SELECT jsonb_object_keys(headers) ORDER BY 1) AS headers, body, status, state
FROM msgext_test.attempts WHERE n = 1 AND attempt = 2;
SELECT msgext_test.callback('hook', '{"type": "order.seen"}', '{"webhook-id": "p1"}'), msgext_test.callback('hook', '{"type": "order.seen"}', '{"webhook-id": "p1"}');
SAVEPOINT one;
SELECT msgext_test.callback('hook', '{"type": "order.seen"}');
ROLLBACK TO one;
SELECT msgext_test.report(1, 'read');
ROLLBACK TO one;
SELECT msgext_test.magic('lost', 'hook');
ROLLBACK TO one;
RESET ROLE;
SELECT push_id, type, payload FROM msgext.take_pushes('hook');
ROLLBACK;
SET ROLE regress_tester;

-- In every state: what may be withdrawn, and what may be sent again.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT msgext_test.stub('vk', 'retry-after 7200', '79031110001'), msgext_test.stub('vk', 'reject', '79031110008'),
    msgext_test.stub('vk', 'retry-after 7200', '79031110009'), msgext_test.stub('vk', 'lost', '79031110011');
SELECT count(*) FROM generate_series(1, 11) i, LATERAL vk(format('790311100%s', lpad(i::text, 2, '0')), i::text,
    CASE WHEN i = 9 THEN interval '1 hour' END);
SELECT count(*) FROM msgext_test.run();
SELECT msgext.cancel_message(id) FROM msgext_test.sent WHERE n = 10;
SELECT count(*) FROM msgext_test.advance('1 h');
SELECT msgext_test.report(3, 'sent'), msgext_test.report(4, 'delivered'), msgext_test.report(5, 'read'),
    msgext_test.report(6, 'undelivered'), msgext_test.report(7, 'failed');
SAVEPOINT one;
SELECT n, state, msgext.cancel_message(id) FROM msgext_test.sent;
ROLLBACK TO one;
SELECT n, state, msgext.retry_message(id) FROM msgext_test.sent;
SELECT * FROM msgext_test.run();
ROLLBACK;

-- Staging: one recipient for all, and recipients that are allowed.
RESET ROLE;
ALTER SERVER vk OPTIONS (ADD allow_recipients '(');
ALTER SERVER vk OPTIONS (ADD allow_recipients '.*{10,}{10,}{10,}{10,}{10,}');
ALTER SERVER vk OPTIONS (ADD redirect '+79990001122');
ALTER SERVER sms OPTIONS (ADD redirect '79990001122', ADD allow_recipients '^7999000');
ALTER SERVER mail OPTIONS (ADD allow_recipients '^https://unit\.example/');
ALTER SERVER docs OPTIONS (ADD redirect '1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru');
SET ROLE regress_tester;
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT vk('79031110001', 'a', sms => true);
SELECT count(msgext.post_message('sms', '{"address": "79000000001", "content": "x"}')) AS sms,
    count(doc('2bbbf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru')) AS docs;
SELECT count(msgext.post_message('mail', jsonb_build_object('To', t, 'Body', 'x'))) AS mail
FROM unnest(ARRAY['https://unit.example/bob', 'https://other.example/bob', 'https://unit.example/bob,https://other.example/bob']) t;
SELECT count(msgext.post_message('mail', '{"ToRelation": "all", "Body": "x"}')) AS relation;
SELECT n, server, recipient, message #>> '{vk,phone}' AS phone, message #>> '{sms,dstAddress}' AS address,
    message ->> 'ToBoxId' AS box FROM msgext_test.sent WHERE server <> 'mail';
SELECT * FROM msgext_test.run();
SELECT m.state, m.code, m.error, m.attempts FROM msgext_test.sent JOIN msgext.message m USING (id) WHERE m.state = 'rejected' ORDER BY n;
-- What was queued before.
RESET ROLE;
ALTER SERVER vk OPTIONS (DROP redirect);
SET ROLE regress_tester;
SELECT vk('79031110001', 'b');
RESET ROLE;
ALTER SERVER vk OPTIONS (ADD redirect '79990001122');
SET ROLE regress_tester;
SELECT * FROM msgext_test.run();
SELECT state, code, error FROM msgext.message WHERE operation_id = 'b';
ROLLBACK;
RESET ROLE;
ALTER SERVER vk OPTIONS (DROP redirect);
ALTER SERVER sms OPTIONS (DROP redirect, DROP allow_recipients);
ALTER SERVER mail OPTIONS (DROP allow_recipients);
ALTER SERVER docs OPTIONS (DROP redirect);
SET ROLE regress_tester;

-- What cannot be.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT count(msgext.post_message('mail', '{"To": "https://unit.example/bob", "Body": "hello"}', operation_id => 'b')), vk('79031110001', 'a');
SAVEPOINT one;
SELECT msgext_test.stub('vk', 'perhaps');
ROLLBACK TO one;
SELECT msgext_test.stub('vk', 'accept soon');
ROLLBACK TO one;
SELECT msgext_test.stub('vk', 'retry-after soon');
ROLLBACK TO one;
SELECT msgext_test.stub('vk', 'http');
ROLLBACK TO one;
SELECT msgext_test.stub('vk', 'accept', status => 200);
ROLLBACK TO one;
SELECT msgext_test.stub('vk', 'http', status => 200, headers => '{"A": "b\nC: d"}');
ROLLBACK TO one;
SELECT msgext_test.stub('nobody', 'accept');
ROLLBACK TO one;
SELECT msgext_test.report(2, 'delivered');
ROLLBACK TO one;
SELECT msgext_test.report(3, 'delivered');
ROLLBACK TO one;
SELECT msgext_test.advance('-1 s');
ROLLBACK TO one;
SELECT * FROM msgext_test.run();
SELECT msgext_test.report(2, 'delivered', 'sms');
ROLLBACK TO one;
SELECT * FROM msgext_test.run();
SELECT msgext_test.report(1, 'read');
ROLLBACK TO one;
SELECT * FROM msgext_test.run();
SELECT msgext_test.answer(2, 200);
ROLLBACK TO one;
SELECT msgext_test.callback('vk', 'nonsense');
ROLLBACK TO one;
SELECT msgext_test.callback('vk', NULL);
ROLLBACK TO one;
SELECT msgext_test.magic('forgotten', 'vk');
ROLLBACK TO one;
SELECT msgext_test.magic('lost');
ROLLBACK TO one;
SELECT msgext_test.stub('vk', 'retry-after 0');
SELECT * FROM msgext_test.run();
ROLLBACK TO one;
TABLE msgext_test.attempt;
ROLLBACK TO one;
TABLE msgext_test.stub;
ROLLBACK;

-- A test that commits, and what resets it.
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT msgext_test.stub('vk', 'retry', times => 1);
SELECT vk('79031110001', 'a'), vk('79031110002', 'b');
SELECT * FROM msgext_test.run();
SELECT * FROM msgext_test.advance('1 h');
SELECT msgext_test.report(1, 'delivered');
SELECT n, operation_id, state FROM msgext_test.sent;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT vk('79031110001', 'c');
SELECT * FROM msgext_test.run();
SELECT provider_id FROM msgext.message ORDER BY id;
-- Also where all tables are published: a row that nobody can name cannot be removed.
RESET ROLE;
SET client_min_messages = error;
CREATE PUBLICATION everything FOR ALL TABLES;
SET client_min_messages = warning;
SET ROLE regress_tester;
SELECT msgext_test.reset();
SELECT count(*) FROM msgext.message;
SELECT msgext_test.now() BETWEEN now() AND clock_timestamp() AS runs;
RESET ROLE;
SELECT (SELECT count(*) FROM msgext.event) AS events, (SELECT count(*) FROM msgext.reminder) AS reminders,
    (SELECT count(*) FROM msgext.reference) AS "references", (SELECT count(*) FROM msgext.recipient_use) AS uses,
    (SELECT count(*) FROM msgext.claim) AS claims, (SELECT count(*) FROM msgext_test.attempt) AS attempts;

-- Of a message to many a part has it when its time to be sent ends, before the next attempt or while
-- that waits: it has failed, and those alone that are left get it when it is sent again.
ALTER SERVER mail OPTIONS (ADD client_message_id 'off');
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT count(msgext_test.stub('mail', 'http', times => 2, status => 201, body => '{"d": {"results": {"__id": "0123456789abcdef0123456789abcdef",
    "Result": [{"To": "https://unit.example/ann/", "Code": "201", "Reason": "Created."},
        {"To": "https://unit.example/ben/", "Code": "503", "Reason": "Busy."}]}}}')), count(msgext_test.stub('mail', 'retry', times => 1)) AS busy;
SELECT count(msgext.post_message('mail', '{"To": "https://unit.example/ann,https://unit.example/ben", "Body": "x"}', expires_after => after))
FROM unnest(ARRAY[interval '1 ms', interval '10 min']) after;
SELECT * FROM msgext_test.run();
SELECT count(msgext.pause_server('mail'));
SELECT n, attempt, answer, state FROM msgext_test.advance('20 min');
SELECT n, state, problem, error, detail #>> '{targets,https://unit.example/ann/,state}' AS ann, detail #>> '{targets,https://unit.example/ben/,state}' AS ben
FROM msgext_test.sent JOIN msgext.message USING (id, state) ORDER BY n;
SELECT count(msgext.resume_server('mail'));
SELECT n, attempt, answer, state FROM msgext_test.run();
SELECT n, msgext.retry_message(id) FROM msgext_test.sent ORDER BY n;
SELECT * FROM msgext_test.run();
SELECT n, server, body::jsonb ->> 'To' AS "to" FROM msgext_test.attempts ORDER BY at, n;
ROLLBACK;
-- One that nobody has been asked to take has expired.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT count(msgext_test.stub('mail', 'retry-after 1800'));
SELECT count(msgext.post_message('mail', '{"To": "https://unit.example/ann,https://unit.example/ben", "Body": "x"}', expires_after => '1 min'));
SELECT * FROM msgext_test.run();
SELECT n, msgext.retry_message(id) FROM msgext_test.sent;
ROLLBACK;

\c :here
DROP DATABASE regress_msgext_test;
DROP ROLE regress_tester;
