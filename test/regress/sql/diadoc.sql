-- post_message() for Diadoc: what is taken, what is refused and why, what is stored.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 1000, false) > 0 AS ids_from_1000;

-- Servers and user mappings.
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc
    OPTIONS (url 'http://127.0.0.1:1', max_documents '3', content_type 'application/x-protobuf',
             identity_url 'http://127.0.0.1:1');
CREATE SERVER bad FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1',
    content_type 'application/x-www-form-urlencoded');
CREATE SERVER bad FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1',
    max_documents '0');
CREATE SERVER bad FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1',
    recipient_limit '5/day');
CREATE USER MAPPING FOR CURRENT_USER SERVER docs OPTIONS (api_client 'x');
CREATE USER MAPPING FOR CURRENT_USER SERVER docs
    OPTIONS (api_client_id 'integrator', login 'robot@example.com', password 'secret-1');

-- A message and what will be sent of it: MessageToPost, field by field.
CREATE FUNCTION doc(patch jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"TypeNamedId": "Nonformalized", "Metadata": [{"Key": "FileName", "Value": "a.txt"}],
             "SignedContent": {"Content": "aGVsbG8=", "Signature": "MAA="}}'::jsonb || patch
$$;
CREATE FUNCTION msg(patch jsonb DEFAULT '{}', document jsonb DEFAULT doc()) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_build_object('FromBoxId', 'db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b',
        'ToBoxId', '1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru',
        'DocumentAttachments', jsonb_build_array(document)) || patch
$$;
BEGIN;
SELECT msgext.post_message('docs', msg()) AS id;
SELECT server, provider, state, priority, attempts, channels, recipient, limit_key, provider_id,
    detail FROM msgext.outbox WHERE id = 1000;
SELECT regexp_replace(encode(payload, 'hex'), '(.{80})', E'\\1\n', 'g') AS payload
FROM msgext.outbox WHERE id = 1000;
COMMIT;

-- Bytes come as base64, or as parts counted from 1; both store the same.
CREATE FUNCTION stored(message jsonb, parts bytea[] DEFAULT NULL) RETURNS bytea
LANGUAGE plpgsql AS $$
DECLARE
    mid bigint := msgext.post_message('docs', message, parts => parts);
BEGIN
    RETURN (SELECT payload FROM msgext.outbox o WHERE o.id = mid);
END $$;
SELECT stored(msg('{}', doc('{"SignedContent": {"Content": {"part": 1}, "Signature": {"part": 2}}}')),
    ARRAY['hello', '\x3000']::bytea[]) = stored(msg()) AS same;
SELECT stored(msg('{}', doc('{"SignedContent": {"Content": {"part": 2}, "Signature": {"part": 1}}}')),
    ARRAY['\x3000', 'hello']::bytea[]) = stored(msg()) AS same;
SELECT length(stored(msg('{}', doc('{"SignedContent": {"Content": {"part": 1}, "Signature": "MAA="}}')),
    ARRAY[convert_to(repeat('x', 3000000), 'UTF8')])) AS length;

-- lowerCamelCase, enums by name and number; null is absent, a default that is there is sent.
SELECT stored(msg('{"LockMode": "Full"}')) = stored(msg('{"lockMode": 3}')) AS same;
SELECT stored(msg('{"ToDepartmentId": null}')) = stored(msg()) AS same;
SELECT length(stored(msg('{"IsDraft": false}'))) - length(stored(msg())) AS written;

-- What the schema and the provider's rules refuse; NULL: it was taken.
CREATE FUNCTION refusal(message jsonb, parts bytea[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    what text;
BEGIN
    PERFORM msgext.post_message('docs', message, parts => parts);
    RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, what = MESSAGE_TEXT;
    RETURN coalesce(nullif(detail, ''), what);
END $$;

SELECT patch, refusal(msg(patch)) FROM unnest(ARRAY[
    '{}', '{"FromBoxId": null}', '{"FromBoxId": ""}', '{"FromBoxId": 5}',
    '{"ToBoxId": null}', '{"ToBoxId": "db32dd5c5d5b4b7a9f3e1c2d3e4f5a6b@diadoc.ru"}',
    '{"ToBoxId": null, "IsInternal": true}', '{"IsInternal": true}',
    '{"DocumentAttachments": null}', '{"DocumentAttachments": []}', '{"DocumentAttachments": {}}',
    '{"DocumentAttachments": [null]}', '{"LockMode": "Most"}', '{"LockMode": 2.5}',
    '{"IsDraft": "yes"}', '{"IsDraft": true}', '{"DelaySend": true}', '{"Subject": "x"}',
    '{"fromBoxId": "db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b"}']::jsonb[]) AS patch;

SELECT patch, refusal(msg('{}', doc(patch))) FROM unnest(ARRAY[
    '{"TypeNamedId": null}', '{"TypeNamedId": ""}', '{"TypeNamedId": "nonformalized"}',
    '{"Metadata": null}', '{"Metadata": []}', '{"Metadata": [{"Key": "FileName"}]}',
    '{"Metadata": [{"Key": "Name", "Value": "a.txt"}]}',
    '{"TypeNamedId": "UniversalTransferDocument", "Metadata": null, "Function": "ДОП"}',
    '{"SignedContent": null}', '{"SignedContent": {}}', '{"SignedContent": {"Content": "aGVsbG8="}}',
    '{"SignedContent": {"Content": "aGVsbG8=", "SignWithTestSignature": true}}',
    '{"SignedContent": {"Content": "aGVsbG8=", "SignWithTestSignature": false}}',
    '{"SignedContent": {"Content": "not base64", "Signature": "MAA="}}',
    '{"SignedContent": {"Content": "aGVsbG8=", "NameOnShelf": "dd-api-1", "Signature": "MAA="}}',
    '{"SignedContent": {"NameOnShelf": "dd-api-1", "Signature": "MAA="}}',
    '{"Comment": 5}', '{"WorkflowId": "9"}', '{"WorkflowId": 2147483648}',
    '{"CustomData": [{"Key": "a b"}]}', '{"CustomData": [{"Key": "ключ-1"}]}',
    '{"InitialDocumentIds": [{"MessageId": "", "EntityId": "none"}]}',
    '{"IsEncrypted": true}', '{"NeedReceipt": 1}', '{"FileName": "a.txt"}']::jsonb[]) AS patch;
SELECT refusal(msg('{}', doc(jsonb_build_object('Comment', repeat('я', n))))) AS comment
FROM unnest(ARRAY[5000, 5001]) AS n;

-- Documents: their number, their own ids, links between them.
SELECT n, refusal(msg(jsonb_build_object('DocumentAttachments',
    (SELECT jsonb_agg(doc()) FROM generate_series(1, n))))) FROM unnest(ARRAY[3, 4]) AS n;
SELECT ids, refusal(msg(jsonb_build_object('DocumentAttachments',
    (SELECT jsonb_agg(doc(jsonb_build_object('CustomDocumentId', id))) FROM unnest(ids) AS id))))
FROM (VALUES (ARRAY['a', 'b']), (ARRAY['a', 'a']), (ARRAY['a', 'A'])) AS v (ids);
SELECT link, refusal(msg(jsonb_build_object('DocumentAttachments', jsonb_build_array(
    doc('{"CustomDocumentId": "a"}'), doc(jsonb_build_object('InitialDocumentIds',
        jsonb_build_array(jsonb_build_object('MessageId', '', 'EntityId', link))))))))
FROM unnest(ARRAY['a', 'b']) AS link;
SELECT parent, refusal(msg(jsonb_build_object('StructuredDataAttachments', jsonb_build_array(
    jsonb_build_object('Content', 'aGVsbG8=', 'FileName', 'x.xml', 'ParentCustomDocumentId', parent))),
    doc('{"CustomDocumentId": "a"}'))) FROM unnest(ARRAY['a', 'b']) AS parent;

-- Parts that are not there, not used, or null.
SELECT part, refusal(msg('{}', doc(jsonb_build_object('SignedContent', jsonb_build_object(
    'Content', jsonb_build_object('part', part), 'Signature', 'MAA=')))), ARRAY['hello'::bytea])
FROM unnest(ARRAY['1', '0', '2', '-1', '1.5', '"1"', 'null']::jsonb[]) AS part;
SELECT refusal(msg(), ARRAY['hello'::bytea]) AS not_used;
SELECT refusal(msg('{}', doc('{"SignedContent": {"Content": {"part": 1}, "Signature": "MAA="}}')),
    ARRAY[NULL::bytea]) AS is_null;
SELECT refusal(msg('{}', doc('{"SignedContent": {"Content": {"part": 1}, "Signature": "MAA="}}')))
    AS no_parts;

-- The lists that DocumentAttachments has replaced are taken, and counted with it.
SELECT refusal(msg('{"DocumentAttachments": null, "Invoices": [{"SignedContent":
    {"Content": "aGVsbG8=", "Signature": "MAA="}}]}')) AS an_old_list;
SELECT refusal(msg('{"Invoices": [{"SignedContent": {"Content": "aGVsbG8=", "Signature": "MAA="}},
    {"SignedContent": {"Content": "aGVsbG8=", "Signature": "MAA="}},
    {"SignedContent": {"Content": "aGVsbG8=", "Signature": "MAA="}}]}')) AS too_many_together;

-- As the caller sees it.
\set VERBOSITY sqlstate
SELECT msgext.post_message('docs', msg('{"DocumentAttachments": []}'));
\set VERBOSITY default
SELECT msgext.post_message('docs', msg('{"DocumentAttachments": []}'));
SELECT msgext.post_message('docs', '[]');
SELECT msgext.post_message('docs', '{}');

-- operation_id; parts belong to the message.
SELECT setval('msgext.outbox_id_seq', 2000, false);
SELECT msgext.post_message('docs', msg(), operation_id => 'order 7');
SELECT msgext.post_message('docs', msg(), operation_id => 'order 7');
SELECT msgext.post_message('docs', msg('{}', doc('{"Comment": "other"}')), operation_id => 'order 7');
SELECT msgext.post_message('docs', msg('{}', doc('{"SignedContent": {"Content": {"part": 1},
    "Signature": "MAA="}}')), operation_id => 'order 7', parts => ARRAY['hello'::bytea]) AS the_same;
SELECT msgext.post_message('docs', msg('{}', doc('{"SignedContent": {"Content": {"part": 1},
    "Signature": "MAA="}}')), operation_id => 'order 7', parts => ARRAY['other'::bytea]);

-- send_vk() is another provider's; callbacks there are none.
SELECT msgext.send_vk('docs', '{}');
SELECT msgext.receive_callback('docs', '\x');

-- Nothing of the credentials is stored with a message.
SELECT count(*) FROM msgext.outbox WHERE outbox::text LIKE '%integrator%'
    OR position('secret-1'::bytea IN payload) > 0;

DROP FUNCTION refusal, stored, msg, doc;
DROP SERVER docs CASCADE;
TRUNCATE msgext.outbox, msgext.event;
