-- Hostile values in templates of every provider: what a message is made of stays as it is,
-- and the value arrives as it was, or the provider's rules refuse it.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 44000, false) > 0 AS ids_from_44000;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1', on_invalid 'record');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1', on_invalid 'record');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:1', on_invalid 'record');
CREATE SERVER mail FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1/sender', on_invalid 'record');
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1', on_invalid 'record');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER docs OPTIONS (api_client_id 'a', login 'l', password 'secret-1');
CREATE USER MAPPING FOR PUBLIC SERVER sms OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER mail OPTIONS (token 'secret-3');
CREATE USER MAPPING FOR PUBLIC SERVER hook;

-- Texts of what any of the wires, or a template, is made of; as they are, within others, and long.
CREATE TABLE hostile (n int GENERATED ALWAYS AS IDENTITY, v text);
INSERT INTO hostile (v) VALUES (''), (' '), ('"'), (''''), ('\'), ('\"'), ('\u0022'), ('\u0000'), ('{'), ('}'), ('}}'), ('{{'), ('{{new.v}}'),
    ('{{ref.secret|upper}}'), ('{{''{{''}}'), ('{"$": "new.v"}'), ('","phone":"79999999999'), ('"}}, "sms": {"text": "x'), ('[]'), ('null'), ('true'), ('1e999'),
    ('<'), ('&'), ('&amp;quot;'), ('&#0;'), ('<!--'), ('-->'), (']]>'), ('<![CDATA[x]]>'), ('</content><address>79999999999</address>'), ('<?xml version="1.0"?>'),
    ('%s%n%00'), ('$1'), ('${jndi:ldap://x}'), (E'\r\n\r\nGET / HTTP/1.1'), (E'\t'), (E'\n'), (E'\x01'), (E'\x1f\x7f'), (E'\u2028\u2029'), (E'\uFEFF'), (E'\uFFFE\uFFFF'),
    (E'\u202E'), ('🦆'), ('Ж'), ('e' || E'\u0301'), (E'\U0010FFFF');
INSERT INTO hostile (v) SELECT 'a' || v || 'b' FROM hostile;
INSERT INTO hostile (v) SELECT repeat(v, 100) FROM hostile WHERE v <> '';
INSERT INTO hostile (v) SELECT repeat(v, 1048576 / octet_length(v)) FROM hostile WHERE v IN ('"', '{{', '&');
-- And put together at random, the same each time.
SELECT setseed(0.19);
INSERT INTO hostile (v)
SELECT string_agg(p[1 + floor(random() * cardinality(p))::int], '') FROM generate_series(1, 300) AS n,
    LATERAL generate_series(1, 1 + n % 30) AS i,
    (VALUES (ARRAY['"', '\', '{', '}', '{{', '}}', '$', ':', ',', '[', ']', '<', '>', '&', ';', '''', '|', 'new.v', 'a', ' ', 'u0000', 'Ж', E'\n'])) AS pieces(p)
GROUP BY n;

-- A message of each provider, with a text that may be anything.
CREATE TABLE kinds (name text, server name, message jsonb, place text[]);
INSERT INTO kinds VALUES
    ('vk', 'vk', '{"vk": {"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180, "phone": "79031112233",
        "templateId": 1, "deliveryPolicy": "any", "templateData": {"a": "{{new.v}}", "b": "fixed"}}}', '{vk,templateData,a}'),
    ('sms', 'sms', '{"address": "79031112233", "content": "{{new.v}}", "priority": "high", "contentType": "text"}', '{content}'),
    ('mail', 'mail', '{"To": "https://unit.example/bob", "Title": "fixed", "Body": "{{new.v}}", "Type": "message", "Priority": 3, "BoxBound": false}', '{Body}'),
    ('docs', 'docs', '{"FromBoxId": "db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b", "ToBoxId": "1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru",
        "DocumentAttachments": [{"TypeNamedId": "Nonformalized", "Comment": "{{new.v}}", "Metadata": [{"Key": "FileName", "Value": "a.txt"}],
            "SignedContent": {"Content": "aGVsbG8=", "Signature": "MAA="}}]}', '{DocumentAttachments,0,Comment}'),
    ('hook', 'hook', '{"type": "fixed", "data": {"a": ["{{new.v}}", 1], "b": null}}', '{data,a,0}');
SELECT count(msgext.create_template(name, server, message)) AS templates FROM kinds;
-- What comes out of a harmless value, but for that.
CREATE TABLE one (v text);
SELECT format('CREATE TRIGGER %I AFTER INSERT ON one FOR EACH ROW EXECUTE FUNCTION msgext.notify(%L)', name, name) FROM kinds \gexec
INSERT INTO one VALUES ('harmless');
CREATE TABLE shape AS SELECT k.name, jsonb_set(msgext.message_payload(m.id), k.place, 'null') AS shape, k.place
FROM msgext.message m JOIN kinds k ON k.name = m.template WHERE m.id >= 44000;
SELECT name, shape FROM shape ORDER BY name;

-- Now the others. Rows and messages are in one order.
SELECT max(id) AS last FROM msgext.message \gset
INSERT INTO one SELECT v FROM hostile ORDER BY n;
CREATE TABLE outcome AS
SELECT m.template AS name, m.state, m.code, h.v, p.payload
FROM (SELECT id, template, state, code, row_number() OVER (PARTITION BY template ORDER BY id) AS n FROM msgext.message WHERE id > :last) m
JOIN hostile h USING (n), LATERAL (SELECT msgext.message_payload(m.id) AS payload OFFSET 0) p;
SELECT name, count(*) = (SELECT count(*) FROM hostile) AS all_told, count(*) FILTER (WHERE state = 'queued') > 300 AS most_queued,
    count(*) FILTER (WHERE state = 'queued' AND jsonb_set(payload, place, 'null') <> shape) AS of_another_shape,
    count(*) FILTER (WHERE state = 'queued' AND (payload #>> place) <> v) AS with_another_value
FROM outcome JOIN shape USING (name) GROUP BY name ORDER BY name;
SELECT name, state, code, count(*) FROM outcome WHERE state <> 'queued' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- In columns of every type that can hold a text, and as they are: to_jsonb() says the same.
CREATE TYPE mood AS ENUM ('"}', '{{new.v}}', '\u0000');
CREATE DOMAIN word AS text;
CREATE TYPE pair AS ("a""}" text, b text[]);
CREATE TABLE typed (id int GENERATED ALWAYS AS IDENTITY, t text, v varchar, c char(40), n name, w word, j jsonb, a text[], aa text[][], p pair, pp pair[], m mood, "}}"",""" text);
SELECT msgext.create_template('typed', 'hook', '{"type": "fixed", "data": {"row": {"$": "new"}, "text": "{{new.j}}", "one": {"$": "new.p"}, "deep": {"$": "new.j.v.0"}}}');
CREATE TRIGGER typed AFTER INSERT ON typed FOR EACH ROW EXECUTE FUNCTION msgext.notify('typed');
SELECT max(id) AS last FROM msgext.message \gset
INSERT INTO typed (t, v, c, n, w, j, a, aa, p, pp, m, "}}"",""")
SELECT v, v, left(v, 40), left(v, 15), v, jsonb_build_object('v', jsonb_build_array(v), 'k' || left(v, 100), v), ARRAY[v, NULL, ''], ARRAY[[v, 'a'], ['b', v]],
    ROW(v, ARRAY[v])::pair, ARRAY[ROW(v, NULL)::pair, NULL], (enum_range(NULL::mood))[1 + n % 3], v
FROM hostile WHERE octet_length(v) < 10000 ORDER BY n;
SELECT count(*) > 300 AS many, count(*) FILTER (WHERE m.payload <> jsonb_build_object('type', 'fixed', 'data', jsonb_build_object('row', to_jsonb(r),
        'one', to_jsonb((r).p), 'deep', (r).j #> '{v,0}', 'text', payload #> '{data,text}'))) AS changed,
    count(*) FILTER (WHERE (payload #>> '{data,text}')::jsonb <> (r).j) AS changed_text
FROM (SELECT row_number() OVER (ORDER BY id) AS n, msgext.message_payload(id) AS payload FROM msgext.message WHERE id > :last) m
JOIN typed r ON r.id = m.n;

DROP TABLE one, typed;
DROP SERVER vk CASCADE;
DROP SERVER docs CASCADE;
DROP SERVER sms CASCADE;
DROP SERVER mail CASCADE;
DROP SERVER hook CASCADE;
DROP TABLE hostile, kinds, shape, outcome;
DROP TYPE pair, mood, word;
TRUNCATE msgext.outbox, msgext.event, msgext.template;
