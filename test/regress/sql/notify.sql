-- notify(): changed rows become messages, by a template and as its owner.
SET client_min_messages = warning;
SET timezone = 'UTC';
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 42000, false) > 0 AS ids_from_42000;

CREATE ROLE regress_shop;
CREATE ROLE regress_clerk;
CREATE ROLE regress_thief;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR regress_shop SERVER vk OPTIONS (login 'tester', password '111111');
GRANT USAGE ON FOREIGN SERVER vk TO regress_shop;
CREATE SCHEMA shop AUTHORIZATION regress_shop;
CREATE SCHEMA thief AUTHORIZATION regress_thief;
SET ROLE regress_shop;
CREATE TABLE shop.customers (id int PRIMARY KEY, name text, phone text);
INSERT INTO shop.customers VALUES (1, 'Anna', '79031112233'), (2, 'Boris', NULL), (3, 'Clara', 'nonsense');
CREATE TABLE shop.orders (id int PRIMARY KEY, customer_id int, status text);
CREATE VIEW shop.sent AS
SELECT m.id, m.sender, m.operation_id, m.template, m.template_version AS version,
    msgext.message_payload(m.id) #>> '{vk,phone}' AS phone,
    msgext.message_payload(m.id) #> '{vk,templateData}' AS data
FROM msgext.message m ORDER BY m.id;
SELECT msgext.create_template('order_status', 'vk', message => '{"vk": {"subject": "SHOP", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "{{ref.phone}}", "templateId": 7,
    "templateData": {"order": "{{new.id}}", "now": "{{new.status}}", "was": "{{old.status}}",
        "who": "{{meta.user}}", "what": "{{meta.operation}} {{meta.schema}}.{{meta.table}}"}}}',
    lookup => 'SELECT phone FROM shop.customers WHERE id = $1.customer_id',
    skip_when_null => '{ref.phone}');

-- Only where the trigger's own conditions hold, and where there is a phone.
CREATE TRIGGER status AFTER INSERT OR UPDATE OF status ON shop.orders FOR EACH ROW
    WHEN (NEW.status <> 'draft') EXECUTE FUNCTION msgext.notify('order_status');
INSERT INTO shop.orders VALUES (1, 1, 'new'), (2, 2, 'new'), (3, 1, 'draft');
UPDATE shop.orders SET status = 'paid' WHERE id IN (1, 3);
SELECT * FROM shop.sent;

-- A payload that the provider would refuse is an error, which says where it comes from.
INSERT INTO shop.orders VALUES (4, 3, 'new');

-- Who may change the table needs no other right, and is not whose the message is.
GRANT USAGE ON SCHEMA shop TO regress_clerk, regress_thief;
GRANT SELECT, UPDATE, INSERT ON shop.orders TO regress_clerk;
SET ROLE regress_clerk;
UPDATE shop.orders SET status = 'shipped' WHERE id = 1;
SELECT count(*) FROM msgext.message;
SELECT * FROM shop.customers;
SELECT msgext.preview_template('order_status', o) FROM shop.orders o WHERE id = 1;

-- What his session sets changes nothing: names in the lookup mean what they meant.
CREATE TEMP TABLE customers (id int, phone text);
INSERT INTO customers VALUES (1, '79990000000');
SET search_path = pg_temp, public;
SET datestyle = 'SQL, DMY';
SET row_security = off;
UPDATE shop.orders SET status = 'held' WHERE id = 1;
RESET search_path;
RESET datestyle;
RESET row_security;
DROP TABLE customers;
SELECT current_user;
RESET ROLE;
SET ROLE regress_shop;
SELECT * FROM shop.sent WHERE id > (SELECT min(id) + 1 FROM shop.sent);

-- A table of somebody else's cannot have the template send what he likes.
SET ROLE regress_thief;
CREATE TABLE thief.orders (id int, customer_id int, status text);
CREATE TRIGGER status AFTER INSERT ON thief.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('order_status');
INSERT INTO thief.orders VALUES (1, 1, 'give me money');
CREATE TEMP TABLE orders (id int, customer_id int, status text);
CREATE TRIGGER status AFTER INSERT ON pg_temp.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('order_status');
INSERT INTO pg_temp.orders VALUES (1, 1, 'give me money');
CREATE TRIGGER mine AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('order_status');
SELECT msgext.notify();
DROP TABLE pg_temp.orders;

-- Unless the template's owner lets him, and he the template's owner, who sees each row.
SET ROLE regress_shop;
GRANT TRIGGER ON msgext_template.order_status TO regress_thief;
SET ROLE regress_thief;
INSERT INTO thief.orders VALUES (2, 1, 'unseen');
GRANT SELECT ON thief.orders TO regress_shop;
INSERT INTO thief.orders VALUES (2, 1, 'by leave');
ALTER TABLE thief.orders ENABLE ROW LEVEL SECURITY;
INSERT INTO thief.orders VALUES (2, 1, 'some are hidden');
ALTER TABLE thief.orders DISABLE ROW LEVEL SECURITY;

-- With it he may fill the rows, and not have his functions run by the lookup.
CREATE TYPE thief.horse AS ENUM ('wooden');
CREATE FUNCTION thief.open(thief.horse) RETURNS int LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'opened as %', current_user; RETURN 1; END $$;
CREATE CAST (thief.horse AS int) WITH FUNCTION thief.open(thief.horse) AS IMPLICIT;
CREATE TABLE thief.gifts (id int, customer_id thief.horse, status text);
GRANT SELECT ON thief.gifts TO regress_shop;
CREATE TRIGGER status AFTER INSERT ON thief.gifts FOR EACH ROW EXECUTE FUNCTION msgext.notify('order_status');
INSERT INTO thief.gifts VALUES (1, 'wooden', 'given');
CREATE FUNCTION thief.open(thief.gifts) RETURNS shop.customers LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'opened as %', current_user; RETURN NULL; END $$;
CREATE CAST (thief.gifts AS shop.customers) WITH FUNCTION thief.open(thief.gifts) AS IMPLICIT;
RESET ROLE;
CREATE FUNCTION shop.phone_of(c shop.customers) RETURNS text LANGUAGE sql AS $$ SELECT c.phone $$;
SELECT msgext.preview_template('order_status', ROW(1, 'wooden', 'given')::thief.gifts);
BEGIN;
SELECT msgext.alter_template('order_status', lookup => 'SELECT shop.phone_of($1) AS phone');
SELECT msgext.preview_template('order_status', ROW(1, 'wooden', 'given')::thief.gifts);
ROLLBACK;
BEGIN;
SELECT msgext.alter_template('order_status', lookup => 'SELECT to_jsonb($1) AS phone');
SELECT msgext.preview_template('order_status', g) FROM (SELECT 1 AS id, 'wooden'::thief.horse AS customer_id, 'x' AS status) g;
ROLLBACK;
DROP FUNCTION shop.phone_of;
SET ROLE regress_shop;
SELECT * FROM shop.sent WHERE data ->> 'now' IN ('give me money', 'by leave');
REVOKE TRIGGER ON msgext_template.order_status FROM regress_thief;
SET ROLE regress_thief;
INSERT INTO thief.orders VALUES (3, 1, 'no more');

-- A trigger that could not send holds nothing up, and a name that has become his gives him no rows.
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER vk TO regress_thief;
CREATE USER MAPPING FOR regress_thief SERVER vk OPTIONS (login 'thief', password '111111');
SET ROLE regress_shop;
SELECT msgext.create_template('left', 'vk', '{"vk": {}}');
CREATE TABLE shop.secrets (secret text);
CREATE TRIGGER told AFTER INSERT ON shop.secrets FOR EACH ROW EXECUTE FUNCTION msgext.notify('left');
SET ROLE regress_thief;
CREATE TRIGGER held AFTER INSERT ON thief.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('left');
SET ROLE regress_shop;
SELECT msgext.drop_template('left');
DROP FOREIGN TABLE msgext_template.left;
SET ROLE regress_thief;
SELECT msgext.create_template('left', 'vk', '{"vk": {"subject": "THIEF", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "79031112255", "templateId": 7, "templateData": {"secret": "{{new.secret}}"}}}');
GRANT TRIGGER ON msgext_template.left TO PUBLIC;
SET ROLE regress_shop;
INSERT INTO shop.secrets VALUES ('the safe is open');
SELECT * FROM msgext.check_template('left', 'shop.secrets');
SET ROLE regress_thief;
SELECT * FROM msgext.check_template('left', 'shop.secrets');
SELECT msgext.drop_template('left');
DROP TABLE thief.orders, thief.gifts CASCADE;
SET ROLE regress_shop;
DROP TABLE shop.secrets;

-- The right to send is the owner's, at each firing.
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER vk FROM regress_shop;
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
GRANT USAGE ON FOREIGN SERVER vk TO regress_shop;

-- What goes wrong in a lookup shows the clerk nothing of what it reads, and the owner why.
SET ROLE regress_shop;
SELECT msgext.alter_template('order_status', lookup => 'SELECT phone::int AS phone FROM shop.customers WHERE id = $1.customer_id');
SET ROLE regress_clerk;
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
SET ROLE regress_shop;
UPDATE shop.orders SET status = 'lost' WHERE id = 1;

-- Nor is one that cannot be prepared shown to him.
SELECT msgext.alter_template('order_status', lookup => 'SELECT phone FROM shop.hidden WHERE id = $1.customer_id');
SET ROLE regress_clerk;
UPDATE shop.orders SET status = 'lost' WHERE id = 1;

-- A name that is not qualified is not found among what he has made for it.
SET ROLE regress_shop;
SELECT msgext.alter_template('order_status', lookup => 'SELECT phone FROM customers WHERE id = $1.customer_id');
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
CREATE TEMP TABLE customers (id int, phone text);
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
DROP TABLE customers;
SELECT msgext.alter_template('order_status', lookup => $$SELECT '1'::trap AS phone$$);
CREATE FUNCTION pg_temp.caught(text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'caught %', current_user; RETURN true; END $$;
CREATE DOMAIN pg_temp.trap AS text CHECK (pg_temp.caught(VALUE));
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
DROP DOMAIN pg_temp.trap;

-- An operation id may be made of what the clerk may not read.
SELECT msgext.alter_template('order_status', operation_id => 'to-{{ref.phone}}',
    lookup => 'SELECT phone FROM shop.customers WHERE id = $1.customer_id');
BEGIN;
SET ROLE regress_clerk;
UPDATE shop.orders SET status = 'one' WHERE id = 1;
UPDATE shop.orders SET status = 'two' WHERE id = 1;
ROLLBACK;
BEGIN;
UPDATE shop.orders SET status = 'one' WHERE id = 1;
UPDATE shop.orders SET status = 'two' WHERE id = 1;
ROLLBACK;
SELECT msgext.alter_template('order_status', reset => '{operation_id}');

-- A lookup cannot keep the owner's rights, nor write.
CREATE FUNCTION shop.escape() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET ROLE regress_shop;
    RETURN '79031112233';
END $$;
SELECT msgext.alter_template('order_status', lookup => 'SELECT shop.escape() AS phone');
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
SELECT msgext.alter_template('order_status',
    lookup => 'WITH gone AS (DELETE FROM shop.customers RETURNING phone) SELECT phone FROM gone');
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
SELECT msgext.alter_template('order_status', lookup => 'SELECT phone FROM shop.customers');
UPDATE shop.orders SET status = 'lost' WHERE id = 1;

-- It is found anew when it changes, and when the table or what the lookup reads does.
SELECT msgext.alter_template('order_status', lookup => 'SELECT phone FROM shop.customers WHERE id = $1.customer_id');
UPDATE shop.orders SET status = 'found' WHERE id = 1;
ALTER TABLE shop.orders ADD COLUMN note text;
ALTER TABLE shop.customers DROP COLUMN name, ADD COLUMN name text;
UPDATE shop.orders SET status = 'found again' WHERE id = 1;
SELECT id, version, data ->> 'now' AS now FROM shop.sent WHERE version > 1;
ALTER TABLE shop.orders RENAME customer_id TO customer;
UPDATE shop.orders SET status = 'renamed' WHERE id = 1;
ALTER TABLE shop.orders RENAME customer TO customer_id;

-- One that lacks a column costs a session nothing, however often it tries.
SELECT msgext.alter_template('order_status', lookup => 'SELECT phone AS number FROM shop.customers');
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
RESET ROLE;
SELECT count(*) AS plans FROM pg_backend_memory_contexts WHERE name = 'SPI Plan' \gset
UPDATE shop.orders SET status = 'lost' WHERE id = 1;
SELECT count(*) - :plans AS more_plans FROM pg_backend_memory_contexts WHERE name = 'SPI Plan';
SET ROLE regress_shop;
SELECT msgext.alter_template('order_status', lookup => 'SELECT phone FROM shop.customers WHERE id = $1.customer_id');

-- A statement's trigger takes its rows from the transition tables.
DROP TRIGGER status ON shop.orders;
CREATE TRIGGER added AFTER INSERT ON shop.orders REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify('order_status');
CREATE TRIGGER changed AFTER UPDATE ON shop.orders REFERENCING NEW TABLE AS after OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify('order_status');
CREATE TRIGGER gone AFTER DELETE ON shop.orders REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify('order_status');
SELECT max(id) AS last FROM shop.sent \gset
DELETE FROM shop.orders;
INSERT INTO shop.orders (id, customer_id, status) SELECT n, n % 2 + 1, 'bulk' FROM generate_series(1, 6) n;
UPDATE shop.orders SET status = status || id;
SELECT data FROM shop.sent WHERE id > :last;

-- More of them than go to the outbox at a time, in the order of the rows; all of them or none.
SELECT max(id) AS last FROM shop.sent \gset
INSERT INTO shop.orders (id, customer_id, status) SELECT n, 1, 'many' FROM generate_series(101, 250) n;
SELECT count(*), min(data ->> 'order'), max(data ->> 'order'), count(DISTINCT (data ->> 'order')::int - id) AS gaps
FROM shop.sent WHERE id > :last;
BEGIN;
UPDATE shop.customers SET phone = '12' WHERE id = 2;
INSERT INTO shop.orders (id, customer_id, status) SELECT n, 1 + (n = 400)::int, 'none' FROM generate_series(301, 400) n;
ROLLBACK;
SELECT count(*) FROM shop.sent WHERE data ->> 'now' = 'none';
DROP TRIGGER added ON shop.orders;
DROP TRIGGER changed ON shop.orders;
DROP TRIGGER gone ON shop.orders;
DELETE FROM shop.orders WHERE id > 100;
CREATE TRIGGER changed AFTER UPDATE ON shop.orders REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify('order_status');
UPDATE shop.orders SET status = 'without old';
DROP TRIGGER changed ON shop.orders;

-- What it cannot be called as.
CREATE TRIGGER bad BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('order_status');
INSERT INTO shop.orders VALUES (10, 1, 'x');
DROP TRIGGER bad ON shop.orders;
CREATE VIEW shop.seen AS SELECT * FROM shop.orders;
CREATE TRIGGER bad INSTEAD OF INSERT ON shop.seen FOR EACH ROW EXECUTE FUNCTION msgext.notify('order_status');
INSERT INTO shop.seen VALUES (10, 1, 'x');
DROP VIEW shop.seen;
CREATE TRIGGER bad AFTER INSERT ON shop.orders FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify('order_status');
INSERT INTO shop.orders VALUES (10, 1, 'x');
DROP TRIGGER bad ON shop.orders;
CREATE TRIGGER bad AFTER TRUNCATE ON shop.orders FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify('order_status');
TRUNCATE shop.orders;
DROP TRIGGER bad ON shop.orders;
CREATE TRIGGER bad AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('order_status', 'x');
INSERT INTO shop.orders VALUES (10, 1, 'x');
DROP TRIGGER bad ON shop.orders;
CREATE TRIGGER bad AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('nothing');
INSERT INTO shop.orders VALUES (10, 1, 'x');
DROP TRIGGER bad ON shop.orders;

-- A name that is too long is cut in all of its places.
BEGIN;
SELECT msgext.create_template('a_template_with_a_name_that_is_longer_than_the_63_bytes_of_a_name_in_postgresql', 'vk',
    '{"vk": {"subject": "SHOP", "priority": "high", "routes": ["vk"], "validityPeriod": 3600, "phone": "79031112233", "templateId": 7, "templateData": {}}}');
CREATE TRIGGER long AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION
    msgext.notify('a_template_with_a_name_that_is_longer_than_the_63_bytes_of_a_name_in_postgresql');
INSERT INTO shop.orders VALUES (10, 1, 'x');
SELECT template FROM msgext.message ORDER BY id DESC LIMIT 1;
SELECT msgext.drop_template('a_template_with_a_name_that_is_longer_than_the_63_bytes_of_a_name_in_postgresql');
ROLLBACK;

-- Partitions: the table is the one that people know.
CREATE TABLE shop.log (id int, customer_id int, status text) PARTITION BY RANGE (id);
CREATE TABLE shop.log1 (status text, extra int, id int NOT NULL, customer_id int);
ALTER TABLE shop.log1 DROP COLUMN extra;
ALTER TABLE shop.log ATTACH PARTITION shop.log1 FOR VALUES FROM (1) TO (10);
CREATE TABLE shop.log2 PARTITION OF shop.log FOR VALUES FROM (10) TO (20);
CREATE TRIGGER logged AFTER INSERT OR UPDATE ON shop.log FOR EACH ROW EXECUTE FUNCTION msgext.notify('order_status');
SELECT max(id) AS last FROM shop.sent \gset
INSERT INTO shop.log VALUES (1, 1, 'one'), (11, 1, 'eleven');
UPDATE shop.log SET id = id + 10, status = 'moved' WHERE id = 1;
UPDATE shop.log SET status = 'stayed' WHERE id = 11;
SELECT data FROM shop.sent WHERE id > :last;

-- A partition keeps one out that an UPDATE has moved to it: nobody is told that one row has been another.
DROP TRIGGER logged ON shop.log;
CREATE TABLE shop.log3 PARTITION OF shop.log FOR VALUES FROM (20) TO (30);
INSERT INTO shop.log VALUES (12, 1, 'twelve'), (13, 1, 'thirteen'), (14, 1, 'fourteen');
CREATE FUNCTION shop.keep_out() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.status = 'thirteen' THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TRIGGER keep_out BEFORE INSERT ON shop.log3 FOR EACH ROW EXECUTE FUNCTION shop.keep_out();
CREATE TRIGGER logged AFTER UPDATE ON shop.log REFERENCING NEW TABLE AS after OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify('order_status');
SELECT max(id) AS last FROM shop.sent \gset
UPDATE shop.log SET id = id + 8 WHERE id BETWEEN 12 AND 14 AND status <> 'thirteen';
SELECT data FROM shop.sent WHERE id > :last;
UPDATE shop.log SET id = id - 8 WHERE id >= 20;
UPDATE shop.log SET id = id + 8 WHERE id BETWEEN 12 AND 14;

-- Values of any type: texts stay texts, and what has a type keeps it where it is asked for.
CREATE TYPE shop.mood AS ENUM ('sad', 'happy');
CREATE DOMAIN shop.positive AS numeric CHECK (VALUE > 0);
CREATE TYPE shop.pair AS (a int, b text);
CREATE TABLE shop.types (b boolean, s smallint, i int, l bigint, r real, d double precision, n numeric, p shop.positive,
    t text, c char(4), v varchar, u uuid, da date, ti time, tz timetz, ts timestamp, tt timestamptz, iv interval,
    by bytea, j json, jb jsonb, ia int[], ta text[], pa shop.pair, m shop.mood, ip inet, x xml, ra int4range, rt tstzrange);
CREATE FUNCTION shop.sent_types() RETURNS jsonb LANGUAGE sql AS
    $$ SELECT msgext.message_payload(max(id)) #> '{vk,templateData}' FROM msgext.message $$;
SELECT msgext.create_template('types', 'vk', message => '{"vk": {"subject": "SHOP", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "79031112233", "templateId": 7, "templateData": {"all": "{{new}}"}}}', time_zone => 'Europe/Moscow');
CREATE TRIGGER typed AFTER INSERT ON shop.types FOR EACH ROW EXECUTE FUNCTION msgext.notify('types');
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
INSERT INTO shop.types VALUES (true, -1, 2147483647, 9223372036854775807, 1.5, 1e300, 12345678901234567890.123456789, 0.10,
    'a"b', 'ab', 'v', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-02-28', '12:34:56.789', '12:34:56+03',
    '2026-02-28 12:34:56', '2026-02-28 12:34:56+00', '1 day 2:03:04', '\xdeadbeef', '{"a" : 1.50, "a": 2}', '{"k": [1, null]}',
    '{{1,2},{3,NULL}}', '{"a,b","c\"d"}', ROW(1, 'x"y'), 'happy', '10.0.0.1/8', '<a>b</a>', '[1,5)',
    '[2026-02-28 12:34:56+00,)');
RESET datestyle;
SELECT key, value FROM jsonb_each((shop.sent_types() ->> 'all')::jsonb) WITH ORDINALITY ORDER BY ordinality;
INSERT INTO shop.types (r, d, n, ts, tt, da) VALUES ('NaN', 'Infinity', 'NaN', 'infinity', '-infinity', 'infinity');
SELECT jsonb_strip_nulls((shop.sent_types() ->> 'all')::jsonb);

-- What a lookup has read is there after it: more than fits into memory that is kept for the next one.
SELECT msgext.create_template('read', 'vk', message => '{"vk": {"all": "{{ref.j}}"}}',
    lookup => 'SELECT jsonb_agg(n) AS j FROM generate_series(1, 90000) n');
SELECT (message #>> '{vk,all}')::jsonb = (SELECT jsonb_agg(n) FROM generate_series(1, 90000) n) AS as_read
FROM msgext.preview_template('read', ROW(1));

-- No setting shows the lookup to whose statement it is, leaves rows out of it, or makes it another one.
CREATE FUNCTION shop.minds() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    one int;
BEGIN
    SELECT n INTO one FROM generate_series(1, 2) n;
    ASSERT one IS NULL;
    RETURN 'nothing';
EXCEPTION WHEN assert_failure THEN
    RETURN 'assertions';
END $$;
SELECT msgext.alter_template('read', message => '{"vk": {"set": "{{ref}}"}}',
    lookup => $$SELECT current_setting('client_min_messages') AS told, current_setting('gin_fuzzy_search_limit') AS found_at_most,
        to_tsvector('the ducks') AS words, shop.minds() AS minded$$);
SET client_min_messages = log;
SET gin_fuzzy_search_limit = 7;
SET default_text_search_config = 'english';
SET plpgsql.check_asserts = off;
SET plpgsql.extra_errors = 'all';
SELECT message FROM msgext.preview_template('read', ROW(1));
SELECT message IS NOT NULL AS of_one_type FROM msgext.preview_template('read', ROW(1), ROW(2));
SELECT message FROM msgext.preview_template('read', ROW(1), ROW(2, 'other'));
SET client_min_messages = warning;
RESET gin_fuzzy_search_limit;
RESET default_text_search_config;
RESET plpgsql.check_asserts;
RESET plpgsql.extra_errors;

-- Nor does what it runs tell him anything, or a setting how it is read; but why a statement ends, not where.
CREATE TABLE shop.calls (customer_id int);
GRANT INSERT ON shop.calls TO regress_clerk;
CREATE FUNCTION shop.phone_of(customer int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text := (SELECT phone FROM shop.customers WHERE id = customer);
BEGIN
    RAISE WARNING 'the phone of % is %', customer, found;
    IF found IS NULL THEN
        RAISE EXCEPTION 'once more' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN found;
END $$;
SELECT msgext.create_template('call', 'vk', message => '{"vk": {"subject": "SHOP", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "{{ref.phone}}", "templateId": 7, "templateData": {"slash": "{{ref.slash}}"}}}',
    lookup => $$SELECT '\' AS slash, shop.phone_of($1.customer_id) AS phone$$);
CREATE TRIGGER called AFTER INSERT ON shop.calls FOR EACH ROW EXECUTE FUNCTION msgext.notify('call');
SET ROLE regress_clerk;
SET standard_conforming_strings = off;
INSERT INTO shop.calls VALUES (1);
INSERT INTO shop.calls VALUES (2);
RESET standard_conforming_strings;
SET ROLE regress_shop;
INSERT INTO shop.calls VALUES (1);
INSERT INTO shop.calls VALUES (2);
SELECT phone, data FROM shop.sent WHERE template = 'call';
DROP TABLE shop.calls;

-- A debounced message that has left is not replaced: what comes then is another one.
SELECT msgext.create_template('note', 'vk', message => '{"vk": {"subject": "SHOP", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "79031112233", "templateId": 7, "templateData": {"note": "{{new.note}}"}}}',
    operation_id => 'order-{{new.id}}', debounce => '1 ms');
CREATE TRIGGER noted AFTER UPDATE OF note ON shop.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify('note');
SELECT max(id) AS last FROM shop.sent \gset
UPDATE shop.orders SET note = 'one' WHERE id = 1;
UPDATE shop.orders SET note = 'two' WHERE id = 1;
RESET ROLE;
ALTER SERVER vk OPTIONS (ADD max_attempts '1', ADD rate_limit 'off', ADD recipient_limit 'off');
SELECT msgext.cancel_message(id) FROM msgext.message WHERE state = 'queued' AND template <> 'note' AND NOT msgext.cancel_message(id);
CALL msgext.dispatch();
SET ROLE regress_shop;
UPDATE shop.orders SET note = 'three' WHERE id = 1;
SELECT m.state, m.attempts, m.operation_id, s.data FROM shop.sent s JOIN msgext.message m USING (id) WHERE s.id > :last ORDER BY id;
SELECT kind, related IS NOT NULL AS related FROM msgext.message_event WHERE message_id > :last AND kind <> 'queued' ORDER BY message_id, kind;

-- No value changes what a message is made of.
CREATE TABLE shop.texts (v text);
SELECT msgext.create_template('text', 'vk', message => '{"vk": {"subject": "SHOP", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "79031112233", "templateId": 7, "deliveryPolicy": "any",
    "templateData": {"a": "{{new.v}}", "b": "<{{new.v}}>", "c": "{{new.v}}{{new.v}}", "d": "{{new.v|truncate:3}}"}}}');
CREATE TRIGGER sent AFTER INSERT ON shop.texts FOR EACH ROW EXECUTE FUNCTION msgext.notify('text');
SELECT max(id) AS last FROM shop.sent \gset
INSERT INTO shop.texts
SELECT left(v || repeat(v, n / greatest(length(v), 1)), 1000000) FROM unnest(ARRAY['', '"', '\', '\"', '{{new.v}}', '}}', '{{', '{{''', '{"$": "new.v"}', '","phone":"79999999999', '"}}, "sms": {"text": "x',
    '\u0000', '\u0022', E'\u2028', E'\n\r\t\b\f', '<!--', '&quot;', '$1', '%s%n', ']]>', 'null', '{}', '[]', 'ab'':"c', E'\x01\x1f\x7f', '🦆', 'Ж']) v,
    unnest(ARRAY[0, 10000]) n;
SELECT count(*) AS messages, count(*) FILTER (WHERE p - 'templateData' <> '{"subject": "SHOP", "priority": "high", "routes": ["vk"],
        "validityPeriod": 3600, "phone": "79031112233", "templateId": 7, "deliveryPolicy": "any"}'
    OR p -> 'templateData' <> jsonb_build_object('a', v, 'b', '<' || v || '>', 'c', v || v, 'd', left(v, 3))) AS changed
FROM (SELECT row_number() OVER (ORDER BY id) AS n, msgext.message_payload(id) -> 'vk' AS p FROM msgext.message WHERE id > :last) m
JOIN (SELECT row_number() OVER (ORDER BY ctid) AS n, v FROM shop.texts) t USING (n);

-- Only a json can hold a NUL; it reaches the wire as it was, or the provider's rules refuse it.
CREATE TABLE shop.nuls (v json);
SELECT msgext.create_template('nul', 'vk', message => '{"vk": {"subject": "SHOP", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": {"$": "new.v.phone"}, "templateId": 7, "deliveryPolicy": "any",
    "templateData": {"a": "{{new.v.text}}", "b": "<{{new.v.text}}>", "c": {"$": "new.v.text"}}}}');
CREATE TRIGGER sent AFTER INSERT ON shop.nuls FOR EACH ROW EXECUTE FUNCTION msgext.notify('nul');
INSERT INTO shop.nuls VALUES ('{"phone": "79031112233", "text": "a\u0000\",\"phone\":\"1\u0000"}');
SELECT convert_from(msgext.message_bytes(max(id)), 'UTF8') FROM msgext.message;
INSERT INTO shop.nuls VALUES ('{"phone": "79031112233\u0000", "text": "a"}');
INSERT INTO shop.nuls VALUES ('{"phone": "\u000079031112233", "text": "a"}');
SELECT msgext.alter_template('nul', on_invalid => 'record', operation_id => 'x{{new.v.key}}');
INSERT INTO shop.nuls VALUES ('{"phone": "79031112233\u0000", "text": "a\u0000", "key": "1"}');
INSERT INTO shop.nuls VALUES ('{"phone": "79031112233", "text": "a", "key": "\u0000"}');
SELECT state, code, error, operation_id, recipient, msgext.message_payload(id) FROM msgext.message ORDER BY id DESC LIMIT 2;

RESET ROLE;
DROP SERVER vk CASCADE;
DROP SCHEMA shop CASCADE;
DROP SCHEMA thief CASCADE;
DROP OWNED BY regress_shop, regress_clerk, regress_thief;
DROP ROLE regress_shop, regress_clerk, regress_thief;
