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
COMMENT ON COLUMN msgext.pg_stat_msgext.server IS 'foreign server';
COMMENT ON COLUMN msgext.pg_stat_msgext.provider IS 'the server''s wrapper, without msgext_';
COMMENT ON COLUMN msgext.pg_stat_msgext.queued IS 'messages taken up from the queue';
COMMENT ON COLUMN msgext.pg_stat_msgext.accepted IS 'messages that the provider took';
COMMENT ON COLUMN msgext.pg_stat_msgext.sent IS 'messages handed on towards the recipient';
COMMENT ON COLUMN msgext.pg_stat_msgext.delivered IS 'messages that reached the recipient';
COMMENT ON COLUMN msgext.pg_stat_msgext.read IS 'messages seen by the recipient';
COMMENT ON COLUMN msgext.pg_stat_msgext.undelivered IS 'messages that did not reach the recipient';
COMMENT ON COLUMN msgext.pg_stat_msgext.rejected IS 'messages refused for good';
COMMENT ON COLUMN msgext.pg_stat_msgext.failed IS 'messages that failed on the way or ran out of attempts';
COMMENT ON COLUMN msgext.pg_stat_msgext.expired IS 'messages whose time was over';
COMMENT ON COLUMN msgext.pg_stat_msgext.unknown IS 'messages of which nobody could tell whether they had arrived';
COMMENT ON COLUMN msgext.pg_stat_msgext.cancelled IS 'messages that were withdrawn';
COMMENT ON COLUMN msgext.pg_stat_msgext.retried IS 'messages that people queued again';
COMMENT ON COLUMN msgext.pg_stat_msgext.requests IS 'requests of any kind';
COMMENT ON COLUMN msgext.pg_stat_msgext.request_errors IS 'of them, those without an answer, or answered with 429 or 5xx';
COMMENT ON COLUMN msgext.pg_stat_msgext.polls IS 'of them, those that asked for statuses';
COMMENT ON COLUMN msgext.pg_stat_msgext.logins IS 'of them, those that logged in';
COMMENT ON COLUMN msgext.pg_stat_msgext.bytes_sent IS 'bytes of the bodies of requests';
COMMENT ON COLUMN msgext.pg_stat_msgext.bytes_received IS 'bytes of the bodies of answers';
COMMENT ON COLUMN msgext.pg_stat_msgext.callbacks IS 'reports that were pushed';
COMMENT ON COLUMN msgext.pg_stat_msgext.callbacks_unmatched IS 'of them, those that no message was known for, or that could not be read';
COMMENT ON COLUMN msgext.pg_stat_msgext.waits_rate IS 'messages set aside for the rate limit';
COMMENT ON COLUMN msgext.pg_stat_msgext.waits_recipient IS 'messages set aside for the limit of their recipient';
COMMENT ON COLUMN msgext.pg_stat_msgext.breaks IS 'how often the circuit breaker opened';
COMMENT ON COLUMN msgext.pg_stat_msgext.request_time IS 'requests by the time they took, in the classes of statistic_bounds(''request_time''), and one more';
COMMENT ON COLUMN msgext.pg_stat_msgext.request_time_total IS 'the sum of their times, seconds';
COMMENT ON COLUMN msgext.pg_stat_msgext.wait_time IS 'messages by the time from being queued to their first request';
COMMENT ON COLUMN msgext.pg_stat_msgext.wait_time_total IS 'the sum of their times, seconds';
COMMENT ON COLUMN msgext.pg_stat_msgext.delivery_time IS 'messages by the time from being queued to their delivery';
COMMENT ON COLUMN msgext.pg_stat_msgext.delivery_time_total IS 'the sum of their times, seconds';
COMMENT ON COLUMN msgext.pg_stat_msgext.stats_reset IS 'counted since then; NULL: nothing was yet';

CREATE VIEW msgext.pg_stat_msgext_worker WITH (security_invoker) AS
SELECT a.process, a.pid, a.started_at, a.starts, a.turns, a.commits, a.results,
    a.results::double precision OPERATOR(pg_catalog./) NULLIF(a.commits, 0) AS results_per_commit,
    a.errors, a.turn_time, a.longest_turn, a.in_flight, a.last_activity, a.stats_reset
FROM msgext.process_activity() a;
COMMENT ON VIEW msgext.pg_stat_msgext_worker IS 'what the processes of this database have done; for members of pg_monitor';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.process IS 'dispatcher or listener';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.pid IS 'of the process that wrote last';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.started_at IS 'when that process started';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.starts IS 'how often it was started';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.turns IS 'turns taken';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.commits IS 'of them, those that wrote something';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.results IS 'answers, or pushes, that were recorded';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.results_per_commit IS 'of them, how many a commit';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.errors IS 'turns that failed';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.turn_time IS 'the time of all turns, seconds';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.longest_turn IS 'the longest of them, seconds';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.in_flight IS 'requests under way, a second ago';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.last_activity IS 'when it last wrote something';
COMMENT ON COLUMN msgext.pg_stat_msgext_worker.stats_reset IS 'counted since then';

GRANT SELECT ON msgext.pg_stat_msgext, msgext.pg_stat_msgext_worker TO PUBLIC;
