# edna: a packet that is refused as a whole for the sake of one message. The others go, and
# only the culprit is rejected.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Edna;
use Test::More;

my $t = Msgext::Edna->new('edna_packet', options => { status_poll => 'off' });
my $sim = $t->sim;

# n messages in one packet, those at the given places poisoned; their ids.
sub post_poisoned
{
	my ($n, $first, @places) = @_;

	return $t->post_many($n, $first,
		content => 'CASE WHEN i IN (' . join(',', @places, -1) . ") THEN 'POISON' ELSE 'text ' || i END");
}

# Every message has its own right end; the poisoned ones are those at the places.
sub ends_well
{
	my ($code, $first, $ids, @places) = @_;
	my %poisoned = map { $_ => 1 } @places;
	my ($states, $counts);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE id >= $ids->[0] AND state IN ('accepted', 'rejected')",
			scalar @$ids), 'all have an end');
	$states = { map { split /\|/ } split /\n/, $t->sql("SELECT id, state FROM msgext.message WHERE id >= $ids->[0]") };
	$counts = $sim->counts;
	is(scalar(grep { $states->{ $ids->[$_] } ne ($poisoned{$_} ? 'rejected' : 'accepted') } 0 .. $#$ids),
		0, 'the poisoned ones are rejected and no other is');
	is(scalar(grep { ($counts->{ $first + $_ } // 0) != ($poisoned{$_} ? 0 : 1) } 0 .. $#$ids),
		0, 'the others are in the ledger once');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE id >= $ids->[0] AND state = 'rejected' AND code = '$code'"),
		scalar @places, "with code $code");
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE id >= $ids->[0] AND state = 'accepted' AND failures > 0"),
		0, 'to have been in a packet with one is no failure');
	return;
}

for my $code (qw(error-syntax error-out-message-client-id-format something-new))
{
	subtest "one of 64, $code" => sub {
		my $first = 79990001000;
		my $mark = $t->mark;

		$sim->reset;
		$sim->script("edna message match POISON code $code");
		my @ids = post_poisoned(64, $first, 40);

		ends_well($code, $first, \@ids, 40);

		# 64, 32 + 32, then a half that is good and one that is not, down to 1 and 1.
		cmp_ok($sim->summary->{requests}, '<=', 2 * 6 + 1 + 6, 'found by halving: ' . $sim->summary->{requests} . ' requests');
	};
}

subtest 'several' => sub {
	my $first = 79990002000;
	my @places = (0, 1, 50, 77, 99);

	$sim->reset;
	$sim->script('edna message match POISON code error-syntax');
	my @ids = post_poisoned(100, $first, @places);

	ends_well('error-syntax', $first, \@ids, @places);
	cmp_ok($sim->summary->{requests}, '<', 80, 'in fewer requests than one by one: ' . $sim->summary->{requests});
};

subtest 'all' => sub {
	my $first = 79990003000;

	$sim->reset;
	$sim->script('edna message match POISON code error-syntax');
	my @ids = post_poisoned(8, $first, 0 .. 7);

	ends_well('error-syntax', $first, \@ids, 0 .. 7);
};

subtest 'others wait for nobody' => sub {
	my $first = 79990004000;

	$sim->reset;
	$sim->script('edna message match POISON code error-syntax');
	my @ids = post_poisoned(32, $first, 31);
	my $later = $t->post(address => $first + 32);

	$t->wait_state($later, 'accepted', 'a message that was queued meanwhile goes');
	ends_well('error-syntax', $first, [ @ids, $later ], 31);
};

# Lost answers while it is halved: what is repeated by then is known to be a repeat.
subtest 'answers lost meanwhile' => sub {
	my $first = 79990005000;

	$sim->reset;
	$sim->script('edna send every 3 drop-after', 'edna send every 5 drop-before', 'edna message match POISON code error-syntax');
	my @ids = post_poisoned(64, $first, 7, 33);

	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE id >= $ids[0] AND state IN ('accepted', 'rejected')", 64), 'all have an end');
	is($t->sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM msgext.message WHERE id >= $ids[0] AND state = 'rejected'"),
		"$ids[7] $ids[33]", 'the poisoned ones are rejected and no other is');
	my $counts = $sim->counts;
	is(scalar(grep { ($counts->{ $first + $_ } // 0) != 1 } grep { $_ != 7 && $_ != 33 } 0 .. 63), 0, 'the others are in the ledger once');
};

# What left together comes again together: a pause of its own for each would make a hundred
# requests of one.
subtest 'a packet again' => sub {
	my $first = 79990007000;

	$t->add_sms('patient', status_poll => 'off', retry_min_delay => '1 s', retry_max_delay => '1 min');
	for my $action ('drop-after', 'drop-before', 'status 503', 'code error-system')
	{
		$sim->reset;
		$sim->script("edna send next 1 $action");
		my @ids = $t->post_many(100, $first, server => 'patient');

		ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE id >= $ids[0] AND state = 'accepted'", 100), "$action: all are accepted");
		cmp_ok($sim->summary->{requests}, '<=', 5, 'in ' . $sim->summary->{requests} . ' requests');
	}
};

# A provider that takes fewer in a packet than we send: nobody is a culprit.
subtest 'a smaller limit' => sub {
	my $narrow = Msgext::Simulator->new('--edna-max-messages', 10);

	$t->add_sms('narrow', sim => $narrow, status_poll => 'off');
	my @ids = $t->post_many(100, 79990006000, server => 'narrow');

	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = 'narrow' AND state = 'accepted'", 100), 'all are accepted');
	is(scalar(grep { $_ != 1 } values %{ $narrow->counts }), 0, 'each is there once');
	is(scalar keys %{ $narrow->counts }, 100, 'and none is missing');
};

# Nor where something on the way thinks a request too large, or dislikes it otherwise.
subtest 'refused on the way' => sub {
	for my $status (400, 413)
	{
		$sim->reset;
		$sim->script("edna send next 2 status $status");
		my @ids = $t->post_many(40, 79990008000);

		ends_well('', 79990008000, \@ids);
	}
};

# What the worker does beside its turns waits for a lock, and so do all answers.
subtest 'many results at once' => sub {
	my $n = 2000;
	my $first = 79990009000;
	my $holder = $t->node->background_psql('postgres');
	my $worker = "msgext.pg_stat_msgext_worker WHERE process = 'dispatcher'";

	$sim->reset;
	$sim->latency(60000);
	$t->add_sms('many', status_poll => 'off', max_in_flight => $n);
	my @ids = $t->post_many($n, $first, server => 'many');
	ok($t->wait_sql('SELECT sum(cardinality(messages)) FROM msgext.claim', $n), 'all are under way');
	ok($t->wait_sql("SELECT in_flight >= $n / 100 FROM $worker"), 'and what has been done is written down');
	$holder->query_safe('BEGIN; LOCK TABLE msgext.feed');
	ok($t->wait_sql('SELECT count(*) FROM pg_stat_activity WHERE pid = ' . $t->worker_pid . " AND wait_event_type = 'Lock'", 1),
		'the worker waits');
	$sim->release;
	ok(until_true(sub { $sim->summary->{accepted} == $n }), 'all are answered');
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE server = 'many' AND state = 'queued'"), $n, 'no answer is recorded');
	$t->sql('SELECT msgext.stats_reset()');
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	$sim->latency(0);
	ends_well('', $first, \@ids);
	ok($t->wait_sql("SELECT results >= $n FROM $worker"), 'then they are');
	cmp_ok($t->sql("SELECT results_per_commit FROM $worker"), '<=', 400, 'and no turn records all of them');
};

is($t->server('queued + in_flight + unknown', 'sms'), 0, 'nothing hangs, nothing is unknown');
unlike($t->log, qr/(?:WARNING|ERROR|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
