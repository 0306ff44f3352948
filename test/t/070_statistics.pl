# Statistics: what is counted stays true over restarts, crashes and failing turns.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Listener;
use Msgext::Soak;
use PostgreSQL::Test::Utils;
use Test::More;

my $token = 'Hook-4711-of-the-vk';
my $t = Msgext->new('statistics',
	conf => "restart_after_crash = on\n",
	options => { mapping => { login => 'tester', password => '111111', callback_token => $token } });

# The counters that are not 0, of those that a test can tell beforehand.
sub counters
{
	my ($server) = @_;

	return $t->sql("SELECT string_agg(key || ' ' || (value #>> '{}'), ', ' ORDER BY key)"
		  . " FROM msgext.pg_stat_msgext s, jsonb_each(to_jsonb(s)) WHERE s.server = '" . ($server // 'vk') . "'"
		  . " AND value <> '0' AND key IN ('queued', 'accepted', 'sent', 'delivered', 'read', 'undelivered', 'rejected',"
		  . " 'failed', 'unknown', 'cancelled', 'retried', 'callbacks', 'callbacks_unmatched')");
}

sub wait_counters
{
	my ($expected, $name) = @_;
	my $counters = '';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	until_true(sub { return ($counters = counters()) eq $expected; });
	return is($counters, $expected, $name);
}

sub number
{
	my ($column) = @_;

	return $t->sql("SELECT $column FROM msgext.pg_stat_msgext WHERE server = 'vk'");
}

$t->post_repeatedly(Msgext::send_sql(phone => 79990000101, fate => 'sent,delivered'), 10, 'delivered');
wait_counters('accepted 10, delivered 10, queued 10, sent 10', 'ten messages are counted');
cmp_ok(number('requests - polls'), '==', 10, 'with a request each');
cmp_ok(number('polls'), '>=', 10, 'and requests for their status');
is(number('(SELECT sum(n) FROM unnest(request_time) n) = requests'), 't', 'each has its time');
is(number('(SELECT sum(n) FROM unnest(wait_time) n)'), 10, 'each message has waited');
is(number('(SELECT sum(n) FROM unnest(delivery_time) n)'), 10, 'and was delivered in some time');
is(number('bytes_sent > 1000 AND bytes_received > 100'), 't', 'bytes too');

# A listener counts in a process of its own.
my $l = Msgext::Listener->new($t);
ok($l->wait, 'it listens');
$t->set_option('vk', poll_min_interval => '1 day', poll_max_interval => '1 day');
my $id = $t->send(fate => 'sent@86400000');
my $provider_id = $t->wait_state($id, 'accepted')->{provider_id};
is($l->post("/vk/$token", qq([{"messageId":$provider_id,"status":"READ"},{"messageId":4711,"status":"READ"}]))->[0],
	200, 'a report comes');
is($l->post("/vk/$token", 'nonsense')->[0], 400, 'another cannot be read');
wait_counters(
	'accepted 11, callbacks 3, callbacks_unmatched 2, delivered 11, queued 11, read 1, sent 10',
	'reports are counted, and what they skip');
ok($t->wait_sql("SELECT starts = 1 AND results >= 2 FROM msgext.pg_stat_msgext_worker WHERE process = 'listener'"),
	'the listener has a row');

# A row that somebody is setting back holds nobody up, and nothing is lost or counted twice.
{
	my $holder = Msgext::Session->new($t->node);

	$holder->must("BEGIN");
	$holder->must("SELECT count(*) FROM (SELECT 1 FROM msgext.statistic FOR UPDATE) AS held");
	$t->post_repeatedly(Msgext::send_sql(phone => 79990000102), 5, 'accepted');
	is(counters(), 'accepted 11, callbacks 3, callbacks_unmatched 2, delivered 11, queued 11, read 1, sent 10',
		'messages leave while the row is held');
	$holder->must("ROLLBACK");
}
wait_counters('accepted 16, callbacks 3, callbacks_unmatched 2, delivered 11, queued 16, read 1, sent 10',
	'and are counted once it is free');

# Turns that fail, with an index that an administrator made: each is undone, and done again.
$t->sql('CREATE SEQUENCE calls');
for my $body ('RETURN state;', q{IF nextval('public.calls') % 5 = 0 THEN RAISE 'not now'; END IF; RETURN state;})
{
	$t->sql('CREATE OR REPLACE FUNCTION fail_sometimes(state text) RETURNS text IMMUTABLE LANGUAGE plpgsql'
		  . " AS \$\$ BEGIN $body END \$\$;"
		  . "CREATE INDEX IF NOT EXISTS troublesome ON msgext.outbox (fail_sometimes(state)) WHERE state <> 'queued'");
}
my @ids = split /\n/, $t->sql('SELECT ' . Msgext::send_sql(phone => 79990000103) . ' FROM generate_series(1, 30)');
ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted' AND id IN (" . join(',', @ids) . ')', 30),
	'thirty messages get through turns that fail');
$t->sql('DROP INDEX msgext.troublesome');
ok($t->wait_sql("SELECT errors > 0 FROM msgext.pg_stat_msgext_worker WHERE process = 'dispatcher'"), 'some did fail');
wait_counters('accepted 46, callbacks 3, callbacks_unmatched 2, delivered 11, queued 46, read 1, sent 10',
	'and each message was counted once');

# A clean restart loses nothing; a crash, a second's counts at most, and none of the queue's,
# which are written together with how far it has been read. None counts twice.
$t->node->restart;
wait_counters('accepted 46, callbacks 3, callbacks_unmatched 2, delivered 11, queued 46, read 1, sent 10',
	'after a restart they are the same');
ok($t->wait_sql("SELECT starts > 1 FROM msgext.pg_stat_msgext_worker WHERE process = 'dispatcher'"), 'which is counted');
for my $round (1 .. 4)
{
	$t->sql('SELECT ' . Msgext::send_sql(phone => 79990000104) . ' FROM generate_series(1, 50)');
	until_true(sub { $t->sim->count(79990000104) > $round * 40 - 20 });
	if ($round % 2)
	{
		$t->node->stop('immediate');
		$t->node->start;
	}
	else
	{
		Msgext::Soak::kill_something($t, 0);
	}
}
ok($t->wait_sql("SELECT count(*) FROM msgext.outbox WHERE state = 'queued'", 0), 'all have left');
ok( $t->wait_sql("SELECT queued = (SELECT count(*) FROM msgext.outbox)"
		  . " AND accepted BETWEEN 46 AND (SELECT count(*) FROM msgext.outbox WHERE accepted_at IS NOT NULL)"
		  . " AND unknown <= (SELECT count(*) FROM msgext.outbox WHERE state = 'unknown')"
		  . " FROM msgext.pg_stat_msgext WHERE server = 'vk'"),
	'after crashes the counters are no more than the tables say')
  or diag(counters() . "\n" . $t->sql('SELECT state, count(*) FROM msgext.outbox GROUP BY 1'));

# Room for 512 servers at a time: what was counted of servers and databases that are gone takes none
# of it for ever.
$t->sql('CREATE DATABASE other');
$t->sql('CREATE EXTENSION msgext', 'other');
for my $database ('postgres', 'other')
{
	$t->sql(<<'SQL', $database);
DO $$ BEGIN
	FOR i IN 1..300 LOOP
		CREATE SERVER brief FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
		PERFORM msgext.receive_callback('brief', '{"messageId":4712,"status":"READ"}');
		DROP SERVER brief;
		COMMIT;
	END LOOP;
END $$
SQL
}
$t->sql('DROP DATABASE other');
$t->add_server('last');
ok( until_true(
		sub {
			$t->sql(q(SELECT msgext.receive_callback('last', '{"messageId":4713,"status":"READ"}')));
			return $t->sql("SELECT callbacks > 0 FROM msgext.pg_stat_msgext WHERE server = 'last'") eq 't';
		}),
	'after six hundred servers that are gone, another one is counted');

# Nothing to do, nothing written.
ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state IN ('queued', 'sending')", 0), 'idle');
my $quiet = until_true(
	sub {
		my $before = $t->sql("SELECT pg_current_wal_insert_lsn() || ' ' || (SELECT string_agg(xmin::text, ' ') FROM msgext.statistic)");
		sleep 3;
		return $before eq $t->sql("SELECT pg_current_wal_insert_lsn() || ' ' || (SELECT string_agg(xmin::text, ' ') FROM msgext.statistic)");
	});
ok($quiet, 'an idle database is not written to');

$t->node->stop;
done_testing();
