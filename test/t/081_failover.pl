# Failover to a streaming standby: what a synchronous one keeps from being sent twice or
# alone, and what an asynchronous one may cost.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Edna;
use PostgreSQL::Test::Cluster;
use Test::More;

my $pairs = 0;
my $hold = "msgext.mode = 'hold'\n";

# A primary with servers vk and sms, and its standby; conf => more settings of both. Where
# nothing is to be sent at first these say so: nobody can see when a worker that has
# begun has heard of it.
sub pair
{
	my ($synchronous, %args) = @_;
	my $t = Msgext::Edna->new('primary' . ++$pairs,
		conf => "restart_after_crash = on\n" . ($args{conf} // ''),
		init => [ allows_streaming => 1 ],
		options => { status_poll => 'off' });
	my $standby = PostgreSQL::Test::Cluster->new("standby$pairs");

	$t->add_server('vk', status_poll => 'off');
	$t->node->backup('base');
	$standby->init_from_backup($t->node, 'base', has_streaming => 1);
	$standby->start;
	$t->node->append_conf('postgresql.conf', "synchronous_standby_names = '*'\n") if $synchronous;
	$t->node->reload;
	ok($t->wait_sql("SELECT sync_state IN ('quorum', 'sync') FROM pg_stat_replication"), 'the standby is synchronous')
	  if $synchronous;
	return ($t, $standby);
}

sub go_live
{
	my ($t) = @_;

	$t->node->append_conf('postgresql.auto.conf', "msgext.mode = 'live'");
	$t->node->reload;
	return;
}

# The primary dies, and the standby takes its place.
sub fail_over
{
	my ($t, $standby) = @_;

	$t->node->stop('immediate');
	delete $t->{session};
	$standby->start if !defined $standby->{_pid};
	$standby->promote;
	$t->{node} = $standby;
	return;
}

# How often each of the recipients was written to, as the different numbers.
sub written
{
	my ($t, @phones) = @_;
	my $counts = $t->sim->counts;
	my %times = map { ($counts->{$_} // 0) => 1 } @phones;

	return join ' ', sort keys %times;
}

sub wait_sent
{
	my ($t, $n, $server) = @_;

	return $t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = '$server' AND state = 'accepted'", $n);
}

subtest 'a primary that is cut off sends nothing' => sub {
	my ($t, $standby) = pair(1, conf => $hold);
	my @queued = (79990020001 .. 79990020020);
	my @late = (79990020101 .. 79990020120);

	# Queued and replicated; then the standby goes, and the primary may send.
	$t->send_many(20, $queued[0]);
	$standby->stop;
	my $session = $t->node->background_psql('postgres');

	$session->query_until(qr/go/, "\\echo go\nSELECT "
		  . Msgext::send_sql(phone => 1, phone_sql => "($late[0] + i)::text")
		  . " FROM generate_series(0, 19) AS i;\n");
	wait_for_sync($t, 'client backend');

	# Nor does the worker, who claims first.
	go_live($t);
	wait_for_sync($t, 'msgext worker');
	is(written($t, @queued, @late), '0', 'no request has left');

	# PostgreSQL ends the wait when the statement is cancelled, and when the server is stopped.
	$t->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'msgext worker'");
	ok(until_true(sub { $t->log =~ /canceling wait for synchronous replication/ }), 'its wait is cancelled');
	wait_for_sync($t, 'msgext worker');
	$t->node->stop('fast');
	is(written($t, @queued, @late), '0', 'nor as the primary is stopped');
	fail_over($t, $standby);
	is($t->sql('SHOW synchronous_standby_names'), '', 'the standby stands alone');
	go_live($t);
	ok(wait_sent($t, 20, 'vk'), 'promoted, it sends');
	is(written($t, @queued), '1', 'what was replicated, once');
	is(written($t, @late), '0', 'and nothing of a transaction that never was');
	eval { $session->quit };
	$t->node->stop;
};

subtest 'a synchronous standby, under load' => sub {
	my ($t, $standby) = pair(1);
	my @phones = (79990030000 .. 79990030199);

	$t->sim->latency(100);
	$t->send_many(100, $phones[0]);
	until_true(sub { $t->sim->summary->{accepted} > 20 });
	$t->send_many(100, $phones[100]);
	fail_over($t, $standby);
	ok( $t->wait_sql("SELECT count(*) FROM msgext.message WHERE state IN ('accepted', 'unknown')", 200),
		'every message of a commit that was told is there, and comes to its end');

	my $counts = $t->sim->counts;
	my %states = map { split /\|/ } split /\n/, $t->sql('SELECT recipient, state FROM msgext.message');
	my @doubled = grep { ($counts->{$_} // 0) > 1 } @phones;
	my @lost = grep { $states{$_} eq 'accepted' && !$counts->{$_} } @phones;

	is("@doubled", '', 'none is sent twice');
	is("@lost", '', 'what is called accepted was sent');
	$t->node->stop;
};

subtest 'an asynchronous standby that lagged' => sub {
	my ($t, $standby) = pair(0, conf => $hold);
	my @vk = (79990040000 .. 79990040009);
	my @sms = (79990050000 .. 79990050009);
	my $next;

	$t->send_many(10, $vk[0]);
	$t->post_many(10, $sms[0]);
	$t->node->wait_for_catchup($standby);
	$standby->stop;
	go_live($t);
	ok(wait_sent($t, 10, $_), "the primary sends: $_") for qw(vk sms);

	# More than the numbers that a sequence takes in advance.
	$t->post_many(40, 79990060000);
	$next = $t->sql('SELECT max(id) FROM msgext.message');
	fail_over($t, $standby);
	go_live($t);
	ok(wait_sent($t, 10, 'vk'), 'so does the standby, which knows of nothing');
	is(written($t, @vk), '2', 'a provider that knows no repeats has them twice');
	ok( $t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = 'sms' AND state = 'rejected'"
			  . " AND code = 'error-out-message-client-id-not-unique'", 10), 'one that knows our key says so');
	is(written($t, @sms), '1', 'and has them once');
	cmp_ok($t->post(address => 79990070000), '<=', $next, 'ids are given a second time');
	$t->node->stop;
};

# Waits until a process of this kind waits for the standby.
sub wait_for_sync
{
	my ($t, $kind) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok( $t->wait_sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = '$kind'"),
		"a $kind waits for the standby");
	return;
}

done_testing();
