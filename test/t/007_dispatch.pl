# CALL dispatch(): the dispatcher in the foreground.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use Msgext qw(until_true);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Msgext->new('foreground', preload => 0, options => { status_poll => 'off' });
my $sim = $t->sim;

# How long a statement takes, in seconds.
sub seconds
{
	my ($sql) = @_;
	my $start = time();

	$t->sql($sql);
	return time() - $start;
}

# CALL dispatch() in a process of its own: its pid.
sub in_background
{
	my ($call, $database) = @_;
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		my ($status) = eval { $t->node->psql($database // 'postgres', $call) };
		POSIX::_exit(defined $status && $status == 0 ? 0 : 1);
	}
	return $pid;
}

sub finished
{
	my ($pid) = @_;

	waitpid $pid, 0;
	return $? == 0;
}

subtest 'without preload' => sub {
	is($t->sql('SHOW shared_preload_libraries'), '', 'nothing is preloaded');
	is($t->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'msgext%'"), 0, 'there is no worker');
	my $id = $t->send(phone => 79990000001);
	is($t->state($id), 'queued', 'a message is queued');
	cmp_ok(seconds('CALL msgext.dispatch()'), '<', 30, 'dispatch() returns when all is done, not after its timeout');
	is($t->state($id), 'accepted', 'it has sent the message');
	is($sim->count(79990000001), 1, 'once');
	cmp_ok(seconds('CALL msgext.dispatch()'), '<', 30, 'with nothing to do it returns at once');

	my @ids = $t->send_many(300, 79990001000);
	$t->sql('CALL msgext.dispatch()');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'"), 301, 'many are sent in one call');
	is(scalar(grep { $sim->counts->{ 79990001000 + $_ } == 1 } 0 .. 9), 10, 'each once');
	is($t->sql('SELECT count(*) FROM msgext.claim'), 0, 'no claim is left');
	is($t->sql("SELECT count(*) FROM pg_locks WHERE locktype IN ('advisory', 'object')"), 0, 'and no lock');
};

subtest 'statuses' => sub {
	$t->add_server('polled', status_poll => 'on', poll_min_interval => '1 s', poll_max_interval => '1 s');
	my $id = $t->send(server => 'polled', phone => 79990000011, fate => 'sent@1,delivered@1');

	$t->sql('CALL msgext.dispatch()');
	is($t->state($id), 'accepted', 'what is due later is not waited for');
	ok( until_true(sub { $t->sql('CALL msgext.dispatch()'); return $t->state($id) eq 'delivered' }),
		'a later call asks');
};

subtest 'failures' => sub {
	$sim->script('devino send match 79990000021 next 1 status 503 retry-after 3',
		'devino send match 79990000022 next 1 drop-after',
		'devino send match 79990000023 next 1 inner phone_invalid');
	my ($later, $unknown, $rejected) = map { $t->send(phone => $_) } 79990000021 .. 79990000023;

	$t->sql("CALL msgext.dispatch('10 s')");
	is($t->state($unknown), 'unknown', 'unknown');
	is($t->state($rejected), 'rejected', 'rejected');
	is($t->state($later), 'queued', 'not yet');
	ok( until_true(sub { $t->sql('CALL msgext.dispatch()'); return $t->state($later) eq 'accepted' }),
		'later');
	is($sim->count(79990000022), 1, 'the unknown one was not repeated');
	$t->sql("SELECT msgext.retry_message($unknown)");
	$t->sql('CALL msgext.dispatch()');
	is($t->state($unknown), 'accepted', 'retry_message works');

	$t->sql("SELECT msgext.pause_server('vk')");
	my $id = $t->send(phone => 79990000024);
	cmp_ok(seconds('CALL msgext.dispatch()'), '<', 30, 'a paused server is not waited for');
	is($t->state($id), 'queued', 'its messages stay');
	$t->sql("SELECT msgext.resume_server('vk')");
	$t->sql('CALL msgext.dispatch()');
	is($t->state($id), 'accepted', 'until it is resumed');
};

subtest 'timeout' => sub {
	$sim->script('devino send match 79990000031 next 1 delay 1000');
	my $id = $t->send(phone => 79990000031);
	my $took = seconds("CALL msgext.dispatch('200 ms')");

	cmp_ok($took, '>=', 1, 'an answer on its way is waited for, beyond the timeout');
	cmp_ok($took, '<', 30, 'and nothing else');
	is($t->state($id), 'accepted', 'it is not lost');
	like($t->error("CALL msgext.dispatch('-1 s')"), qr/22023/, 'a negative timeout is an error');
	like($t->error('CALL msgext.dispatch(NULL)'), qr/22004/, 'so is none');
};

subtest 'limits of the session' => sub {
	my $limits = 'SET statement_timeout = 300; ';

	# New in 17; it ends the session, and a request with it.
	$limits .= 'SET transaction_timeout = 300; ' if $t->sql('SHOW server_version_num') >= 170000;
	$sim->script('devino send match 79990000035 next 1 delay 1500');
	my $id = $t->send(phone => 79990000035);
	$t->sql("${limits}CALL msgext.dispatch('60 s')");
	is($t->state($id), 'accepted', 'it waits for an answer longer than a statement or a transaction may take');
	is($sim->count(79990000035), 1, 'sent once');
};

subtest 'where it cannot run' => sub {
	my $id = $t->send(phone => 79990000041);
	my $message = qr/25000.*dispatch\(\) cannot run inside a transaction block.*HINT/s;

	like($t->error('BEGIN; CALL msgext.dispatch(); COMMIT'), $message, 'in a transaction block it is an error');
	$t->sql('CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN CALL msgext.dispatch(); END$$');
	like($t->error('SELECT f()'), $message, 'in a function too');
	is($t->state($id), 'queued', 'nothing was sent');
	$t->sql('DO $$BEGIN CALL msgext.dispatch(); END$$');
	is($t->state($id), 'accepted', 'a DO block is none');
	$t->sql('CREATE ROLE nobody LOGIN');
	like($t->error('SET ROLE nobody; CALL msgext.dispatch()'), qr/42501/, 'it takes a right');
};

my $waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

# A restart: of a reload nobody can see when a commit has heard.
sub wait_for_standby
{
	my ($name) = @_;

	$t->node->append_conf('postgresql.conf', "max_wal_senders = 1\nwal_level = replica\nsynchronous_standby_names = '$name'\n");
	$t->node->restart;
	return;
}

# Queued without a wait of its own.
sub send_locally
{
	return $t->sql('SET synchronous_commit = local; SELECT ' . Msgext::send_sql(@_));
}

# docs/reference.md: expires_at, not sent after.
subtest 'its time ends while the claim waits' => sub {
	wait_for_standby('none');
	my $ended = send_locally(phone => 79990000047, expires_at => "now() + '5 s'");
	my $other = send_locally(phone => 79990000048);
	my $pid = in_background('CALL msgext.dispatch()');

	ok($t->wait_sql($waits, 1), 'the claim waits for a standby');
	ok($t->wait_sql("SELECT expires_at < now() FROM msgext.message WHERE id = $ended"), 'too long for one of its messages');
	$t->node->append_conf('postgresql.conf', "synchronous_standby_names = ''\n");
	$t->node->reload;
	ok(finished($pid), 'the call goes on when nobody is waited for any more');
	is(join(' ', map { $t->state($_) } $ended, $other), 'expired accepted', 'the one has expired, the other is sent');
	is(join(' ', map { $sim->count($_) } 79990000047, 79990000048), '0 1', 'and the one was not');
};

# docs/scaling.md: no message is sent before its claim is on the standby.
subtest 'cancelled while the claim waits' => sub {
	wait_for_standby('none');
	my $id = send_locally(phone => 79990000046);
	my $pid = in_background('CALL msgext.dispatch()');

	ok($t->wait_sql($waits, 1), 'the claim waits for a standby');
	$t->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
	ok(!finished($pid), 'the call has failed');
	is($sim->count(79990000046), 0, 'and has sent nothing');
	wait_for_standby('');
	$t->sql('CALL msgext.dispatch()');
	is($t->state($id), 'unknown', 'what was claimed may have been sent, for all that the next call knows');
};

subtest 'two at once' => sub {
	$t->add_server('slow', max_in_flight => 4, status_poll => 'off');
	$sim->latency(50);
	my @ids = $t->send_many(60, 79990002000, server => 'slow');
	my @pids = map { in_background("CALL msgext.dispatch('30 s')") } 1 .. 2;

	ok(finished($_), 'a call returns') for @pids;
	is($t->sql("SELECT count(*) FROM msgext.message WHERE server = 'slow' AND state = 'accepted'"),
		60, 'when both have returned, all is sent');
	is(scalar(grep { $sim->counts->{ 79990002000 + $_ } == 1 } 0 .. 59), 60, 'each once');
	$sim->latency(0);
};

subtest 'cancelled or killed' => sub {
	$t->set_option('vk', timeout => '2 min');
	$sim->script('devino send match 79990000051 next 1 delay 60000');
	my $id = $t->send(phone => 79990000051);
	my $pid = in_background('CALL msgext.dispatch()');

	ok(until_true(sub { $sim->count(79990000051) }), 'under way');
	is($t->state($id), 'sending', 'sending');
	$t->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%'");
	ok(!finished($pid), 'a cancelled call ends with an error');
	$t->sql('CALL msgext.dispatch()');
	is($t->state($id), 'unknown', 'the next one says what became unknown');
	is($sim->count(79990000051), 1, 'it has arrived once');

	$sim->script('devino send match 79990000052 next 1 delay 60000');
	$id = $t->send(phone => 79990000052);
	$pid = in_background('CALL msgext.dispatch()');
	ok(until_true(sub { $sim->count(79990000052) }), 'under way again');
	$t->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%'");
	ok(!finished($pid), 'a terminated one too');
	my $next = $t->send(phone => 79990000053);
	$t->sql('CALL msgext.dispatch()');
	is($t->state($id), 'unknown', 'the same');
	is($t->state($next), 'accepted', 'and the next call can dispatch');
};

subtest 'in single-user mode' => sub {
	my $id = $t->send(phone => 79990000055);
	my $calls = "CALL msgext.dispatch()\n";
	my ($out, $err);

	$t->node->stop;
	IPC::Run::run([ 'postgres', '--single', '-D', $t->node->data_dir, 'postgres' ], \$calls, \$out, \$err)
		or die "it ended otherwise: $err";
	$t->node->start;
	is($t->state($id), 'accepted', 'where no server runs, too');
};

subtest 'beside a worker' => sub {
	$t->node->append_conf('postgresql.conf', "shared_preload_libraries = 'msgext'\n");
	$t->node->restart;
	ok($t->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext worker'", 1), 'a worker runs now');
	$sim->script('devino send match 7999000006 delay 500');
	my @ids = map { $t->send(phone => 79990000060 + $_) } 1 .. 5;
	my $took = seconds('CALL msgext.dispatch()');

	is(scalar(grep { $t->state($_) eq 'accepted' } @ids), 5, 'dispatch() waits until it has sent everything');
	cmp_ok($took, '<', 30, 'and no longer');
	is(scalar(grep { $sim->count(79990000060 + $_) == 1 } 1 .. 5), 5, 'each once');

	$sim->script('devino send match 79990000071 next 1 delay 60000');
	my $id = $t->send(phone => 79990000071);
	cmp_ok(seconds("CALL msgext.dispatch('300 ms')"), '<', 30, 'it waits no longer than it was told to');
	is($t->state($id), 'sending', 'the worker goes on');
	$sim->release;
	$t->wait_state($id, 'accepted');
};

unlike($t->log, qr/(?:WARNING|FATAL|PANIC):(?!.*(?:terminating connection due to administrator|canceling wait for synchronous))/, 'the log has no complaint of ours');

done_testing();
