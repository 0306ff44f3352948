-- The tables under C: whose they are, what runs when they are written, and their columns.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'

CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE FUNCTION vk() RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
             "phone": "79031112233", "templateId": 1, "templateData": {}}'::jsonb
$$;

-- The library lists the columns too, in this order, and looks at them.
SELECT c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attnotnull THEN '' ELSE ' NULL' END, ', ' ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'msgext'::regnamespace AND c.relkind = 'r'
GROUP BY c.relname ORDER BY 1;
BEGIN;
ALTER TABLE msgext.outbox RENAME COLUMN code TO kode;
SELECT msgext.send_vk('vk', vk());
ROLLBACK;
BEGIN;
ALTER TABLE msgext.outbox ADD COLUMN more text;
SELECT msgext.send_vk('vk', vk());
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

-- Triggers, rules and policies of others do not come in between.
CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a trigger runs as %', current_user;
END $$;
CREATE TRIGGER interfere BEFORE INSERT OR UPDATE OR DELETE ON msgext.outbox
    FOR EACH ROW EXECUTE FUNCTION interfere();
CREATE TRIGGER interfere_all AFTER INSERT OR UPDATE OR DELETE ON msgext.event
    FOR EACH STATEMENT EXECUTE FUNCTION interfere();
CREATE RULE interfere AS ON INSERT TO msgext.outbox DO INSTEAD NOTHING;
ALTER TABLE msgext.outbox FORCE ROW LEVEL SECURITY;
SELECT msgext.send_vk('vk', vk()) AS id \gset
SELECT msgext.cancel_message(:id);
SELECT state FROM msgext.message_status(:id);
DROP TRIGGER interfere ON msgext.outbox;
DROP TRIGGER interfere_all ON msgext.event;
DROP RULE interfere ON msgext.outbox;
ALTER TABLE msgext.outbox NO FORCE ROW LEVEL SECURITY;
DROP FUNCTION interfere;

-- Functions in somebody's indexes run as the table's owner, whoever writes, and may do
-- no more than in REINDEX; also those that are evaluated when the index is opened.
CREATE ROLE regress_owner;
SELECT relowner::regrole AS owner FROM pg_class WHERE oid = 'msgext.outbox'::regclass \gset
GRANT USAGE, CREATE ON SCHEMA msgext, public TO regress_owner;
ALTER TABLE msgext.outbox OWNER TO regress_owner;
SET ROLE regress_owner;
CREATE FUNCTION public.as_whom(anyelement) RETURNS anyelement IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF current_user <> 'regress_owner' THEN
        RAISE EXCEPTION 'a function of an index runs as %', current_user;
    END IF;
    RETURN $1;
END $$;
CREATE FUNCTION public.become(anyelement) RETURNS anyelement IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', 'none', false);
    RETURN $1;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN $1;
END $$;
CREATE INDEX regress_expression ON msgext.outbox (public.as_whom(state), public.become(id));
CREATE INDEX regress_predicate ON msgext.outbox (id) WHERE public.as_whom(true) AND public.as_whom(failures) = 0;
CREATE UNIQUE INDEX regress_unique ON msgext.outbox (public.as_whom(id));
RESET ROLE;
\c -
\pset format unaligned
SELECT msgext.send_vk('vk', vk()) AS id \gset
SELECT msgext.send_vk('vk', vk(), operation_id => 'one') AS first \gset
SELECT msgext.send_vk('vk', vk(), operation_id => 'one') = :first AS same;
SELECT msgext.cancel_message(:id);
SELECT state FROM msgext.message_status(:id);
SELECT session_user = current_user AS still_me, current_setting('search_path');
SET ROLE regress_owner;
DROP INDEX msgext.regress_expression, msgext.regress_predicate, msgext.regress_unique;
DROP FUNCTION public.as_whom, public.become;
RESET ROLE;
ALTER TABLE msgext.outbox OWNER TO :owner;
REVOKE ALL ON SCHEMA msgext, public FROM regress_owner;
DROP ROLE regress_owner;

-- The table may be emptied in the middle.
BEGIN;
SELECT msgext.send_vk('vk', vk()) AS gone \gset
TRUNCATE msgext.outbox;
SELECT msgext.send_vk('vk', vk()) AS there \gset
SELECT count(*) FROM msgext.outbox;
COMMIT;
SELECT msgext.cancel_message(:gone) AS gone, msgext.cancel_message(:there) AS there;

DROP FUNCTION vk;
SET client_min_messages = warning;
DROP SERVER vk CASCADE;
TRUNCATE msgext.outbox, msgext.event, msgext.reminder;

-- What is ours is a member of the extension, by whatever name its schema goes; what only
-- has its name is not.
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_names;
\c regress_msgext_names
\pset format unaligned
CREATE EXTENSION msgext;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
ALTER SCHEMA msgext RENAME TO hidden;
CREATE SCHEMA msgext;
CREATE TABLE msgext.outbox (LIKE hidden.outbox INCLUDING ALL);
CREATE SEQUENCE msgext.outbox_id_seq;
SELECT hidden.post_message('vk', '{"vk": {"subject": "AO", "priority": "high", "routes": ["vk"],
    "validityPeriod": 180, "phone": "79031112233", "templateId": 1, "templateData": {}}}');
SELECT (SELECT count(*) FROM msgext.outbox) AS forged, (SELECT count(*) FROM hidden.outbox) AS ours;
ALTER EXTENSION msgext DROP TABLE hidden.reminder;
\c -
\pset format unaligned
SELECT hidden.cancel_message(1) AS taken;
SELECT * FROM hidden.server_counts();
\c :here
DROP DATABASE regress_msgext_names;
