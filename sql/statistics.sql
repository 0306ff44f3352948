-- Statistics: cumulative, as PostgreSQL's own, and kept over restarts.

CREATE FUNCTION msgext.statistics(OUT server text, OUT provider text, OUT queued bigint,
    OUT accepted bigint, OUT sent bigint, OUT delivered bigint, OUT read bigint,
    OUT undelivered bigint, OUT rejected bigint, OUT failed bigint, OUT expired bigint,
    OUT unknown bigint, OUT cancelled bigint, OUT retried bigint, OUT requests bigint,
    OUT request_errors bigint, OUT polls bigint, OUT logins bigint, OUT bytes_sent bigint,
    OUT bytes_received bigint, OUT callbacks bigint, OUT callbacks_unmatched bigint,
    OUT waits_rate bigint, OUT waits_recipient bigint, OUT breaks bigint,
    OUT request_time bigint[], OUT request_time_total double precision,
    OUT wait_time bigint[], OUT wait_time_total double precision,
    OUT delivery_time bigint[], OUT delivery_time_total double precision,
    OUT stats_reset timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_statistics';
COMMENT ON FUNCTION msgext.statistics() IS 'what view pg_stat_msgext shows, for the servers the current user may use; pg_monitor sees all';

CREATE FUNCTION msgext.statistic_bounds(histogram text) RETURNS double precision[]
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_statistic_bounds';
COMMENT ON FUNCTION msgext.statistic_bounds(text) IS
    'upper bounds, in seconds, of the classes of request_time, wait_time or delivery_time; the last class has none';

CREATE FUNCTION msgext.process_activity(OUT process text, OUT pid int, OUT started_at timestamptz,
    OUT starts bigint, OUT turns bigint, OUT commits bigint, OUT results bigint, OUT errors bigint,
    OUT turn_time double precision, OUT longest_turn double precision, OUT in_flight bigint,
    OUT last_activity timestamptz, OUT stats_reset timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 2 AS 'MODULE_PATHNAME', 'msgext_process_activity';
COMMENT ON FUNCTION msgext.process_activity() IS 'what view pg_stat_msgext_worker shows, to members of pg_monitor';

CREATE FUNCTION msgext.metrics() RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_metrics';
COMMENT ON FUNCTION msgext.metrics() IS
    'counters and states as OpenMetrics, of the servers the current user may use; pg_monitor sees all';

CREATE FUNCTION msgext.stats_reset(server name DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_stats_reset';
COMMENT ON FUNCTION msgext.stats_reset(name) IS
    'counts anew: one server, for who may pause it; without an argument all servers and processes, for superusers';

CREATE VIEW msgext.pg_stat_msgext WITH (security_invoker) AS
SELECT s.server, s.provider, s.queued, s.accepted, s.sent, s.delivered, s.read, s.undelivered,
    s.rejected, s.failed, s.expired, s.unknown, s.cancelled, s.retried, s.requests,
    s.request_errors, s.polls, s.logins, s.bytes_sent, s.bytes_received, s.callbacks,
    s.callbacks_unmatched, s.waits_rate, s.waits_recipient, s.breaks, s.request_time,
    s.request_time_total, s.wait_time, s.wait_time_total, s.delivery_time,
    s.delivery_time_total, s.stats_reset
FROM msgext.statistics() s;
COMMENT ON VIEW msgext.pg_stat_msgext IS 'what has been counted of each server that the current user may use; pg_monitor sees all';

CREATE VIEW msgext.pg_stat_msgext_worker WITH (security_invoker) AS
SELECT a.process, a.pid, a.started_at, a.starts, a.turns, a.commits, a.results,
    a.results::double precision OPERATOR(pg_catalog./) NULLIF(a.commits, 0) AS results_per_commit,
    a.errors, a.turn_time, a.longest_turn, a.in_flight, a.last_activity, a.stats_reset
FROM msgext.process_activity() a;
COMMENT ON VIEW msgext.pg_stat_msgext_worker IS 'what the processes of this database have done; for members of pg_monitor';

GRANT SELECT ON msgext.pg_stat_msgext, msgext.pg_stat_msgext_worker TO PUBLIC;
