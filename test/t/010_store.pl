# What happens to rows under the dispatcher's feet: versions that move, dead entries in
# the indexes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use PostgreSQL::Test::Utils;
use Test::More;

my $t = Msgext->new('store',
	options => { status_poll => 'off', timeout => '60 s', max_in_flight => 64 });
my $sim = $t->sim;

# Puts n messages on the wire and runs the statements before their answers come. Returns
# the ids.
sub in_flight
{
	my ($n, $phone, @during) = @_;
	my $pattern = substr($phone, 0, 8);

	$sim->script("devino send match $pattern delay 2000");
	my @ids = $t->send_many($n, $phone);

	ok(until_true(sub { my $counts = $sim->counts; return $n == grep { /^$pattern/ } keys %$counts }),
		"$n requests are under way");
	$t->sql($_) for @during;
	$sim->clear;
	return @ids;
}

sub all_are
{
	my ($state, $name, @ids) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = '$state' AND id IN ("
				  . join(',', @ids) . ')', scalar @ids), $name);
	return;
}

# What an index scan comes to need, as with the first dead entry, outlives the message.
subtest 'dead index entries' => sub {
	my $pid = $t->worker_pid;
	my $move = "UPDATE msgext.outbox SET lane_hash = lane_hash + 1 WHERE state = 'queued'";
	my @ids = in_flight(50, 79990001000, $move, $move);

	all_are('accepted', 'answers find the rows, which have moved', @ids);
	is($t->worker_pid, $pid, 'by the same worker');

	# Those that were inserted in vain lie in the way of new messages and of reminders.
	$t->sql("SELECT msgext.pause_server('vk')");
	for my $round (1 .. 3)
	{
		$t->sql('BEGIN; SELECT count(*) FROM (SELECT '
			  . Msgext::send_sql(phone => 79990002000, operation_id => 'i::text')
			  . " FROM generate_series(1, 50) i) _; $_") for 'ROLLBACK', 'COMMIT';
		$t->sql("SELECT msgext.cancel_message(id) FROM msgext.message WHERE state = 'queued'");
		$t->sql('UPDATE msgext.outbox SET lane_hash = lane_hash, operation_id = NULL');
	}
	@ids = $t->send_many(50, 79990003000, send_after => "now() + '300 ms'");
	$t->sql("SELECT msgext.resume_server('vk')");
	all_are('accepted', 'messages behind dead entries are sent', @ids);
	is($t->worker_pid, $pid, 'still by the same worker');
};

# Where a row was, there is another one, or nothing.
subtest 'tables written anew' => sub {
	my $pid = $t->worker_pid;

	for my $rewrite ('VACUUM (FULL)', 'CLUSTER msgext.outbox USING outbox_pkey')
	{
		# Room before them, so that they move; and the table becomes shorter.
		my $phone = $rewrite =~ /VACUUM/ ? 79990004000 : 79990005000;
		my @ids = in_flight(30, $phone, "DELETE FROM msgext.outbox WHERE state <> 'queued'", $rewrite);

		all_are('accepted', "answers are recorded after $rewrite", @ids);
		my $counts = $sim->counts;
		is(scalar(grep { $counts->{ $phone + $_ } == 1 } 0 .. 29), 30, 'each was sent once');
	}
	is($t->sql('SELECT count(*) FROM msgext.claim'), 0, 'no claim is left');

	in_flight(10, 79990006000, 'TRUNCATE msgext.outbox, msgext.event, msgext.reminder');
	ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 0), 'answers to what was truncated are dropped');
	is($t->sql('SELECT count(*) FROM msgext.message'), 0, 'nothing is left');
	my $id = $t->send;
	$t->wait_state($id, 'accepted', 'new messages are sent');
	is($t->worker_pid, $pid, 'by the same worker');
};

# Pages that a statement asks for when the session runs it a second time: the first looks up
# catalogs.
$t->sql(<<'SQL');
CREATE FUNCTION pages(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE query;
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
	RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
END$$;
SQL
sub pages { return $t->sql('SELECT pages(' . Msgext::quote($_[0]) . ')') }

# Whoever looks does not look up each of many messages under way by itself.
subtest 'much under way' => sub {
	my $pattern = 79990007;

	$t->add_server('wide', status_poll => 'off', timeout => '10 min', max_in_flight => 300);
	$sim->script("devino send match $pattern delay 600000");
	my @ids = $t->send_many(300, "${pattern}000", server => 'wide');
	ok($t->wait_sql("SELECT in_flight FROM msgext.server_status WHERE server = 'wide'", 300),
		'300 messages are under way');
	all_are('sending', 'and say so', @ids);
	cmp_ok(pages('SELECT * FROM msgext.server_status'), '<=', 200, 'pages that server_status reads');
	cmp_ok(pages('SELECT * FROM msgext.message ORDER BY id DESC LIMIT 50'), '<=', 200, 'pages of the last 50 messages');

	$sim->clear;
	$sim->release;
	all_are('accepted', 'then they are accepted', @ids);
	is($t->server('in_flight', 'wide'), 0, 'and none is under way');
};

unlike(slurp_file($t->node->logfile), qr/PANIC:|TRAP:|signal 11|ERROR:/, 'nothing crashed or failed');

done_testing();
