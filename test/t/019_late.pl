# Answers and reports that come when things have moved on: rows that are others' now, a
# report that commits after its dispatcher has ended, a report of the sending before.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Soak;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = Msgext->new('late', conf => "restart_after_crash = on\nmax_prepared_transactions = 2\n",
	options => { status_poll => 'off', timeout => '120 s' });
my $sim = $t->sim;

sub report_sql
{
	my ($provider_id, $status, %args) = @_;
	my $time = '2026-01-01 12:00:' . ($args{second} // '00');

	return 'SELECT msgext.receive_callback(' . quote($args{server} // 'vk') . ', '
	  . quote(qq([{"messageId":$provider_id,"status":"$status","receivedAt":"$time"}])) . '::bytea)';
}

sub worker_ends
{
	my ($pid) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->sql("SELECT pg_terminate_backend($pid)");
	ok(until_true(sub { my $new = $t->worker_pid; return $new =~ /^\d+$/ && $new ne $pid }), 'another worker has come');
	return;
}

# Requests are in flight when all is emptied and the numbers begin anew: the new messages have
# ids and attempts of the old ones.
my $anew = 'BEGIN; TRUNCATE msgext.outbox, msgext.event, msgext.reminder, msgext.reference;'
  . ' ALTER SEQUENCE msgext.outbox_id_seq RESTART; COMMIT';
my @cases = (
	[ 'their answers come', 79990000100, sub { $sim->release } ],
	[ 'the worker is killed', 79990000200, sub { Msgext::Soak::kill_something($t, 0) } ]);

for my $case (@cases)
{
	my ($name, $phone, $happens) = @$case;

	subtest "emptied, and numbered anew: $name" => sub {
		my $pattern = substr($phone, 0, 9);
		my (@old, @new);

		$t->sql($anew);
		$sim->script("devino send match $pattern delay 60000");
		@old = $t->send_many(5, $phone);
		ok(until_true(sub { 5 == grep { /^$pattern/ } keys %{ $sim->counts } }), 'requests are in flight');
		$t->sql("SELECT msgext.pause_server('vk')");
		$t->sql($anew);
		@new = $t->send_many(5, $phone + 50);
		is("@new", "@old", 'new messages have the ids of old ones');
		$happens->();
		Msgext::Soak::wait_until_up($t);
		ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 0), 'what was in flight is settled');
		is($t->sql("SELECT count(*) FROM msgext.message WHERE state = 'queued' AND attempts = 0"), 5,
			'nothing of it is recorded on the new ones');
		is($t->sql("SELECT count(*) FROM msgext.message_event WHERE kind <> 'queued'"), 0, 'nor told of them');
		is($t->sql('SELECT count(*) FROM msgext.reference'), 0, 'and no id leads to them');
		$sim->clear;
		$t->sql("SELECT msgext.resume_server('vk')");
		$t->wait_state($_, 'accepted', "message $_ is sent") for @new;
		is(scalar(grep { $sim->count($phone + 50 + $_) == 1 } 0 .. 4), 5, 'each once');
	};
}

# A web tier's transaction may be open for long. Nothing in memory waits for it.
subtest 'a report that commits after its dispatcher has ended' => sub {
	my $pid = $t->worker_pid;
	my $session = $t->node->background_psql('postgres');
	my ($id, $early);

	$sim->script('devino send match 79990000301 delay 60000');
	$id = $t->send(phone => 79990000301);
	ok(until_true(sub { $sim->count(79990000301) }), 'a request is in flight');
	$early = ($sim->ledger(79990000301))[0]{id};
	$session->query_safe('BEGIN');
	is($session->query_safe(report_sql($early, 'DELIVERED')), 0, 'its report is being written');
	$sim->release;
	$t->wait_state($id, 'accepted', 'its answer is recorded');
	worker_ends($pid);
	$t->wait_state($t->send, 'accepted', 'which works');
	is($t->state($id), 'accepted', 'the report is not there yet');
	$session->query_safe('COMMIT');
	$session->quit;
	$t->wait_state($id, 'delivered', 'committed, it is found');
	is($t->sql("SELECT message_id FROM msgext.callback WHERE provider_id = '$early'"), $id, 'and knows its message');
};

# The same without news of the commit: it fell between two workers.
subtest 'a report that commits when no dispatcher is there' => sub {
	my ($id, $early);

	$sim->script('devino send match 79990000311 delay 60000');
	$id = $t->send(phone => 79990000311);
	ok(until_true(sub { $sim->count(79990000311) }), 'a request is in flight');
	$early = ($sim->ledger(79990000311))[0]{id};

	my $session = $t->node->background_psql('postgres');

	$session->query_safe('BEGIN');
	$session->query_safe(report_sql($early, 'DELIVERED'));
	$sim->release;
	$t->wait_state($id, 'accepted', 'its answer is recorded');
	$session->query_safe("PREPARE TRANSACTION 'web'");
	$session->quit;
	$t->node->stop;
	$t->node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$t->node->start;
	$t->sql("COMMIT PREPARED 'web'");
	$t->node->append_conf('postgresql.conf', "shared_preload_libraries = 'msgext'");
	$t->node->restart;
	$t->wait_state($id, 'delivered', 'a worker that starts finds it');
};

# The provider told of the first sending what it had not told before, while the second was
# under way.
subtest 'a late report of the first sending' => sub {
	my ($id, $first, $second);

	$sim->clear;
	$id = $t->send(phone => 79990000401, fate => 'sent@86400000');
	$first = $t->wait_state($id, 'accepted')->{provider_id};
	$t->sql(report_sql($first, 'FAILED'));
	$t->wait_state($id, 'failed', 'reported as failed');
	$sim->script('devino send match 79990000401 delay 60000');
	is($t->sql("SELECT msgext.retry_message($id)"), 't', 'sent again');
	ok(until_true(sub { $sim->count(79990000401) == 2 }), 'it is in flight');
	$second = ($sim->ledger(79990000401))[1]{id};
	is($t->sql(report_sql($first, 'DELIVERED')), 1, 'the first sending has been delivered');
	is($t->state($id), 'delivered', 'so the message is');
	$sim->release;
	ok($t->wait_sql("SELECT attempts FROM msgext.message WHERE id = $id", 2), 'the second sending is counted');
	is($t->state($id), 'delivered', 'and takes nothing back');
	is($t->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id AND kind = 'answer' AND attempt = 2"), 1,
		'its answer is in the timeline');
	is($t->sql("SELECT msgext.cancel_message($id) OR msgext.retry_message($id)"), 'f', 'nothing is to be done about it');
	is($t->sql(report_sql($second, 'READ')), 1, 'a report of the second sending');
	is($t->sql("SELECT message_id FROM msgext.callback WHERE provider_id = '$second'"), $id, 'is one of the message');
	is($t->status($id, 'provider_id'), $first, 'which keeps its first id');
	ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 0), 'no claim is left');
};

# A message that was accepted and reported as failed, whose second sending is under way: its
# id, and the provider's of both.
sub send_twice
{
	my ($phone, %args) = @_;
	my $id = $t->send(phone => $phone, fate => 'sent@1,delivered@86400000', %args);
	my $first = $t->wait_state($id, 'accepted|sent')->{provider_id};

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->sql(report_sql($first, 'FAILED', %args));
	$t->wait_state($id, 'failed', 'reported as failed');
	$sim->script("devino send match $phone delay 60000");
	is($t->sql("SELECT msgext.retry_message($id)"), 't', 'sent again');
	ok(until_true(sub { $sim->count($phone) == 2 }), 'it is in flight');
	return ($id, $first, ($sim->ledger($phone))[1]{id});
}

# What of the first sending is told late has a person send the message a third time. He has
# what he wants already: what is under way counts.
subtest 'sent again while the second sending is under way' => sub {
	my ($id, $first, $second) = send_twice(79990000501);

	is($t->sql(report_sql($first, 'FAILED', second => '01')), 1, 'another report of the first sending');
	is($t->state($id), 'failed', 'has failed once more');
	is($t->sql("SELECT msgext.retry_message($id)"), 't', 'and is sent again');
	$sim->release;
	is($t->wait_state($id, 'accepted', 'the answer is recorded')->{provider_id}, $second, 'with its id');
	ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 0), 'no claim is left');
	$t->wait_state($t->send, 'accepted', 'the next message is sent');
	is($sim->count(79990000501), 2, 'this one no third time');
	is($t->sql(report_sql($second, 'DELIVERED')), 1, 'a report of the second sending');
	is($t->state($id), 'delivered', 'finds it');
};

# The dispatcher dies with it: that it may have arrived is not forgotten.
subtest 'reported while the dispatcher dies' => sub {
	my ($id, $first) = send_twice(79990000511);

	is($t->sql(report_sql($first, 'FAILED', second => '01')), 1, 'another report of the first sending');
	Msgext::Soak::kill_something($t, 0);
	Msgext::Soak::wait_until_up($t);
	ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 0), 'what was in flight is settled');
	is($t->sql("SELECT state, attempts, maybe_sent FROM msgext.outbox WHERE id = $id"), 'failed|2|t', 'it may have arrived');
	like($t->events($id), qr/interrupted/, 'the timeline tells');
	$sim->clear;
};

# Nothing leads to its status request by itself: it was queued for sending.
subtest 'reported as sent, and followed from there' => sub {
	my ($id, $first);

	$t->add_server('asked', timeout => '120 s');
	$t->add_server('patient', retry_min_delay => '2 s', retry_max_delay => '2 s');

	# The report ends a wait to be sent again.
	$id = $t->send(phone => 79990000601, server => 'patient', fate => 'sent@1,delivered@86400000');
	$first = $t->wait_state($id, 'sent', 'sent')->{provider_id};
	$t->sql(report_sql($first, 'FAILED', server => 'patient'));
	$t->wait_state($id, 'failed', 'reported as failed');
	$sim->script('devino send match 79990000601 status 503');
	is($t->sql("SELECT msgext.retry_message($id)"), 't', 'sent again');
	ok($t->wait_sql("SELECT waiting FROM msgext.outbox WHERE id = $id", 'retry'), 'and once more, later');
	$t->sql(report_sql($first, 'ENQUEUED', server => 'patient', second => '01'));
	is($t->sql("SELECT state, waiting FROM msgext.outbox WHERE id = $id"), 'accepted|', 'a late report: it waits no more');
	$t->wait_state($id, 'sent', 'its status is asked for');
	$sim->clear;

	# The report comes while the second sending is under way.
	($id, $first) = send_twice(79990000611, server => 'asked');
	$t->sql(report_sql($first, 'ENQUEUED', server => 'asked', second => '01'));
	is($t->state($id), 'accepted', 'a late report');
	$sim->release;
	$t->wait_state($id, 'sent', 'its status is asked for');
	ok(defined $t->status($id)->{next_attempt_at}, 'again and again');

	# The report comes when nobody can tell what has become of the second sending.
	($id, $first) = send_twice(79990000621, server => 'asked');
	Msgext::Soak::kill_something($t, 0);
	Msgext::Soak::wait_until_up($t);
	$t->wait_state($id, 'unknown', 'the dispatcher has died');
	$sim->clear;
	$t->sql(report_sql($first, 'ENQUEUED', server => 'asked'));
	is($t->server('unknown', 'asked'), 0, 'a late report: it waits for nobody any more');
	is($t->sql("SELECT count(*) FROM msgext.reminder WHERE id = $id AND kind = 'unknown'"), 0, 'nothing says so');
	$t->wait_state($id, 'sent', 'its status is asked for');
};

# The worker looked for what it must not do, without a pause.
subtest 'no statuses any more' => sub {
	my ($id, $turns);

	$t->add_server('quiet');
	# Delivered long after a slow machine has had the worker look away.
	$id = $t->send(phone => 79990000701, server => 'quiet', fate => 'sent@1,delivered@20000');
	$t->wait_state($id, 'sent', 'followed');
	$t->sql("ALTER SERVER quiet OPTIONS (ADD status_poll 'off')");
	$t->wait_state($t->send, 'accepted', 'the worker has seen that');
	$turns = turns();
	sleep(4);
	$t->wait_state($t->send, 'accepted', 'later');
	cmp_ok(turns() - $turns, '<', 200, 'it has slept meanwhile');
	is($t->state($id), 'sent', 'nobody has asked');
	$t->sql('ALTER SERVER quiet OPTIONS (DROP status_poll)');
	$t->wait_state($id, 'delivered', 'asked again');
};

# Turns of the worker, as far as it has told.
sub turns { return $t->sql("SELECT sum(turns) FROM msgext.pg_stat_msgext_worker WHERE process LIKE '%dispatcher%'") }

unlike($t->log, qr/PANIC:|TRAP:|signal 11|was waiting for nothing/, 'nothing crashed or was forgotten');
$t->node->stop;
done_testing();
