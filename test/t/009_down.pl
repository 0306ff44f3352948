# A provider that is away, slow, or out of its mind: what was queued arrives when it has
# come to itself.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Test::More;
use Time::HiRes qw(time);

my $t = Msgext->new('down');
my $sim = $t->sim;

sub all_become
{
	my ($state, $n, $name, @ids) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok( $t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = '$state' AND id IN (" . join(',', @ids) . ')', $n),
		$name)
	  or diag($t->sql('SELECT state, count(*), min(error) FROM msgext.message WHERE id IN (' . join(',', @ids) . ') GROUP BY state'));
	return;
}

# Steps back in the timelines, other than those that a person asked for.
sub steps_back
{
	return $t->sql(<<'SQL');
SELECT count(*)
FROM (SELECT state, kind, lag(state) OVER (PARTITION BY message_id ORDER BY at, n) AS before
      FROM (SELECT e.*, row_number() OVER () AS n FROM msgext.message_event e) AS e) AS s
WHERE kind <> 'retried'
  AND array_position('{queued,unknown,accepted,sent,delivered}', state)
    < array_position('{queued,unknown,accepted,sent,delivered}', before)
SQL
}

subtest 'away' => sub {
	my @before = $t->send_many(10, 79990000100, fate => 'sent@1,delivered@86400000');

	all_become('sent', 10, 'some are on their way', @before);

	# Its messages go with it: to ask for their status is an error of the provider then.
	$sim->stop;
	my @ids = $t->send_many(30, 79990000200);
	ok($t->wait_sql('SELECT min(attempts) >= 3 FROM msgext.message WHERE id IN (' . join(',', @ids) . ')'), 'all are tried, and tried again');
	is($t->server('queued + in_flight'), 30, 'and stay queued');
	ok($t->wait_sql("SELECT last_error ~* 'connect' FROM msgext.server_status"), 'the server tells why');
	is($t->server('paused'), 'f', 'it is not paused');
	$sim->start;
	all_become('delivered', 30, 'when the provider is back, all arrive', @ids);
	my $counts = $sim->counts;
	is(scalar(grep { $counts->{ 79990000200 + $_ } == 1 } 0 .. 29), 30, 'each once');
	ok($t->wait_sql('SELECT last_success_at > last_error_at OR queued = 0 FROM msgext.server_status'), 'the server has recovered');
	is($t->sql('SELECT count(*) FROM msgext.message WHERE state = \'sent\' AND id IN (' . join(',', @before) . ')'),
		10, 'what it has forgotten stays as it was');
};

# Connections are taken, and cut as soon as the request is there.
subtest 'cut off' => sub {
	my @before = $t->send_many(10, 79990000300, fate => 'sent@1,delivered@5000');

	all_become('sent', 10, 'some are on their way', @before);
	$sim->down;
	my @ids = $t->send_many(30, 79990000400);
	all_become('unknown', 30, 'nobody can tell what became of these', @ids);
	is($t->sql('SELECT max(attempts) FROM msgext.message WHERE id IN (' . join(',', @ids) . ')'), 1, 'none is tried again by itself');
	is($t->server('unknown'), 30, 'server_status counts them');
	is($t->sql('SELECT count(*) FROM msgext.message WHERE state = \'sent\' AND id IN (' . join(',', @before) . ')'),
		10, 'those that were accepted are not touched by it');
	$sim->up;
	all_become('delivered', 10, 'their statuses are asked for again', @before);
	$t->sql('SELECT msgext.retry_message(id) FROM msgext.message WHERE state = \'unknown\'');
	all_become('delivered', 30, 'and the unknown ones arrive when they are sent again', @ids);
	my $counts = $sim->counts;
	is(scalar(grep { $counts->{ 79990000400 + $_ } == 1 } 0 .. 29), 30, 'each once, for none had arrived');
};

subtest 'slow' => sub {
	my $start = time();

	$sim->latency(300);
	my @ids = $t->send_many(200, 79990000500);
	ok( $t->wait_sql("SELECT count(*) FROM msgext.message WHERE accepted_at IS NOT NULL AND id IN (" . join(',', @ids) . ')', 200),
		'all are accepted');
	cmp_ok(time() - $start, '<', 30, '64 at a time, not one after the other');
	cmp_ok($sim->summary->{in_flight_max}, '<=', 64, 'and no more than max_in_flight');
	cmp_ok($sim->summary->{in_flight_max}, '>', 32, 'but not much less');
	$sim->latency(0);
	all_become('delivered', 200, 'and delivered', @ids);
	is($t->sql('SELECT max(attempts) FROM msgext.message WHERE id IN (' . join(',', @ids) . ')'), 1, 'one attempt each');

	# A byte at a time, and never fast enough for some.
	$t->set_option('vk', timeout => '3 s');
	$sim->script('devino send every 2 drip 3', 'devino send next 5 drip 100');
	@ids = $t->send_many(20, 79990000800, fate => 'sent@1,delivered@1');
	ok( $t->wait_sql("SELECT count(*) FROM msgext.message WHERE state IN ('delivered', 'unknown') AND id IN (" . join(',', @ids) . ')', 20),
		'dripping answers are read, or given up');
	is($t->sql('SELECT count(*) FROM msgext.message WHERE state = \'unknown\' AND id IN (' . join(',', @ids) . ')'), 5, 'the slowest five in time');
	$sim->clear;
	$t->set_option('vk', timeout => $Msgext::fast{timeout});
	my $counts = $sim->counts;
	is(scalar(grep { $counts->{ 79990000800 + $_ } == 1 } 0 .. 19), 20, 'nothing was repeated');
	$t->sql('SELECT msgext.retry_message(id) FROM msgext.message WHERE state = \'unknown\'');
	all_become('delivered', 20, 'all arrive in the end', @ids);
};

subtest 'out of its mind' => sub {
	$sim->script(
		'devino send every 3 status 503',
		'devino send every 5 garbage 500',
		'devino send every 7 taken-html',
		'devino send every 11 empty',
		'devino send every 13 taken-status 500',
		'devino send every 17 reset-mid-body',
		'devino send every 19 drop-after',
		'devino send every 23 code system_error sorry',
		'devino status every 2 html',
		'devino status every 3 status 500',
		'devino status every 5 garbage 500',
		'devino status every 7 drop-before',
		'devino status every 11 code system_error sorry',
		'devino status every 13 inner unknown_message_id');
	my @ids = $t->send_many(200, 79990001000, fate => 'sent@1,delivered@1');
	my $left = 'SELECT count(*) FROM msgext.message WHERE id IN (' . join(',', @ids) . ") AND state NOT IN ('delivered', 'unknown')";

	# Four of five questions for a status fail: the last message may need dozens of them.
	{
		local $Msgext::patience = 240;
		ok($t->wait_sql($left, 0), 'each is delivered or unknown');
	}
	my $unknown = $t->server('unknown');
	my $counts = $sim->counts;
	my @twice = grep { ($counts->{ 79990001000 + $_ } // 0) > 1 } 0 .. 199;
	my @delivered = split /\n/,
	  $t->sql("SELECT id - $ids[0] FROM msgext.message WHERE state = 'delivered' AND id IN (" . join(',', @ids) . ')');

	cmp_ok($unknown, '>', 10, "$unknown are unknown");
	is(scalar @twice, 0, 'none has arrived twice');
	is(scalar(grep { !$counts->{ 79990001000 + $_ } } @delivered), 0, 'what is delivered has arrived');
	$sim->clear;
	$t->sql('SELECT msgext.retry_message(id) FROM msgext.message WHERE state = \'unknown\'');
	all_become('delivered', 200, 'when it is sane again, all are delivered', @ids);
	$counts = $sim->counts;
	is(scalar(grep { !$counts->{ 79990001000 + $_ } } 0 .. 199), 0, 'everybody has it');
	is(scalar(grep { $counts->{ 79990001000 + $_ } > 2 } 0 .. 199), 0, 'nobody more than twice');
	is(scalar(grep { $counts->{ 79990001000 + $_ } == 2 } @delivered), 0, 'and twice only what was unknown');
};

# To wait for an answer costs nothing.
subtest 'hanging' => sub {
	my $commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'";
	my $id;
	my $before;

	$sim->script('devino status next 1 delay 900', 'devino send next 1 delay 900');
	$before = $t->sql($commits);
	$id = $t->send(fate => 'sent@1,delivered@1');
	$t->wait_state($id, 'delivered', 'slow answers to both requests');

	# The worker tells its numbers once a second.
	my $other = $t->send(fate => 'sent@1200,delivered@1');
	$t->wait_state($other, 'delivered');
	cmp_ok($t->sql($commits) - $before, '<', 1000, 'the worker has not run in circles meanwhile');
};

is(steps_back(), 0, 'no message has ever stepped back by itself');
is($t->server('queued + in_flight + unknown'), 0, 'nothing is left over');
is($t->sql('SELECT count(*) FROM msgext.claim'), 0, 'no claim either');
unlike($t->log, qr/(?:WARNING|FATAL|PANIC):/, 'and the log has no complaint of ours');

done_testing();
