-- Privileges. USAGE on a foreign server is the right to send through it; the
-- functions check it. Reports and the foreground dispatcher are for those to
-- whom the administrator grants them. Of the tables everybody may read the columns
-- that the views show, of the rows that the policies leave; nobody the payload.

GRANT USAGE ON SCHEMA msgext TO PUBLIC;
GRANT SELECT ON msgext.message, msgext.message_event, msgext.server_status TO PUBLIC;
GRANT SELECT (id, server, provider, sender, state, provider_status, provider_id, code, error,
    operation_id, priority, attempts, created_at, send_after, expires_at, next_attempt_at,
    waiting, accepted_at, finished_at, detail, recipient, ref, problem, erased_at, template,
    template_version) ON msgext.outbox TO PUBLIC;
GRANT SELECT ON msgext.event TO PUBLIC;
REVOKE ALL ON FUNCTION msgext.receive_callback(name, bytea, jsonb) FROM PUBLIC;
REVOKE ALL ON PROCEDURE msgext.dispatch(interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION msgext.mark_restored() FROM PUBLIC;
REVOKE ALL ON FUNCTION msgext.can_read() FROM PUBLIC;
REVOKE ALL ON FUNCTION msgext.can_read_payload() FROM PUBLIC;
REVOKE ALL ON FUNCTION msgext.can_operate() FROM PUBLIC;
