-- message_payload() and message_bytes(): what is stored, told in the provider's own words.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_payload TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_payload
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
SELECT msgext_test.begin();
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER mail FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1/sender');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER docs OPTIONS (api_client_id 'a', login 'l', password 'secret-1');
CREATE USER MAPPING FOR PUBLIC SERVER sms OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER mail OPTIONS (token 'secret-3');

-- Of every provider; what a payload leaves out is there with the value that is sent.
SELECT msgext.send_vk('vk', '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": "180",
    "phone": "+79031112233", "templateId": 9223372036854775807,
    "templateData": {"sum": 0.10, "text": "два\nслова"}}') AS vk,
    msgext.post_message('sms', '{"address": "+79000000000", "content": "1 < 2 & \"3\"\n4",
        "priority": "high"}') AS sms,
    msgext.post_message('mail', '{"To": "https://unit.example/bob", "Body": "a\tb", "Priority": 1}') AS mail,
    msgext.post_message('docs', '{"FromBoxId": "db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b",
        "ToBoxId": "1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru", "LockMode": 3,
        "DocumentAttachments": [{"TypeNamedId": "Nonformalized",
            "Metadata": [{"Key": "FileName", "Value": "a.txt"}],
            "SignedContent": {"Content": {"part": 1}, "Signature": "MAA="}}]}',
        parts => ARRAY['hello'::bytea]) AS docs \gset
SELECT jsonb_pretty(msgext.message_payload(:vk));
SELECT jsonb_pretty(msgext.message_payload(:sms));
SELECT jsonb_pretty(msgext.message_payload(:mail));
SELECT jsonb_pretty(msgext.message_payload(:docs));
SELECT sha256('hello') AS digest_of_the_part;

-- The bytes themselves.
SELECT convert_from(msgext.message_bytes(:sms), 'UTF8');
SELECT msgext.message_bytes(id) = payload AS same FROM msgext.outbox WHERE id = :docs;

-- What is told can be sent again as it is, and is the same bytes.
SELECT count(msgext.post_message(server, msgext.message_payload(id)))
FROM msgext.message WHERE id IN (:vk, :sms, :mail);
SELECT a.server, count(*) AS like_it FROM msgext.outbox a JOIN msgext.outbox b USING (server, payload)
WHERE a.id IN (:vk, :sms, :mail) GROUP BY a.id, a.server ORDER BY a.id;

-- Parts too: they are given again, or are those of the message that is replayed.
SELECT msgext.post_message('docs', msgext.message_payload(:docs));
SELECT msgext.post_message('docs', msgext.message_payload(:docs), parts => ARRAY['hullo'::bytea, '\x3000']);
SELECT msgext.post_message('docs', msgext.message_payload(:docs), parts => ARRAY['hello'::bytea, '\x3000']) AS again \gset
SELECT msgext_test.stub('docs', 'reject');
SELECT answer, run.state FROM msgext_test.run() JOIN msgext_test.sent USING (n) WHERE id = :docs;
SELECT msgext.replay_message(:docs, msgext.message_payload(:docs)) AS replayed \gset
SELECT msgext.replay_message(:docs, jsonb_set(msgext.message_payload(:docs),
    '{DocumentAttachments,0,SignedContent,Content}', '"aGk="')) AS corrected \gset
SELECT a.payload = b.payload AS same FROM msgext.outbox a, msgext.outbox b
WHERE a.id = :docs AND b.id IN (:again, :replayed);
SELECT msgext.message_payload(:corrected) #> '{DocumentAttachments,0,SignedContent}' AS corrected;

-- Who may operate, and not read, puts nobody's bytes into a message of his own.
CREATE ROLE regress_operator;
GRANT USAGE ON FOREIGN SERVER docs TO regress_operator;
GRANT EXECUTE ON FUNCTION msgext.can_operate(), msgext.can_read() TO regress_operator;
SELECT msgext.message_payload(:docs) AS told \gset
SET ROLE regress_operator;
SELECT msgext.replay_message(:docs, :'told');
RESET ROLE;
DROP OWNED BY regress_operator;
DROP ROLE regress_operator;

-- A long text is not cut.
SELECT msgext.post_message('sms',
    jsonb_build_object('address', '79000000000', 'content', repeat('ж', 30000))) AS long \gset
SELECT length(msgext.message_payload(:long) ->> 'content') AS length;

-- No such message; bytes of a provider that this version does not have, and damaged ones:
-- forged, since no version that has them writes such.
SELECT msgext.message_payload(0), msgext.message_bytes(0), msgext.message_payload(NULL);
UPDATE msgext.outbox SET provider = 'gone' WHERE id = :vk;
UPDATE msgext.outbox SET payload = '{"vk": ' WHERE id = :sms;
UPDATE msgext.outbox SET payload = '[]' WHERE id = :mail;
SELECT msgext.message_payload(id) AS payload, sha256(payload) AS digest
FROM msgext.outbox WHERE id IN (:vk, :sms, :mail) ORDER BY id;

-- Another role, without and with the right.
CREATE ROLE regress_reader;
SET ROLE regress_reader;
SELECT msgext.message_payload(:docs), msgext.message_bytes(:docs);
RESET ROLE;
GRANT EXECUTE ON FUNCTION msgext.can_read_payload() TO regress_reader;
SET ROLE regress_reader;
SELECT msgext.message_payload(:docs) ->> 'FromBoxId' AS from_box, length(msgext.message_bytes(:docs)) > 0 AS bytes;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION msgext.can_read_payload() FROM regress_reader;
DROP ROLE regress_reader;

\c :here
DROP DATABASE regress_msgext_payload;
