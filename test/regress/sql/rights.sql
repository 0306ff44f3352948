-- What each kind of role can do and cannot: every line of docs/security.md. A cell is what
-- the statement answered, or its SQLSTATE; each attempt is undone.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_rights TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_rights
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
SELECT msgext_test.begin();
SELECT setval('msgext.outbox_id_seq', 7000, false);
SELECT current_user AS super, current_database() AS db \gset

CREATE ROLE regress_public;                            -- nothing but what PUBLIC has
CREATE ROLE regress_sender;                            -- USAGE and a mapping
CREATE ROLE regress_member;                            -- of the sender
CREATE ROLE regress_noinherit NOINHERIT;               -- of the sender, without his privileges
CREATE ROLE regress_monitor;                           -- of pg_monitor
CREATE ROLE regress_reader;                            -- can_read()
CREATE ROLE regress_payload;                           -- can_read() and can_read_payload()
CREATE ROLE regress_operator;                          -- can_operate(), USAGE, can_read()
CREATE ROLE regress_hooks;                             -- receive_callback() and USAGE
CREATE ROLE regress_runner;                            -- dispatch()
CREATE ROLE regress_owner;                             -- of the server
CREATE ROLE regress_dba;                               -- owner of the database
GRANT regress_sender TO regress_member, regress_noinherit;
GRANT pg_monitor TO regress_monitor;
GRANT USAGE ON FOREIGN DATA WRAPPER msgext_devino TO regress_owner;
GRANT EXECUTE ON FUNCTION msgext.can_read() TO regress_reader, regress_payload, regress_operator;
GRANT EXECUTE ON FUNCTION msgext.can_read_payload() TO regress_payload;
GRANT EXECUTE ON FUNCTION msgext.can_operate() TO regress_operator;
GRANT EXECUTE ON FUNCTION msgext.receive_callback(name, bytea, jsonb) TO regress_hooks;
GRANT EXECUTE ON PROCEDURE msgext.dispatch(interval) TO regress_runner;
ALTER DATABASE :"db" OWNER TO regress_dba;
SET ROLE regress_owner;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR regress_sender SERVER vk OPTIONS (login 'tester', password 'of the sender');
GRANT USAGE ON FOREIGN SERVER vk TO regress_sender, regress_operator, regress_hooks;
RESET ROLE;
CREATE FUNCTION vk() RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
        "phone": "79031112233", "templateId": 1, "templateData": {}}'::jsonb
$$;

-- Two messages, made while this was a test database: one waits, one was refused.
SET ROLE regress_sender;
SELECT msgext.send_vk('vk', vk(), operation_id => 'mine') AS id;
SELECT msgext.send_vk('vk', vk(), ref => '{"order": 1}') AS refused;
SELECT msgext_test.stub('vk', 'retry-after 3600', times => 1), msgext_test.stub('vk', 'reject');
SELECT * FROM msgext_test.run();
RESET ROLE;
DROP EXTENSION msgext_test;
SELECT msgext.resume_server('vk');
SELECT msgext.block_recipient('vk', '79031112234');

CREATE FUNCTION attempt(role text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text := '';
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    IF query LIKE 'SELECT %' THEN
        EXECUTE query INTO result;
    ELSE
        EXECUTE query;
        result := 'done';
    END IF;
    RAISE EXCEPTION SQLSTATE 'ZZ000' USING MESSAGE = coalesce(result, 'null');
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN RETURN SQLERRM;
    WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE TABLE what (no serial, what text, query text);
INSERT INTO what (what, query) VALUES
    ('send', 'SELECT msgext.send_vk(''vk'', vk()) > 0'),
    ('reuse or probe the sender''s operation id', 'SELECT msgext.send_vk(''vk'', vk(), operation_id => ''mine'') = 7000'),
    ('see the sender''s message', 'SELECT count(*) FROM msgext.message WHERE id = 7000'),
    ('see its events', 'SELECT count(*) FROM msgext.message_event WHERE message_id = 7000'),
    ('message_status of it', 'SELECT count(*) FROM msgext.message_status(7000)'),
    ('message_bytes of it', 'SELECT msgext.message_bytes(7000) IS NOT NULL'),
    ('message_payload of it', 'SELECT msgext.message_payload(7000) IS NOT NULL'),
    ('cancel it', 'SELECT msgext.cancel_message(7000)'),
    ('retry one that was refused', 'SELECT msgext.retry_message(7001)'),
    ('see the server''s status', 'SELECT count(*) FROM msgext.server_status'),
    ('pause the server', 'SELECT msgext.pause_server(''vk'', ''x'')'),
    ('resume it', 'SELECT msgext.resume_server(''vk'')'),
    ('block a recipient', 'SELECT msgext.block_recipient(''vk'', ''79031112233'')'),
    ('let him be written to again', 'SELECT msgext.unblock_recipient(''vk'', ''79031112234'')'),
    ('see who is blocked', 'SELECT count(*) FROM msgext.blocked_recipient'),
    ('have a recipient forgotten', 'SELECT messages FROM msgext.forget_recipient(''vk'', ''79031112233'')'),
    ('change its url', 'ALTER SERVER vk OPTIONS (SET url ''http://127.0.0.1:2'')'),
    ('write the sender''s mapping', 'ALTER USER MAPPING FOR regress_sender SERVER vk OPTIONS (SET login ''x'')'),
    ('write PUBLIC''s mapping', 'CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login ''x'')'),
    ('write his own mapping', 'CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login ''x'')'),
    ('see the sender''s password', 'SELECT count(*) FROM pg_user_mappings WHERE umoptions::text LIKE ''%of the sender%'''),
    ('create a server', 'CREATE SERVER mine FOREIGN DATA WRAPPER msgext_devino OPTIONS (url ''http://127.0.0.1:1'')'),
    ('hand in a report', 'SELECT msgext.receive_callback(''vk'', ''[]'')'),
    ('dispatch (25000: he may, but not in a block)', 'CALL msgext.dispatch()'),
    ('open a port', 'SET msgext.listen_port = 8085'),
    ('read the payload column', 'SELECT count(payload) FROM msgext.outbox'),
    ('read the outbox''s other columns', 'SELECT count(id) FROM msgext.outbox'),
    ('read events', 'SELECT count(*) FROM msgext.event'),
    ('read claims', 'SELECT count(*) FROM msgext.claim'),
    ('read references', 'SELECT count(*) FROM msgext.reference'),
    ('read reports', 'SELECT count(*) FROM msgext.callback'),
    ('write the outbox', 'UPDATE msgext.outbox SET state = ''delivered'''),
    ('write through the view', 'UPDATE msgext.message SET error = ''x'''),
    ('write events', 'DELETE FROM msgext.event'),
    ('put a trigger on the outbox', 'CREATE TRIGGER t BEFORE INSERT ON msgext.outbox FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
    ('put an index on it', 'CREATE INDEX ON msgext.outbox (state)'),
    ('write a policy', 'CREATE POLICY p ON msgext.outbox USING (true)'),
    ('turn row security off', 'ALTER TABLE msgext.outbox DISABLE ROW LEVEL SECURITY'),
    ('create in the schema', 'CREATE FUNCTION msgext.f() RETURNS int LANGUAGE sql AS ''SELECT 1'''),
    ('rename the schema', 'ALTER SCHEMA msgext RENAME TO m'),
    ('drop the extension', 'DROP EXTENSION msgext CASCADE'),
    ('set search_path for the database', format('ALTER DATABASE %I SET search_path = evil, pg_catalog', current_database()));

SELECT what, string_agg(result || ': ' || roles, '; ' ORDER BY result) AS answers
FROM (
    SELECT no, what, attempt(role, query) AS result,
        string_agg(CASE role WHEN :'super' THEN 'superuser' ELSE replace(role, 'regress_', '') END, ', ' ORDER BY n) AS roles
    FROM what, unnest(ARRAY['regress_public', 'regress_sender', 'regress_member', 'regress_noinherit', 'regress_monitor', 'regress_reader',
        'regress_payload', 'regress_operator', 'regress_hooks', 'regress_runner', 'regress_owner', 'regress_dba', :'super'])
        WITH ORDINALITY AS r(role, n)
    GROUP BY 1, 2, 3) AS a
GROUP BY no, what ORDER BY no;

-- None of them can hand his right on.
SELECT count(*) FROM pg_proc, aclexplode(proacl) a WHERE pronamespace = 'msgext'::regnamespace
    AND a.is_grantable AND a.grantee <> proowner;

-- Errors of ours name the right that is missing.
\set VERBOSITY default
SET ROLE regress_public;
SELECT msgext.send_vk('vk', vk());
SELECT msgext.pause_server('vk');
SET ROLE regress_hooks;
SELECT msgext.send_vk('vk', vk());
RESET ROLE;
GRANT EXECUTE ON FUNCTION msgext.can_operate() TO regress_public;
SET ROLE regress_public;
SELECT msgext.pause_server('vk');
SELECT msgext.cancel_message(7000);
RESET ROLE;

-- A view of somebody else's does not lend his eyes; a function that runs as he does.
SET ROLE regress_sender;
CREATE VIEW pg_temp.his AS SELECT id FROM msgext.message;
GRANT SELECT ON pg_temp.his TO regress_public;
RESET ROLE;
SET ROLE regress_public;
SELECT count(*) FROM pg_temp.his;
RESET ROLE;
DROP VIEW pg_temp.his;

-- A function that tells, cheap enough to run first, hears of nobody else's rows.
SET ROLE regress_public;
CREATE FUNCTION pg_temp.tell(id bigint, text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$
BEGIN
    RAISE WARNING 'message % is %', $1, $2;
    RETURN true;
END $$;
CREATE OPERATOR pg_temp.~~~ (FUNCTION = pg_temp.tell, LEFTARG = bigint, RIGHTARG = text);
SELECT count(*) FROM msgext.message WHERE pg_temp.tell(id, state);
SELECT count(*) FROM msgext.message_event WHERE pg_temp.tell(message_id, kind);
SELECT count(*) FROM msgext.message WHERE id OPERATOR(pg_temp.~~~) 'there';
SELECT count(*) FROM msgext.message WHERE 1 / (id - 7000) > 0;
RESET ROLE;

-- What an operator sends anew is his own, and tells him nothing of what he may not see.
GRANT USAGE ON FOREIGN SERVER vk TO regress_public;
CREATE USER MAPPING FOR regress_public SERVER vk OPTIONS (login 'tester', password '111111');
SET ROLE regress_public;
SELECT msgext.replay_message(7001, jsonb_build_object('vk', vk())) AS copy \gset
SELECT sender, state, ref FROM msgext.message WHERE id = :copy;
RESET ROLE;
SET ROLE regress_operator;
SELECT count(*) FROM msgext.message WHERE id = 7001 AND ref = '{"order": 1}';
RESET ROLE;

-- Nor does the right to write all tables: in some, a row has the rights of the role it names.
GRANT pg_write_all_data TO regress_public;
SET ROLE regress_public;
INSERT INTO msgext.console_session VALUES ('\x00', '\x00', 10, 10, 0, now(), now());
INSERT INTO msgext.feed (name, owner_oid, function_oid) VALUES ('his', 10, 'jsonb_pretty'::regproc);
RESET ROLE;

\c :here
DROP DATABASE regress_msgext_rights;
DROP ROLE regress_public, regress_sender, regress_member, regress_noinherit, regress_monitor, regress_reader, regress_payload, regress_operator, regress_hooks,
    regress_runner, regress_owner, regress_dba;
