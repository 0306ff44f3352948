-- What queueing a message locks: what an INSERT locks into a table of one's own, and no more.
SET client_min_messages = warning;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER hook;
CREATE TABLE plain (id bigserial PRIMARY KEY, payload jsonb);
CREATE TABLE by_template (phone text);
CREATE TABLE by_row (phone text);
SELECT msgext.create_template('locks', 'vk', '{"vk": {"subject": "AO", "priority": "high", "routes": ["vk"],
    "validityPeriod": 180, "phone": "{{new.phone}}", "templateId": 1, "templateData": {}}}');
CREATE TRIGGER message AFTER INSERT ON by_template FOR EACH ROW EXECUTE FUNCTION msgext.notify('locks');
CREATE TRIGGER message AFTER INSERT ON by_row FOR EACH ROW EXECUTE FUNCTION msgext.notify_row('hook');
CREATE FUNCTION send(phone text, operation_id text DEFAULT NULL, on_conflict text DEFAULT NULL) RETURNS boolean
LANGUAGE sql AS $$
    SELECT msgext.send_vk('vk', jsonb_build_object('subject', 'AO', 'priority', 'high', 'routes', jsonb_build_array('vk'),
        'validityPeriod', 180, 'phone', phone, 'templateId', 1, 'templateData', jsonb_build_object()),
        operation_id => operation_id, on_conflict => on_conflict) > 0
$$;

-- What is read is locked as SELECT locks it, in the weakest mode; indexes as their table.
CREATE VIEW locked AS
SELECT l.locktype, l.relation::regclass, l.mode
FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND l.mode <> 'AccessShareLock' AND l.locktype <> 'virtualxid' AND c.relkind IS DISTINCT FROM 'i'
ORDER BY l.locktype, l.relation::regclass::text COLLATE "C", l.mode;

BEGIN;
INSERT INTO plain (payload) VALUES ('{}');
SELECT * FROM locked;
ROLLBACK;

BEGIN;
SELECT send('79031112233');
SELECT * FROM locked;
ROLLBACK;

-- With a key, and once more with it: the message that has it is only read.
BEGIN;
SELECT send('79031112233', 'order 1');
SELECT * FROM locked;
COMMIT;
BEGIN;
SELECT send('79031112233', 'order 1');
SELECT * FROM locked;
ROLLBACK;

BEGIN;
SELECT msgext.send_webhook('hook', 'order.paid', '{}') > 0 AS sent;
SELECT * FROM locked;
ROLLBACK;

-- Triggers, whose rows are an INSERT already.
BEGIN;
INSERT INTO by_template VALUES ('79031112233');
SELECT * FROM locked;
ROLLBACK;

BEGIN;
INSERT INTO by_row VALUES ('79031112233');
SELECT * FROM locked;
ROLLBACK;

-- A payload that is refused and kept.
ALTER SERVER vk OPTIONS (ADD on_invalid 'record');
BEGIN;
SELECT send('12');
SELECT * FROM locked;
ROLLBACK;

DROP TABLE plain, by_template, by_row;
SELECT msgext.drop_template('locks');
DROP VIEW locked;
DROP FUNCTION send;
DROP SERVER vk CASCADE;
DROP SERVER hook CASCADE;
