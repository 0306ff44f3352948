-- Who may do what. USAGE on the server is the right to send; everybody sees his own.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_privileges TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_privileges
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;

CREATE ROLE regress_sender;
CREATE ROLE regress_other;
CREATE ROLE regress_team;
CREATE ROLE regress_boss;
CREATE ROLE regress_admin;
CREATE ROLE regress_nobody;
GRANT regress_team TO regress_boss;
GRANT USAGE ON FOREIGN DATA WRAPPER msgext_devino TO regress_admin;

SET ROLE regress_admin;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR regress_sender SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR regress_team SERVER vk OPTIONS (login 'tester', password '222222');
GRANT USAGE ON FOREIGN SERVER vk TO regress_sender, regress_other, regress_team;
RESET ROLE;

CREATE FUNCTION vk() RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
             "phone": "79031112233", "templateId": 1, "templateData": {}}'::jsonb
$$;

-- One that was refused, while this was a test database.
SELECT msgext_test.begin();
SELECT setval('msgext.outbox_id_seq', 5999, false);
SET ROLE regress_sender;
SELECT msgext.send_vk('vk', vk());
SELECT msgext_test.stub('vk', 'reject');
SELECT * FROM msgext_test.run();
RESET ROLE;
DROP EXTENSION msgext_test;
SELECT msgext.resume_server('vk');

-- With USAGE and a user mapping.
SET ROLE regress_sender;
SELECT msgext.send_vk('vk', vk());
SELECT msgext.post_message('vk', jsonb_build_object('vk', vk()));
SELECT id, sender, state FROM msgext.message ORDER BY id;
SELECT message_id, kind FROM msgext.message_event ORDER BY 1;
SELECT id, state FROM msgext.message_status(6000);
SELECT server, queued FROM msgext.server_status;

-- With USAGE, without a user mapping.
SET ROLE regress_other;
SELECT msgext.send_vk('vk', vk());

-- Without USAGE, with a mapping for everybody.
RESET ROLE;
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '333333');
SET ROLE regress_nobody;
SELECT msgext.send_vk('vk', vk());
SELECT msgext.post_message('vk', jsonb_build_object('vk', vk()));
SELECT msgext.post_message('vk', '{}');
\echo :LAST_ERROR_SQLSTATE

-- Nothing is seen of others, and nothing can be done to theirs.
SELECT count(*) FROM msgext.message;
SELECT count(*) FROM msgext.message_event;
SELECT count(*) FROM msgext.message_status(6000);
SELECT count(*) FROM msgext.server_status;
SELECT count(*) FROM msgext.server_counts();
SELECT msgext.cancel_message(6000), msgext.retry_message(6000);
SET ROLE regress_other;
SELECT count(*) FROM msgext.message;
SELECT count(*) FROM msgext.message_status(6000);
SELECT msgext.cancel_message(6000);

-- A view with a function that tells does not tell either.
CREATE FUNCTION pg_temp.leak(id bigint, state text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$
BEGIN
    RAISE WARNING 'message % is %', id, state;
    RETURN true;
END $$;
SELECT count(*) FROM msgext.message WHERE pg_temp.leak(id, state);

DROP FUNCTION pg_temp.leak;

-- The PUBLIC mapping serves those who may use the server and have none of their own.
SELECT msgext.send_vk('vk', vk());
SELECT id, sender FROM msgext.message;

-- A role's messages are those of its members too, not the other way round.
SET ROLE regress_team;
SELECT msgext.send_vk('vk', vk());
SET ROLE regress_boss;
SELECT msgext.send_vk('vk', vk());
SELECT id, sender FROM msgext.message ORDER BY id;
SELECT msgext.cancel_message(6003);
SET ROLE regress_team;
SELECT id, sender, state FROM msgext.message ORDER BY id;
SELECT kind, state FROM msgext.message_event WHERE message_id = 6003 ORDER BY at;
SELECT count(*) FROM msgext.message_status(6004);

-- A function of the sender's makes messages of the sender's.
RESET ROLE;
CREATE FUNCTION send() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
    SELECT msgext.send_vk('vk', vk())
$$;
ALTER FUNCTION send OWNER TO regress_sender;
SET ROLE regress_nobody;
SELECT send();
SELECT count(*) FROM msgext.message;
RESET ROLE;
SELECT id, sender FROM msgext.message ORDER BY id DESC LIMIT 1;
SELECT count(*) FROM msgext.message;

-- To send again is to send.
REVOKE USAGE ON FOREIGN SERVER vk FROM regress_sender;
SET ROLE regress_sender;
SELECT msgext.retry_message(5999);
SELECT state FROM msgext.message_status(5999);
SELECT msgext.cancel_message(6001);
SELECT msgext.send_vk('vk', vk());
SELECT count(*) FROM msgext.server_status;

-- Operation ids of others: theirs to know.
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER vk TO regress_sender;
SET ROLE regress_sender;
SELECT msgext.send_vk('vk', vk(), operation_id => 'mine') > 0 AS taken;

-- Servers are paused and resumed by their owners.
SELECT msgext.pause_server('vk', 'mischief');
SELECT msgext.resume_server('vk');
SET ROLE regress_nobody;
SELECT msgext.pause_server('vk');
SET ROLE regress_admin;
SELECT msgext.pause_server('vk', 'maintenance');
SELECT server, paused, pause_reason FROM msgext.server_status;
SELECT msgext.resume_server('vk');
SELECT count(*) FROM msgext.message;

-- Reports and the foreground dispatcher are for those to whom they are granted.
SET ROLE regress_sender;
SELECT msgext.receive_callback('vk', '[]');
CALL msgext.dispatch();
RESET ROLE;
GRANT EXECUTE ON FUNCTION msgext.receive_callback TO regress_sender, regress_nobody;
SET ROLE regress_sender;
SELECT msgext.receive_callback('vk', '[]');
SET ROLE regress_nobody;
SELECT msgext.receive_callback('vk', '[]');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION msgext.receive_callback FROM regress_sender, regress_nobody;

-- Secrets are for the sender himself and the server's owner.
SET ROLE regress_other;
SELECT usename, umoptions FROM pg_user_mappings WHERE srvname = 'vk' ORDER BY 1;
SELECT count(*) FROM pg_user_mapping;
SET ROLE regress_sender;
SELECT usename, umoptions FROM pg_user_mappings WHERE srvname = 'vk' ORDER BY 1;
RESET ROLE;

-- PUBLIC's privileges on everything in the schema: this is all.
SELECT c.relkind, c.relname,
    array_agg(p ORDER BY p) FILTER (WHERE has_table_privilege('regress_nobody', c.oid, p)) AS may
FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
    'TRIGGER']) p
WHERE c.relnamespace = 'msgext'::regnamespace AND c.relkind IN ('r', 'v')
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT array_agg(p) FILTER (WHERE has_sequence_privilege('regress_nobody', 'msgext.outbox_id_seq', p)) AS may
FROM unnest(ARRAY['SELECT', 'USAGE', 'UPDATE']) p;
SELECT proname, has_function_privilege('regress_nobody', oid, 'EXECUTE') AS may
FROM pg_proc
WHERE pronamespace = 'msgext'::regnamespace AND proname NOT LIKE '%\_validator' ORDER BY 1;
SELECT bool_or(has_function_privilege('regress_nobody', oid, 'EXECUTE')) AS may_call_validators
FROM pg_proc WHERE pronamespace = 'msgext'::regnamespace AND proname LIKE '%\_validator';
SELECT has_schema_privilege('regress_nobody', 'msgext', 'CREATE') AS may_create,
    has_foreign_data_wrapper_privilege('regress_nobody', 'msgext_devino', 'USAGE') AS may_use_wrapper;
SET ROLE regress_nobody;
SELECT * FROM msgext.outbox;
INSERT INTO msgext.callback DEFAULT VALUES;
DELETE FROM msgext.message;
SELECT nextval('msgext.outbox_id_seq');
RESET ROLE;

-- What a role that has gone has sent is for the superuser to see.
TRUNCATE msgext.outbox, msgext.event, msgext.server_pause;
SET ROLE regress_other;
SELECT msgext.send_vk('vk', vk()) > 0 AS taken;
RESET ROLE;
REVOKE ALL ON FOREIGN SERVER vk FROM regress_other;
DROP ROLE regress_other;
SELECT sender FROM msgext.message;
SET ROLE regress_boss;
SELECT count(*) FROM msgext.message;
RESET ROLE;

\c :here
DROP DATABASE regress_msgext_privileges;
DROP ROLE regress_sender, regress_team, regress_boss, regress_admin, regress_nobody;
