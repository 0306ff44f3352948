-- Messages by templates. A template is a foreign table in schema msgext_template, without
-- columns: its server, its owner and the grants on it are PostgreSQL's own, with all that
-- follows of DROP, REASSIGN OWNED and pg_dump. What it says is in msgext.template.

CREATE SCHEMA msgext_template;
COMMENT ON SCHEMA msgext_template IS 'a foreign table for each template: its owner, its server, and who may attach it (TRIGGER)';
GRANT USAGE ON SCHEMA msgext_template TO PUBLIC;

CREATE TABLE msgext.template (
    name           text COLLATE "C" NOT NULL,
    version        integer NOT NULL,
    created_at     timestamptz NOT NULL,
    created_by     text COLLATE "C" NOT NULL,
    priority       smallint NOT NULL,
    message        jsonb NOT NULL,
    lookup         text COLLATE "C",
    operation_id   text COLLATE "C",
    on_conflict    text COLLATE "C" NOT NULL,
    skip_when_null text[],
    on_invalid     text COLLATE "C",
    expires_in     interval,
    debounce       interval,
    max_wait       interval,
    quiet_hours    text COLLATE "C",
    time_zone      text COLLATE "C" NOT NULL,
    CONSTRAINT template_pkey PRIMARY KEY (name, version),
    CONSTRAINT template_priority CHECK (priority BETWEEN 1 AND 5),
    CONSTRAINT template_on_conflict CHECK (on_conflict IN ('error', 'return', 'replace')),
    CONSTRAINT template_on_invalid CHECK (on_invalid IN ('error', 'record'))
);
COMMENT ON TABLE msgext.template IS 'versions of templates; the highest one counts';
COMMENT ON COLUMN msgext.template.name IS 'template: the foreign table of that name in schema msgext_template';
COMMENT ON COLUMN msgext.template.version IS 'version, counted from 1';
COMMENT ON COLUMN msgext.template.created_at IS 'when this version was made';
COMMENT ON COLUMN msgext.template.created_by IS 'who made it';
COMMENT ON COLUMN msgext.template.priority IS 'priority of its messages';
COMMENT ON COLUMN msgext.template.message IS 'payload with places for values';
COMMENT ON COLUMN msgext.template.lookup IS 'SELECT whose one row is ref; $1 is the new row (the old one of DELETE), $2 the old one';
COMMENT ON COLUMN msgext.template.operation_id IS 'idempotency key, with places; with debounce, what belongs together';
COMMENT ON COLUMN msgext.template.on_conflict IS 'what becomes of a message whose operation_id is used: error, return or replace';
COMMENT ON COLUMN msgext.template.skip_when_null IS 'paths; no message where one of them is null';
COMMENT ON COLUMN msgext.template.on_invalid IS 'what becomes of a payload the provider would refuse: error or record; NULL: as the server says';
COMMENT ON COLUMN msgext.template.expires_in IS 'how long after it may leave first it may leave at the latest';
COMMENT ON COLUMN msgext.template.debounce IS 'how long it waits for the next one of its operation_id, which takes its place';
COMMENT ON COLUMN msgext.template.max_wait IS 'how long it waits at most, of debounce';
COMMENT ON COLUMN msgext.template.quiet_hours IS 'from-to in a zone, with places: what falls into it waits for its end';
COMMENT ON COLUMN msgext.template.time_zone IS 'zone in which times are shown';
SELECT pg_catalog.pg_extension_config_dump('msgext.template', '');

ALTER TABLE msgext.template ENABLE ROW LEVEL SECURITY;
CREATE POLICY template_own ON msgext.template FOR SELECT USING (EXISTS (
    SELECT 1 FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE n.nspname OPERATOR(pg_catalog.=) 'msgext_template'
        AND c.relname OPERATOR(pg_catalog.=) template.name::pg_catalog.name
        AND pg_catalog.pg_has_role(c.relowner, 'USAGE')));
COMMENT ON POLICY template_own ON msgext.template IS 'templates are for their owner';
GRANT SELECT ON msgext.template TO PUBLIC;

CREATE FUNCTION msgext.create_template(
    name name, server name, message jsonb, lookup text DEFAULT NULL,
    operation_id text DEFAULT NULL, on_conflict text DEFAULT NULL,
    skip_when_null text[] DEFAULT NULL, on_invalid text DEFAULT NULL,
    expires_in interval DEFAULT NULL, debounce interval DEFAULT NULL,
    max_wait interval DEFAULT NULL, quiet_hours text DEFAULT NULL,
    time_zone text DEFAULT NULL, priority int DEFAULT NULL, or_replace boolean DEFAULT false)
RETURNS int
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_create_template';
COMMENT ON FUNCTION msgext.create_template(name, name, jsonb, text, text, text, text[], text, interval, interval, interval, text, text, int, boolean) IS
    'make a template, or its next version where it is to be replaced, which sends as the current user; returns its version';

CREATE FUNCTION msgext.alter_template(
    name name, message jsonb DEFAULT NULL, lookup text DEFAULT NULL,
    operation_id text DEFAULT NULL, on_conflict text DEFAULT NULL,
    skip_when_null text[] DEFAULT NULL, on_invalid text DEFAULT NULL,
    expires_in interval DEFAULT NULL, debounce interval DEFAULT NULL,
    max_wait interval DEFAULT NULL, quiet_hours text DEFAULT NULL,
    time_zone text DEFAULT NULL, priority int DEFAULT NULL, reset text[] DEFAULT NULL)
RETURNS int
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_alter_template';
COMMENT ON FUNCTION msgext.alter_template(name, jsonb, text, text, text, text[], text, interval, interval, interval, text, text, int, text[]) IS
    'change what is given, and take back what reset names; returns the new version';

CREATE FUNCTION msgext.drop_template(name name) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'msgext_drop_template';
COMMENT ON FUNCTION msgext.drop_template(name) IS
    'drop a template that no trigger uses';

CREATE FUNCTION msgext.preview_template(name name, new record, old record DEFAULT NULL,
    OUT message jsonb, OUT operation_id text, OUT send_after timestamptz,
    OUT expires_at timestamptz, OUT skipped text, OUT code text, OUT error text)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_preview_template';
COMMENT ON FUNCTION msgext.preview_template(name, record, record) IS
    'the message that a template makes of a row, or why it makes none; queues nothing';

CREATE FUNCTION msgext.check_template(name name, "table" regclass,
    OUT part text, OUT problem text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_check_template';
COMMENT ON FUNCTION msgext.check_template(name, regclass) IS
    'what is wrong with a template for a table; no row when nothing is';

CREATE FUNCTION msgext.notify() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'msgext_notify';
COMMENT ON FUNCTION msgext.notify() IS
    'trigger: queue the message that a template makes of each row; argument: the template';

CREATE FUNCTION msgext.notify_row() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'msgext_notify_row';
COMMENT ON FUNCTION msgext.notify_row() IS
    'trigger: queue the rows themselves; arguments: the server, format, columns=..., except=...';
