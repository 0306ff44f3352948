-- notify_row(): changed rows as they are, to an endpoint that takes webhooks.
SET client_min_messages = warning;
SET timezone = 'America/New_York';
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 43000, false) > 0 AS ids_from_43000;
CREATE ROLE regress_shop;
CREATE ROLE regress_clerk;
CREATE SERVER crm FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER events FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1', format 'cloudevents');
CREATE USER MAPPING FOR regress_shop SERVER crm;
CREATE USER MAPPING FOR regress_shop SERVER events;
GRANT USAGE ON FOREIGN SERVER crm, events TO regress_shop;
CREATE SCHEMA shop AUTHORIZATION regress_shop;
SET ROLE regress_shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, "Status" text, placed timestamptz, secret text);
CREATE VIEW shop.sent AS SELECT id, server, sender, msgext.message_payload(id) AS message FROM msgext.message WHERE id >= 43000 ORDER BY id;

CREATE TRIGGER hook AFTER INSERT OR UPDATE OR DELETE ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION msgext.notify_row('crm', 'except=secret');
INSERT INTO shop.orders VALUES (1, 'new "one"', '2026-11-29 12:00+00', 's');
-- An error says whose it is: who changes a row need not know of the trigger.
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER crm FROM regress_shop;
SET ROLE regress_shop;
INSERT INTO shop.orders (id) VALUES (9);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER crm TO regress_shop;
SET ROLE regress_shop;

-- Who may change the table needs no other right.
GRANT USAGE ON SCHEMA shop TO regress_clerk;
GRANT SELECT, UPDATE ON shop.orders TO regress_clerk;
SET ROLE regress_clerk;
UPDATE shop.orders SET "Status" = 'paid';
SELECT count(*) FROM msgext.message;
SET ROLE regress_shop;
DELETE FROM shop.orders;
SELECT * FROM shop.sent;
DROP TRIGGER hook ON shop.orders;

-- As events, and the columns that are named.
CREATE TRIGGER hook AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify_row('events', 'cloudevents', 'columns=id,"Status"');
SELECT max(id) AS last FROM shop.sent \gset
INSERT INTO shop.orders VALUES (2, 'new', NULL, 's');
SELECT * FROM shop.sent WHERE id > :last;
DROP TRIGGER hook ON shop.orders;

-- A statement's rows, a hundred in a message.
CREATE TRIGGER added AFTER INSERT ON shop.orders REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify_row('crm', 'columns=id');
CREATE TRIGGER changed AFTER UPDATE ON shop.orders REFERENCING NEW TABLE AS added OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify_row('crm', 'columns=id');
SELECT max(id) AS last FROM shop.sent \gset
INSERT INTO shop.orders (id) SELECT generate_series(1001, 1250);
UPDATE shop.orders SET id = -id WHERE id < 1004;
UPDATE shop.orders SET id = -id WHERE false;
SELECT message ->> 'type' AS type, jsonb_array_length(nullif(message -> 'records', 'null')) AS records, message #> '{records,0}' AS first,
    message #> '{old_records,0}' AS old FROM shop.sent WHERE id > :last;
DROP TRIGGER added ON shop.orders;
DROP TRIGGER changed ON shop.orders;

-- Large ones make messages of their own: no endpoint takes a hundred of them at once.
CREATE TRIGGER added AFTER INSERT ON shop.orders REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify_row('crm');
SELECT max(id) AS last FROM shop.sent \gset
INSERT INTO shop.orders (id, secret) SELECT n, repeat('Ж', 200000) FROM generate_series(2001, 2010) n;
SELECT count(*) > 2 AS several, max(octet_length(message::text)) < 2000000 AS small,
    sum(jsonb_array_length(message -> 'records')) AS records, min((message #>> '{records,0,id}')::int) AS first FROM shop.sent WHERE id > :last;
DROP TRIGGER added ON shop.orders;

-- Columns that are computed, when a row is written or, from PostgreSQL 18 on, when it is read.
SELECT CASE WHEN current_setting('server_version_num')::int < 180000 THEN 'STORED' ELSE 'VIRTUAL' END AS kept \gset
CREATE TABLE shop.sums (a int, b int, label text, total int GENERATED ALWAYS AS (a + b) :kept, loud text GENERATED ALWAYS AS (upper(label)) :kept);
CREATE TRIGGER hook AFTER INSERT OR UPDATE OR DELETE ON shop.sums FOR EACH ROW EXECUTE FUNCTION msgext.notify_row('crm');
SELECT msgext.create_template('sum', 'crm', '{"total": {"$": "new.total"}, "was": {"$": "old.total"}, "loud": "{{ref.loud}}"}',
    lookup => 'SELECT pg_catalog.concat($1.loud, $2.loud) AS loud');
CREATE TRIGGER sum AFTER UPDATE ON shop.sums REFERENCING NEW TABLE AS added OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION msgext.notify('sum');
SELECT max(id) AS last FROM shop.sent \gset
INSERT INTO shop.sums VALUES (1, 2, 'one'), (2, 3, 'two');
UPDATE shop.sums SET a = a + 10, label = label || '!';
DELETE FROM shop.sums WHERE a = 11;
SELECT message FROM shop.sent WHERE id > :last;
DROP TABLE shop.sums;

-- What it cannot be called with, or as.
CREATE FUNCTION shop.attach(arguments text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TRIGGER bad AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION msgext.notify_row(' || arguments || ')';
    INSERT INTO shop.orders VALUES (3);
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING '% %', SQLSTATE, SQLERRM;
END $$;
SELECT shop.attach('');
SELECT shop.attach($$'nowhere'$$);
SELECT shop.attach($$'crm', 'xml'$$);
SELECT shop.attach($$'crm', 'columns=nothing'$$);
SELECT shop.attach($$'crm', 'columns='$$);
-- The owner's right to send counts, not his who changes the row.
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER crm FROM regress_shop;
SELECT shop.attach($$'crm'$$);
DROP SERVER crm, events CASCADE;
DROP SCHEMA shop CASCADE;
DROP OWNED BY regress_shop, regress_clerk;
DROP ROLE regress_shop, regress_clerk;
