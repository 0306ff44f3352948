# Killed at any moment: nothing is lost, and what may have arrived twice or not at all
# is told as unknown.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Soak;
use POSIX ();
use Test::More;

my $t = Msgext->new('crash',
	conf => "restart_after_crash = on\nmax_prepared_transactions = 1\n",
	options => { status_poll => 'off', timeout => '60 s' });
my $sim = $t->sim;

sub kill_worker
{
	Msgext::Soak::kill_something($t, 0);
	ok(Msgext::Soak::wait_until_up($t), 'the worker comes back');
	return;
}

# All of the phones have been written to, according to the provider.
sub arrived
{
	my (@phones) = @_;

	return until_true(sub { my $counts = $sim->counts; return !grep { !$counts->{$_} } @phones });
}

subtest 'while queued' => sub {
	$t->sql("SELECT msgext.pause_server('vk')");
	my @ids = $t->send_many(20, 79990000100);

	kill_worker();
	is($t->sql("SELECT count(*) FROM msgext.message WHERE state = 'queued'"), 20, 'the messages are still queued');
	is($t->server('paused'), 't', 'the server is still paused');
	$t->sql("SELECT msgext.resume_server('vk')");
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'", 20), 'resumed, they are sent');
	is(scalar(grep { $sim->count(79990000100 + $_) == 1 } 0 .. 19), 20, 'each once');
};

subtest 'on the wire' => sub {
	my @phones = 79990000200 .. 79990000209;

	$sim->script('devino send always delay 60000');
	my @ids = $t->send_many(10, $phones[0]);

	ok(arrived(@phones), 'the provider has them and has not answered');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE id IN ("
			  . join(',', @ids) . ") AND state = 'sending'"), 10, 'they are on the way');
	kill_worker();
	$sim->clear;
	for my $id (@ids)
	{
		my $row = $t->wait_state($id, 'unknown');

		like($row->{error}, qr/ended before the answer was recorded/, 'it says why');
		is($row->{attempts}, 1, 'the attempt counts');
	}
	is($t->sql("SELECT count(*) FROM msgext.message_event WHERE kind = 'interrupted'"), 10, 'it is in the timeline');
	like($t->log, qr/settled 10 messages of a dispatcher that had ended/, 'and in the log');
	is($t->server('unknown'), 10, 'server_status counts them');
	$t->wait_state($t->send(phone => '79990000299'), 'accepted', 'others go on');
	is(scalar(grep { $sim->count($_) == 1 } @phones), 10, 'none was repeated');
	$t->sql("SELECT msgext.retry_message(id) FROM msgext.message WHERE state = 'unknown'");
	$t->wait_state($_, 'accepted') for @ids;
	is(scalar(grep { $sim->count($_) == 2 } @phones), 10, 'asked to, they are');
};

# The row is held by somebody, so that the answer cannot be recorded.
subtest 'answered and not recorded' => sub {
	my $lock = $t->node->background_psql('postgres', on_error_stop => 0);

	$sim->script('devino send always delay 60000');
	my ($kept, $lost) = map { $t->send(phone => $_) } 79990000301, 79990000302;

	ok(arrived(79990000301, 79990000302), 'under way');
	$lock->query_safe("BEGIN; SELECT id FROM msgext.outbox WHERE id IN ($kept, $lost) FOR UPDATE");
	$sim->release;
	ok( until_true(sub { 2 == grep { $_->{answered} } map { $sim->ledger($_) } 79990000301, 79990000302 }),
		'the answers have come');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE id IN ($kept, $lost) AND state = 'sending'"),
		2, 'they cannot be recorded');
	$sim->clear;
	$t->wait_state($t->send, 'accepted', 'others are not held up');
	$lock->query_safe('ROLLBACK');
	$t->wait_state($kept, 'accepted', 'released, the answer is recorded');
	$t->wait_state($lost, 'accepted');

	$sim->script('devino send always delay 60000');
	$lost = $t->send(phone => 79990000303);
	ok(arrived(79990000303), 'under way again');
	$lock->query_safe("BEGIN; SELECT id FROM msgext.outbox WHERE id = $lost FOR UPDATE");
	$sim->release;
	ok(until_true(sub { ($sim->ledger(79990000303))[0]{answered} }), 'answered again');
	$sim->clear;
	is($t->state($lost), 'sending', 'and not recorded');
	kill_worker();
	eval { $lock->quit };
	$t->wait_state($lost, 'unknown', 'killed now, nobody knows that it arrived');
	is($sim->count(79990000303), 1, 'it did, once');
};

# By a prepared transaction, which outlives every crash, and which has changed the row.
subtest 'on the wire, and its row is held' => sub {
	my @phones = 79990000351 .. 79990000353;
	my ($pid, $held);

	$sim->script('devino send match 7999000035 delay 60000');
	my @ids = map { $t->send(phone => $_) } @phones;

	ok(arrived(@phones), 'under way');
	$held = $ids[1];
	$t->sql("BEGIN; UPDATE msgext.outbox SET lane_hash = lane_hash WHERE id = $held; PREPARE TRANSACTION 'holder'");
	kill_worker();
	$sim->clear;
	$t->wait_state($_, 'unknown') for @ids[ 0, 2 ];
	is($t->state($held), 'sending', 'the one that is held has to wait');
	$t->wait_state($t->send(phone => 79990000361), 'accepted', 'others have not');
	$pid = $t->worker_pid;
	$t->sql("SELECT pg_terminate_backend($pid)");
	ok(until_true(sub { !kill(0, $pid) }), 'the worker can be ended meanwhile');
	ok(until_true(sub { $t->worker_pid =~ /^\d+$/ }), 'another one comes');
	is($t->state($held), 'sending', 'and waits for it as well');
	$t->wait_state($t->send(phone => 79990000362), 'accepted', 'alone');
	$t->sql("COMMIT PREPARED 'holder'");
	is($t->wait_state($held, 'unknown', 'let go, nobody knows whether it arrived')->{attempts}, 1, 'the attempt counts');
	ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 0), 'no claim is left');
	is(join(' ', map { $sim->count($_) } @phones), '1 1 1', 'none was repeated');
	$t->sql("SELECT msgext.retry_message(id) FROM msgext.message WHERE state = 'unknown'");
	$t->wait_state($_, 'accepted') for @ids;
};

subtest "on_unknown 'resend'" => sub {
	$t->add_server('resend', on_unknown => 'resend', status_poll => 'off');
	$sim->script('devino send next 1 delay 60000');
	my $id = $t->send(server => 'resend', phone => 79990000401);

	ok(arrived(79990000401), 'under way');
	kill_worker();
	is($t->wait_state($id, 'accepted')->{attempts}, 2, 'it is sent again by itself');
	is($sim->count(79990000401), 2, 'the provider has it twice: that was the order');
};

subtest 'asked to end' => sub {
	$sim->script('devino send always delay 60000');
	my @ids = map { $t->send(phone => $_) } 79990000501 .. 79990000505;
	my $pid = $t->worker_pid;

	ok(arrived(79990000501 .. 79990000505), 'under way');
	$t->sql("SELECT pg_terminate_backend($pid)");
	$sim->release;
	ok(until_true(sub { !kill(0, $pid) }), 'pg_terminate_backend ends the worker');
	is(scalar(grep { $t->state($_) eq 'accepted' } @ids), 5, 'which waits for the answers before');
	ok($t->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext worker'", 1),
		'and comes back');

	push @ids, map { $t->send(phone => $_) } 79990000506 .. 79990000510;
	ok(arrived(79990000506 .. 79990000510), 'under way');

	# They are answered when the cluster is going down, by a child: to restart it waits.
	my $shutdowns = () = $t->log =~ /received fast shutdown request/g;
	my $child = fork() // die "could not fork: $!";

	if ($child == 0)
	{
		until_true(sub { $shutdowns < (() = $t->log =~ /received fast shutdown request/g) });
		eval { $sim->release };
		POSIX::_exit(0);
	}
	$t->node->restart;
	waitpid $child, 0;
	ok(Msgext::Soak::wait_until_up($t), 'after a restart it is back');
	is(scalar(grep { $t->state($_) eq 'accepted' } @ids), 10, 'a restart of the cluster loses no answer either');
	$sim->clear;
	is(scalar(grep { $sim->count($_) == 1 } 79990000501 .. 79990000510), 10, 'all were sent once');
};

subtest 'postmaster' => sub {
	my @phones = 79990000601 .. 79990000605;

	$sim->script('devino send always delay 60000');
	my @ids = map { $t->send(phone => $_) } @phones;
	ok(arrived(@phones), 'under way');
	$t->sql("SELECT msgext.pause_server('vk', 'to keep it queued')");
	my $queued = $t->send(phone => 79990000611);

	Msgext::Soak::kill_something($t, 3);
	$sim->clear;
	$t->wait_state($_, 'unknown') for @ids;
	is($t->state($queued), 'queued', 'what was queued is queued');
	$t->sql("SELECT msgext.resume_server('vk')");
	$t->wait_state($queued, 'accepted');
	is(scalar(grep { $sim->count($_) == 1 } @phones, 79990000611), 6, 'nothing was repeated');
	$t->sql("SELECT msgext.retry_message(id) FROM msgext.message WHERE state = 'unknown'");
	$t->wait_state($_, 'accepted') for @ids;
};

subtest 'polls' => sub {
	my $id;

	$t->set_option('vk', status_poll => 'on');
	$sim->script('devino status next 1 delay 60000');
	my $queries = $sim->summary->{status_queries};
	$id = $t->send(fate => 'sent@1,delivered@1');
	$t->wait_state($id, 'accepted');
	ok(until_true(sub { $sim->summary->{status_queries} > $queries }), 'its status is being asked for');
	kill_worker();
	$sim->clear;
	$t->wait_state($id, 'delivered', 'a question that was cut off is asked again');
	is($t->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id AND kind = 'interrupted'"),
		0, 'and is nothing to worry about');
	$t->set_option('vk', status_poll => 'off');
};

subtest 'soak' => sub {
	my $s = Msgext->new('soak',
		conf => "restart_after_crash = on\nmax_wal_size = 1GB\n",
		options => { status_poll => 'off' });

	Msgext::Soak::run($s, messages => 2000, kills => 4, seconds => 6);
	$s->node->stop;
};

done_testing();
