-- Templates: made, changed, checked, dropped; whose they are, and what depends on them.
SET client_min_messages = warning;
SET timezone = 'UTC';
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 41000, false) > 0 AS ids_from_41000;

CREATE ROLE regress_shop;
CREATE ROLE regress_clerk;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER other FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR regress_shop SERVER vk OPTIONS (login 'tester', password '111111');
GRANT USAGE ON FOREIGN SERVER vk TO regress_shop;
CREATE SCHEMA shop AUTHORIZATION regress_shop;
SET ROLE regress_shop;
CREATE TABLE shop.customers (id int PRIMARY KEY, name text, phone text, wants_messages boolean DEFAULT true);
INSERT INTO shop.customers VALUES (1, 'Anna', '79031112233', true), (2, 'Boris', NULL, true),
    (3, 'Clara', 'nonsense', true), (4, 'Dina', '79031112244', false);
CREATE TABLE shop.orders (id int PRIMARY KEY, customer_id int, status text, total numeric(10,2), placed timestamptz DEFAULT '2026-11-29 12:00+00');

-- The current user must be able to send by the server.
SELECT msgext.create_template('order_paid', 'other', '{"vk": {}}');
SELECT msgext.create_template('order_paid', 'nowhere', '{"vk": {}}');

-- What cannot be read is refused, with where it is.
SELECT msgext.create_template('bad', 'vk', '{"vk": {"phone": "{{new.phone"}}');
SELECT msgext.create_template('bad', 'vk', '{"vk": {"phone": "{{phone}}"}}');
SELECT msgext.create_template('bad', 'vk', '{"vk": {"phone": "{{new.phone|shout}}"}}');
SELECT msgext.create_template('bad', 'vk', '{"vk": {"phone": "{{ref.phone}}"}}');
SELECT msgext.create_template('bad', 'vk', '["vk"]');
SELECT msgext.create_template('bad', 'vk', '{}', lookup => 'DELETE FROM shop.customers');
SELECT msgext.create_template('bad', 'vk', '{}', lookup => 'SELECT 1; SELECT 2');
SELECT msgext.create_template('bad', 'vk', '{}', lookup => 'SELECT FROM WHERE');
SELECT msgext.create_template('bad', 'vk', '{}', on_conflict => 'ignore');
SELECT msgext.create_template('bad', 'vk', '{}', on_conflict => 'replace');
SELECT msgext.create_template('bad', 'vk', '{}', on_invalid => 'ignore');
SELECT msgext.create_template('bad', 'vk', '{}', expires_in => '-1 hour');
SELECT msgext.create_template('bad', 'vk', '{}', quiet_hours => '22-9');
SELECT msgext.create_template('bad', 'vk', '{}', quiet_hours => '22:00-09:00 Europe/Atlantis');
SELECT msgext.create_template('bad', 'vk', '{}', time_zone => 'Europe/Atlantis');
SELECT msgext.create_template('bad', 'vk', '{}', priority => 9);
SELECT msgext.create_template('bad', 'vk', '{}', skip_when_null => '{phone}');
SELECT msgext.create_template('bad', 'vk', '{}', skip_when_null => '{"{{new.phone}}"}');
SELECT msgext.create_template('bad', 'vk', '{"vk": {"phone": "{{new.phones[0]}}"}}');
SELECT msgext.create_template('', 'vk', '{}');
SELECT count(*) FROM msgext.template;

SELECT msgext.create_template('order_paid', 'vk', message => '{"vk": {"subject": "SHOP", "priority": "high", "routes": ["vk"],
    "validityPeriod": {"$": "ref.ttl"}, "phone": "{{ref.phone}}", "templateId": 7,
    "templateData": {"order": "{{new.id}}", "name": "{{ref.name|upper}}", "was": "{{old.status|default:nothing}}",
        "total": "{{new.total}}", "day": "{{new.placed|date:DD.MM.YYYY HH24:MI}}", "by": "{{meta.table}} {{meta.operation}}"}}}',
    lookup => 'SELECT c.phone, c.name, 3600 AS ttl FROM shop.customers c WHERE c.id = $1.customer_id AND c.wants_messages',
    operation_id => 'order-{{new.id}}-{{new.status}}', skip_when_null => '{ref.phone}', time_zone => 'Europe/Moscow');
SELECT msgext.create_template('order_paid', 'vk', '{}');
SELECT name, version, created_by, priority, on_conflict, on_invalid, time_zone FROM msgext.template;

-- What it makes of a row, and why it makes nothing.
INSERT INTO shop.orders VALUES (1, 1, 'paid', 99.5), (2, 2, 'paid', 1), (3, 3, 'paid', 1), (4, 4, 'paid', 1);
\x on
SELECT p.* FROM shop.orders o, msgext.preview_template('order_paid', o) p ORDER BY o.id;
SELECT p.message #> '{vk,templateData}' AS data, p.operation_id
FROM shop.orders o, msgext.preview_template('order_paid', o, o) p WHERE o.id = 1;
\x off
SELECT msgext.preview_template('order_paid', NULL);
SELECT msgext.preview_template('order_paid', ROW(1, 2));
SELECT count(*) FROM msgext.message;

-- It is as it would be queued: the server's options count.
RESET ROLE;
ALTER SERVER vk OPTIONS (ADD redirect '79990001122', ADD expires_after '1 hour');
SET ROLE regress_shop;
SELECT o.id, p.message #>> '{vk,phone}' AS phone, p.expires_at > now() + interval '59 min' AS expires, p.skipped, p.code
FROM shop.orders o, msgext.preview_template('order_paid', o) p ORDER BY o.id;
SELECT * FROM msgext.check_template('order_paid', 'shop.orders');
RESET ROLE;
ALTER SERVER vk OPTIONS (DROP redirect, DROP expires_after);
SET ROLE regress_shop;

-- What is wrong with it for a table.
SELECT * FROM msgext.check_template('order_paid', 'shop.orders');
SELECT * FROM msgext.check_template('order_paid', 'shop.customers');
SELECT msgext.alter_template('order_paid', lookup => 'SELECT phone FROM shop.clients WHERE id = $1.customer_id');
SELECT * FROM msgext.check_template('order_paid', 'shop.orders');
SELECT msgext.alter_template('order_paid', lookup => 'SELECT phone, 1 AS ttl FROM shop.customers WHERE id = $1.customer_id');
SELECT * FROM msgext.check_template('order_paid', 'shop.orders');
SELECT msgext.alter_template('order_paid', lookup => 'SELECT phone, name, 1 AS ttl FROM shop.customers WHERE id = $1.customer_id');
SELECT * FROM msgext.check_template('order_paid', 'shop.orders');
SELECT msgext.alter_template('order_paid', reset => '{skip_when_null,time_zone}', priority => 1,
    lookup => 'SELECT phone, name, 3600 AS ttl FROM shop.customers WHERE id = $1.customer_id');
SELECT msgext.alter_template('order_paid', reset => '{nothing}');
SELECT msgext.alter_template('order_paid', reset => '{message}');
SELECT msgext.alter_template('nothing', priority => 1);
SELECT version, priority, skip_when_null, time_zone, lookup FROM msgext.template ORDER BY version;

-- What changes nothing makes no version, and says which one stands. A day is not 24 hours.
BEGIN;
SELECT msgext.alter_template('order_paid');
SELECT msgext.alter_template('order_paid', priority => 1, reset => '{skip_when_null}');
SELECT msgext.alter_template('order_paid', message => message, lookup => lookup, time_zone => time_zone) FROM msgext.template
WHERE version = (SELECT max(version) FROM msgext.template);
SELECT msgext.alter_template('order_paid', expires_in => '1 day') - max(version) AS more FROM msgext.template;
SELECT msgext.alter_template('order_paid', expires_in => '1 day', skip_when_null => '{ref.phone,new.id}') - max(version) AS more FROM msgext.template;
SELECT msgext.alter_template('order_paid', expires_in => '1 day', skip_when_null => '{ref.phone,new.id}') - max(version) AS more FROM msgext.template;
SELECT msgext.alter_template('order_paid', expires_in => '24 hours') - max(version) AS more FROM msgext.template;
SELECT msgext.create_template('again', 'vk', '{"vk": {"phone": "{{new.id}}"}}', debounce => '5 min', operation_id => '{{new.id}}', or_replace => true)
FROM generate_series(1, 2);
SELECT msgext.create_template('again', 'vk', '{"vk": {"phone": "{{new.id}}"}}', or_replace => true) FROM generate_series(1, 2);
SELECT msgext.alter_template('again', message => '{"vk": {"phone": "{{new.no}}"}}');
ROLLBACK;

-- Made once more, as a migration that runs again does: the next version, of nothing but what is given.
BEGIN;
SELECT msgext.create_template('order_paid', 'vk', '{"vk": {"phone": "{{new.id}}"}}', or_replace => true);
SELECT version, priority, lookup, operation_id, message FROM msgext.template ORDER BY version DESC LIMIT 2;
SELECT msgext.create_template('new', 'vk', '{"vk": {}}', or_replace => true);
SELECT msgext.create_template('new', 'vk', '{"vk": {}}', or_replace => NULL);
ROLLBACK;
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER other TO regress_shop;
GRANT USAGE ON FOREIGN SERVER vk TO regress_clerk;
SET ROLE regress_shop;
SELECT msgext.create_template('order_paid', 'other', '{"vk": {}}', or_replace => true);
SET ROLE regress_clerk;
SELECT msgext.create_template('order_paid', 'vk', '{"vk": {}}', or_replace => true);
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER other FROM regress_shop;
REVOKE USAGE ON FOREIGN SERVER vk FROM regress_clerk;
SET ROLE regress_shop;

-- A column may be called as anything, and of a view there is nothing to tell.
CREATE TABLE shop.t (t int, id int, customer_id int);
INSERT INTO shop.t VALUES (1, 1, 1);
SELECT * FROM msgext.check_template('order_paid', 'shop.t');
SELECT msgext.create_template('short', 'vk', '{"vk": {"phone": "{{new.t}}"}}');
SELECT * FROM msgext.check_template('short', 'shop.t');
CREATE VIEW shop.v AS TABLE shop.t;
SELECT * FROM msgext.check_template('short', 'shop.v');
SELECT msgext.drop_template('short');

-- Nobody else sees it, changes it, has it read for him or drops it.
SET ROLE regress_clerk;
SELECT count(*) FROM msgext.template;
SELECT msgext.alter_template('order_paid', priority => 1);
SELECT msgext.drop_template('order_paid');
SELECT msgext.preview_template('order_paid', ROW(1));
SELECT * FROM msgext.check_template('order_paid', 'pg_catalog.pg_class');
INSERT INTO msgext.template (name, version) VALUES ('order_paid', 9);
CREATE FOREIGN TABLE msgext_template.mine () SERVER vk;
RESET ROLE;

-- A lookup finds no table without its schema, where its owner does.
SET ROLE regress_shop;
SET search_path = shop, public;
SELECT msgext.create_template('lost', 'vk', '{"vk": {"phone": "{{ref.phone}}"}}',
    lookup => 'SELECT phone FROM customers WHERE id = $1.customer_id');
SELECT msgext.preview_template('lost', o) FROM shop.orders o WHERE id = 1;
SELECT * FROM msgext.check_template('lost', 'shop.orders');
RESET search_path;
SELECT msgext.drop_template('lost');

-- A dump without data brings the foreign table, and not what the template says.
RESET ROLE;
CREATE FOREIGN TABLE msgext_template.lost () SERVER vk;
ALTER FOREIGN TABLE msgext_template.lost OWNER TO regress_shop;
SET ROLE regress_shop;
SELECT msgext.preview_template('lost', o) FROM shop.orders o WHERE id = 1;
SELECT msgext.alter_template('lost', priority => 1);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER vk TO regress_clerk;
GRANT USAGE ON FOREIGN SERVER other TO regress_shop;
SET ROLE regress_clerk;
SELECT msgext.create_template('lost', 'vk', '{"vk": {}}');
SET ROLE regress_shop;
SELECT msgext.create_template('lost', 'other', '{"vk": {}}');
SELECT msgext.create_template('lost', 'vk', '{"vk": {}}');
SELECT msgext.create_template('lost', 'vk', '{"vk": {}}');
SELECT name, version FROM msgext.template WHERE name = 'lost';
SELECT msgext.drop_template('lost');
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER vk FROM regress_clerk;
REVOKE USAGE ON FOREIGN SERVER other FROM regress_shop;

-- What depends on it, and what it depends on.
SET ROLE regress_shop;
CREATE TRIGGER paid AFTER UPDATE OF status ON shop.orders FOR EACH ROW
    WHEN (NEW.status = 'paid') EXECUTE FUNCTION msgext.notify('order_paid');
SELECT msgext.drop_template('order_paid');
RESET ROLE;
DROP SERVER vk;
DROP OWNED BY regress_clerk;
DROP ROLE regress_clerk;
\set VERBOSITY terse
DROP ROLE regress_shop;
\set VERBOSITY default
SET ROLE regress_shop;
DROP TRIGGER paid ON shop.orders;
SELECT msgext.drop_template('order_paid');
SELECT msgext.drop_template('order_paid');
SELECT count(*) FROM msgext.template;

-- One that went with its server does not show what it said to whoever takes its name.
SELECT msgext.create_template('order_paid', 'vk', '{"vk": {"secret": "of the shop"}}');
RESET ROLE;
DROP SERVER vk CASCADE;
SELECT name, version FROM msgext.template;
CREATE ROLE regress_clerk;
GRANT USAGE ON FOREIGN SERVER other TO regress_clerk;
SET ROLE regress_clerk;
SELECT msgext.create_template('order_paid', 'other', '{"vk": {}}');
SELECT version, message FROM msgext.template;
SELECT msgext.drop_template('order_paid');
RESET ROLE;
DROP SERVER other CASCADE;
DROP SCHEMA shop CASCADE;
DROP ROLE regress_clerk, regress_shop;
