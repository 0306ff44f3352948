-- post_message() for Personium: what is taken, what is refused and why, what is stored.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 1000, false) > 0 AS ids_from_1000;

-- Servers and user mappings.
CREATE SERVER mail FOREIGN DATA WRAPPER msgext_personium
    OPTIONS (url 'http://127.0.0.1:1/sender');
CREATE SERVER newer FOREIGN DATA WRAPPER msgext_personium
    OPTIONS (url 'http://127.0.0.1:1/sender', generation '1.6', split_targets 'on',
             client_message_id 'off');
CREATE SERVER bad FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1',
    generation '1.7');
CREATE SERVER bad FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1',
    split_target 'on');
CREATE SERVER bad FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1',
    client_message_id 'yes');
CREATE USER MAPPING FOR CURRENT_USER SERVER mail OPTIONS (username 'x');
CREATE USER MAPPING FOR CURRENT_USER SERVER mail
    OPTIONS (login 'robot', password 'secret-1', client_id 'https://unit.example/app/',
             client_secret 'secret-2');
CREATE USER MAPPING FOR CURRENT_USER SERVER newer OPTIONS (token 'secret-3');

-- What is stored: one order, defaults written out, no key of any attempt.
CREATE FUNCTION stored(message jsonb, server name DEFAULT 'mail') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    mid bigint := msgext.post_message(server, message);
BEGIN
    RETURN (SELECT convert_from(payload, 'UTF8') FROM msgext.outbox o WHERE o.id = mid);
END $$;
CREATE FUNCTION msg(patch jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"To": "https://unit.example/bob", "Body": "Hello"}'::jsonb || patch
$$;
SELECT stored(msg());
SELECT stored(msg('{"Priority": 3, "BoxBound": false, "Type": "message", "Title": "", "ToRelation": null,
    "InReplyTo": null, "RequestRelation": null}')) = stored(msg()) AS same;
SELECT stored('{"Priority": 1, "Title": "Письмо", "Body": "a\nb 🙂", "BoxBound": true, "ToRelation": "friends",
    "To": "https://unit.example/bob,https://unit.example/ann/,https://unit.example/bob/",
    "InReplyTo": "xnKXmd4TTZCw-bfSEw4f0AxnKXmd4TTZ"}');
SELECT stored(msg('{"Type": "req.role.grant", "RequestRelation": "editor",
    "RequestRelationTarget": "https://unit.example/sender/"}'));
SELECT stored(msg('{"Type": "request", "RequestObjects": [
    {"RequestType": "relation.add", "Name": "friend", "TargetUrl": "https://unit.example/sender/"},
    {"RequestType": "rule.add", "Action": "exec", "EventSubject": "x"}]}'), 'newer');
BEGIN;
SELECT msgext.post_message('mail', msg()) AS id \gset
SELECT server, provider, state, priority, attempts, channels, recipient, limit_key, provider_id,
    detail FROM msgext.outbox WHERE id = :id;
ROLLBACK;

-- What is refused; NULL: it was taken.
CREATE FUNCTION refusal(message jsonb, server name DEFAULT 'mail', parts bytea[] DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    what text;
BEGIN
    PERFORM msgext.post_message(server, message, parts => parts);
    RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, what = MESSAGE_TEXT;
    RETURN coalesce(nullif(detail, ''), what);
END $$;

SELECT patch, refusal(msg(patch)) FROM unnest(ARRAY[
    '{}', '{"To": null}', '{"To": ""}', '{"To": ["https://a.test/"]}', '{"To": "bob"}', '{"To": "urn:x:bob"}',
    '{"To": "https://a.test/, https://b.test/"}', '{"To": "https://a.test/,,https://b.test/"}',
    '{"To": "https://a.test/,"}', '{"To": "https://a.test/?x=1"}', '{"To": "https://me:pw@a.test/"}',
    '{"To": "personium-localunit:/bob/"}', '{"To": null, "ToRelation": "friends"}',
    '{"ToRelation": "_friends"}', '{"ToRelation": ""}', '{"ToRelation": 5}',
    '{"InReplyTo": "hnKXm44TTZCw-bfSEw4f0A"}', '{"InReplyTo": "xnKXmd4TTZCw-bfSEw4f0AxnKXmd4TTZ"}',
    '{"BoxBound": "true"}', '{"Priority": "3"}', '{"Priority": 0}', '{"Priority": 6}', '{"Priority": 3.0}',
    '{"Title": "a\nb"}', '{"Title": "a\u2028b"}', '{"Title": 5}', '{"Body": 5}', '{"Body": "a\nb"}',
    '{"Type": "request"}', '{"Type": "req.relation.build"}',
    '{"Type": "req.relation.build", "RequestRelation": "friend"}',
    '{"Type": "req.relation.build", "RequestRelation": "friend", "RequestRelationTarget": "bob"}',
    '{"Type": "req.relation.build", "RequestRelation": "https://a.test/__role/__/x",
      "RequestRelationTarget": "https://a.test/"}',
    '{"__id": "0123456789abcdef0123456789abcdef"}', '{"__published": "/Date(0)/"}', '{"__metadata": {}}',
    '{"RequestObjects": []}', '{"Subject": "x"}', '{"to": "https://a.test/"}']::jsonb[]) AS patch;

-- Characters of a title, bytes of a body, targets.
SELECT n, refusal(msg(jsonb_build_object('Title', repeat('🙂', n)))) FROM unnest(ARRAY[256, 257]) AS n;
SELECT n, refusal(msg(jsonb_build_object('Body', repeat('я', n)))) FROM unnest(ARRAY[32768, 32769]) AS n;
SELECT n, refusal(msg(jsonb_build_object('To', (SELECT string_agg('https://a.test/' || i, ',')
    FROM generate_series(1, n) AS i)))) FROM unnest(ARRAY[1000, 1001]) AS n;
SELECT n, refusal(msg(jsonb_build_object('To', 'https://a.test/' || repeat('x', n) || '/')))
FROM unnest(ARRAY[1008, 1009]) AS n;

-- Requests of the other generation.
SELECT patch, refusal(msg(patch), 'newer') FROM unnest(ARRAY[
    '{}', '{"To": "personium-localunit:/bob/"}', '{"Type": "req.role.grant"}', '{"RequestRelation": "x"}',
    '{"Type": "request"}', '{"Type": "request", "RequestObjects": {}}', '{"Type": "request", "RequestObjects": []}',
    '{"Type": "request", "RequestObjects": [5]}', '{"Type": "request", "RequestObjects": [{}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.grant"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.add", "TargetUrl": "https://a.test/"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.add", "Name": "x", "ClassUrl": "https://a.test/__role/__/x",
      "TargetUrl": "https://a.test/"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.add", "ClassUrl": "https://a.test/__relation/__/x",
      "TargetUrl": "https://a.test/"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.add", "ClassUrl": "https://a.test/__role/__/x",
      "TargetUrl": "https://a.test/"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.remove", "Name": "x"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.remove", "Name": "x y", "TargetUrl": "https://a.test/"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.remove", "Name": "x", "TargetUrl": "bob"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.remove", "Name": 5, "TargetUrl": "https://a.test/"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "role.remove", "Name": "x", "TargetUrl": "https://a.test/", "Action": "y"},
      {"RequestType": "role.remove", "Name": "x", "TargetUrl": "https://a.test/", "More": "y"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "rule.remove", "Name": "x"}, {"RequestType": "rule.add"}]}',
    '{"Type": "request", "RequestObjects": [{"RequestType": "rule.remove"}]}']::jsonb[]) AS patch;

-- As the caller sees it.
\set VERBOSITY sqlstate
SELECT msgext.post_message('mail', msg('{"Priority": 9}'));
\set VERBOSITY default
SELECT msgext.post_message('mail', msg('{"Priority": 9}'));
SELECT msgext.post_message('mail', '[]');
SELECT refusal(msg(), parts => ARRAY['x'::bytea]) AS parts;

-- operation_id: equal messages are equal bytes, however they are written.
SELECT setval('msgext.outbox_id_seq', 2000, false);
SELECT msgext.post_message('mail', msg(), operation_id => 'order 7');
SELECT msgext.post_message('mail', msg('{"Priority": 3, "To": "https://unit.example/bob/"}'), operation_id => 'order 7');
SELECT msgext.post_message('mail', msg('{"Priority": 2}'), operation_id => 'order 7');

-- send_vk() is another provider's; callbacks there are none.
SELECT msgext.send_vk('mail', '{}');
SELECT msgext.receive_callback('mail', '\x');

-- Nothing of the credentials is stored with a message.
SELECT count(*) FROM msgext.outbox WHERE outbox::text LIKE '%secret-%'
    OR position('secret-'::bytea IN payload) > 0;

DROP FUNCTION refusal, stored, msg;
DROP SERVER mail CASCADE;
DROP SERVER newer CASCADE;
TRUNCATE msgext.outbox, msgext.event;
