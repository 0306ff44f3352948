# The provider's limits, kept before it has to enforce them: so many a second for each
# sender, so many a day for each recipient.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true densest);
use Test::More;
use Time::HiRes qw(time);

my $t = Msgext->new('limit',
	options => { status_poll => 'off', rate_limit => '50/s', recipient_limit => '5/day' });
my $sim = $t->sim;

# When the messages of a subject to these phones arrived, in seconds, in order.
sub arrivals
{
	my ($subject, $from, $to) = @_;

	return sort { $a <=> $b } map { $_->{at} / 1000 }
	  grep { $_->{body}{vk}{subject} eq $subject && $_->{to} >= $from && $_->{to} <= $to } $sim->ledger;
}

# What network and scheduler add to the distance of two requests, or take from it.
use constant JITTER => 0.3;

# So many a second, and no fewer than may be: a busy machine spreads what leaves at once.
sub is_rate
{
	my ($rate, $name, @times) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	cmp_ok(densest(1 - JITTER, @times), '<=', $rate, $name);
	cmp_ok(densest(2, @times), '>=', $rate, 'and no fewer');
	return;
}

subtest 'rate' => sub {
	my @ids = $t->send_many(170, 79990001000, subject => 'AO');
	my @others = $t->send_many(20, 79990002000, subject => 'BO');
	my $last = $ids[-1];

	ok( $t->wait_sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($last)", 'rate_limit of AO'),
		'message_status tells what it waits for');
	is($t->sql("SELECT next_attempt_at - created_at BETWEEN '2.5 s' AND '6 s' FROM msgext.message_status($last)"),
		't', 'and until when');
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'", 190), 'all are sent in the end');

	my @times = arrivals('AO', 79990001000, 79990001999);
	my @other_times = arrivals('BO', 79990002000, 79990002999);

	is(scalar @times, 170, 'each once');
	is_rate(50, 'no second has more than 50 of them', @times);
	cmp_ok($times[-1] - $times[0], '>=', 3 - JITTER, '170 take three seconds');
	cmp_ok($times[-1] - $times[0], '<', 6, 'and not twice as long');
	cmp_ok($other_times[-1], '<', $times[-1] - 1, 'another sender has a limit of its own');
};

subtest 'rate over a restart' => sub {
	$t->send_many(40, 79990003000, subject => 'CO');
	ok(until_true(sub { 40 == (() = arrivals('CO', 79990003000, 79990003999)) }), '40 leave at once');
	my $pid = $t->worker_pid;
	$t->sql("SELECT pg_terminate_backend($pid)");
	$t->send_many(40, 79990003100, subject => 'CO');
	ok(until_true(sub { 80 == (() = arrivals('CO', 79990003000, 79990003999)) }), '40 more after the worker was replaced');
	cmp_ok(densest(1 - JITTER, arrivals('CO', 79990003000, 79990003999)), '<=', 50, 'the new one knows of the old one');
	isnt($t->worker_pid, $pid, 'it is another worker');
};

subtest 'rate changed' => sub {
	$t->set_option('vk', rate_limit => '10/s');
	$t->send_many(25, 79990004000, subject => 'DO');
	ok(until_true(sub { 25 == (() = arrivals('DO', 79990004000, 79990004999)) }), 'all are sent');
	my @times = arrivals('DO', 79990004000, 79990004999);
	is_rate(10, 'at the new rate', @times);
	$t->set_option('vk', rate_limit => '50/s');
};

my @waiting;

subtest 'recipient' => sub {
	my $phone = 79990005001;
	my @ids = map { $t->send(phone => $phone) } 1 .. 7;

	ok($t->wait_sql('SELECT count(*) FROM msgext.message WHERE state = \'accepted\' AND id IN (' . join(',', @ids) . ')', 5),
		'five a day');
	@waiting = $t->sql('SELECT id FROM msgext.message WHERE state = \'queued\' AND id IN (' . join(',', @ids) . ')') =~ /\d+/g;
	is(scalar @waiting, 2, 'two wait');
	for my $id (@waiting)
	{
		ok($t->wait_sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($id)", 'recipient_limit'),
			'message_status tells what it waits for');
		is($t->sql("SELECT next_attempt_at BETWEEN now() + interval '23 h 59 min' AND now() + interval '24 h'"
				  . " AND next_attempt_at = (detail->'waiting'->>'until')::timestamptz"
				  . " FROM msgext.message_status($id)"),
			't', 'and until when');
	}
	is($t->server('queued'), 2, 'server_status counts them');
	$t->wait_state($t->send(phone => $phone, subject => 'BO'), 'accepted', 'another sender may write');
	$t->wait_state($t->send(phone => $phone + 1), 'accepted', 'and others may be written to');
	is($sim->count($phone), 6, 'the ledger agrees');
};

subtest 'recipient over a restart' => sub {
	$t->node->restart;
	$t->wait_state($t->send(phone => 79990005011), 'accepted', 'after a restart the server works');
	is(scalar(grep { $t->state($_) eq 'queued' } @waiting), 2, 'the two still wait');
	my $id = $t->send(phone => 79990005001);
	ok($t->wait_sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($id)", 'recipient_limit'),
		'a new one waits too');
	is($sim->count(79990005001), 6, 'nothing more was sent');
	is($t->sql("SELECT msgext.cancel_message($id)"), 't', 'it can be cancelled');
};

subtest 'recipient limit raised' => sub {
	my $phone = 79990005101;
	my @ids = map { $t->send(phone => $phone) } 1 .. 8;
	my $waits = 'SELECT count(*) FROM msgext.outbox WHERE state = \'queued\' AND waiting = \'recipient_limit\' AND id IN ('
	  . join(',', @ids) . ')';

	ok($t->wait_sql($waits, 3), 'three wait for a day');
	$t->set_option('vk', recipient_limit => '7/day');
	ok($t->wait_sql($waits, 1), 'with room for two more, two are sent at once');
	ok(until_true(sub { $sim->count($phone) == 7 }), 'and arrive');
	$t->set_option('vk', recipient_limit => '7/hour');
	ok($t->wait_sql("$waits AND next_attempt_at < now() + interval '1 hour'", 1), 'a shorter window is waited for');
	$t->set_option('vk', recipient_limit => 'off');
	ok($t->wait_sql($waits, 0), 'without a limit none waits');
	ok(until_true(sub { $sim->count($phone) == 8 }), 'and the last arrives');
	$t->set_option('vk', recipient_limit => '5/day');
};

# Nobody but the catalog knows of the change: there was no worker to see it.
subtest 'recipient limit raised without a worker' => sub {
	my $phone = 79990005201;
	my @ids = map { $t->send(phone => $phone) } 1 .. 7;
	my $waits = 'SELECT count(*) FROM msgext.outbox WHERE state = \'queued\' AND waiting = \'recipient_limit\' AND id IN ('
	  . join(',', @ids) . ')';

	ok($t->wait_sql($waits, 2), 'two wait for a day');
	$t->node->stop;
	$t->node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
	$t->node->start;
	$t->set_option('vk', recipient_limit => '7/day');
	$t->node->stop;
	$t->node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'msgext'");
	$t->node->start;
	ok($t->wait_sql($waits, 0), 'the next worker looks at them');
	ok(until_true(sub { $sim->count($phone) == 7 }), 'and both arrive');
	$t->set_option('vk', recipient_limit => '5/day');
};

subtest 'what does not count' => sub {
	my $phone = 79990006001;

	# A message that never went out gives its place back; one that is sent again has one.
	$sim->script("devino send match $phone next 2 inner phone_invalid",
		"devino send match $phone next 1 status 503",
		"devino send match $phone next 1 drop-after");
	my @rejected = map { my $id = $t->send(phone => $phone); $t->wait_state($id, 'rejected'); $id } 1 .. 2;
	my $busy = $t->send(phone => $phone);
	$t->wait_state($busy, 'unknown', 'refused for now, then unknown');
	my @ids = map { $t->send(phone => $phone) } 1 .. 4;
	$t->wait_state($_, 'accepted') for @ids;
	my $sixth = $t->send(phone => $phone);
	ok($t->wait_sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($sixth)", 'recipient_limit'),
		'the unknown one has its place, the rejected ones have none');
	$t->sql("SELECT msgext.retry_message($busy)");
	$t->wait_state($busy, 'accepted', 'sent again, it needs no second place');
};

subtest 'a rolling window' => sub {
	$t->add_server('brief', recipient_limit => '2/s', status_poll => 'off');
	my @ids = map { $t->send(server => 'brief', phone => 79990007001) } 1 .. 6;

	$t->wait_state($_, 'accepted') for @ids;
	my @times = arrivals('AO', 79990007001, 79990007001);
	is(scalar @times, 6, 'all arrive');
	is_rate(2, 'two a second', @times);
	cmp_ok($times[-1] - $times[0], '<', 4, 'as soon as they may');
};

done_testing();
