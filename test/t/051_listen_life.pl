# The listener's life: killed, reloaded, dropped, flooded, on standby, in several databases.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Listener;
use POSIX ();
use Msgext::Soak;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $token = 'Hook-1234567890-of-life';
my %mapping = (login => 'tester', password => '111111', callback_token => $token);
my $t = Msgext->new('life',
	init => [ allows_streaming => 1 ],
	conf => "restart_after_crash = on\nmax_worker_processes = 12\nmax_connections = 30\n",
	options => { status_poll => 'off', mapping => {%mapping} });
my $sim = $t->sim;
my $l = Msgext::Listener->new($t);
my $path = "/vk/$token";

sub report
{
	my ($provider_id, $status) = @_;

	return qq({"messageId":$provider_id,"status":"$status","receivedAt":"2026-01-01 12:00:00"});
}

sub accepted
{
	my $id = $t->send(fate => 'sent@86400000');
	my $row = $t->wait_state($id, 'accepted');

	return ($id, $row->{provider_id});
}

# A process that posts without a pause, on thirty connections, whatever the answers are, for as
# long as the test lives. It has begun to when this returns.
sub sender
{
	my ($request) = @_;
	my $parent = $$;
	my ($begun, $begins);

	pipe $begun, $begins or die "could not make a pipe: $!";
	my $pid = fork() // die "could not fork: $!";
	if ($pid)
	{
		close $begins;
		readline $begun;
		return $pid;
	}
	while (getppid() == $parent)
	{
		my @sockets = grep { defined } map { $l->connect } 1 .. 30;

		$l->write($_, $request) for @sockets;
		close $begins;
		select undef, undef, undef, 0.01;
	}
	POSIX::_exit(0);
}

sub good
{
	my ($listener) = @_;

	return until_true(sub { ($listener->post($path, '[]') // [0])->[0] == 200 });
}

sub listeners
{
	return $t->sql("SELECT coalesce(string_agg(datname, ' ' ORDER BY datname), '') FROM pg_stat_activity"
		  . " WHERE backend_type = 'msgext listener'");
}

ok($l->wait, 'it listens');

subtest 'killed between receipt and commit' => sub {
	my @ids = map { $t->send(fate => 'sent@1,delivered@1,read@1') } 1 .. 10;
	my $session = $t->node->background_psql('postgres', on_error_stop => 0);
	my $tally;

	$t->wait_state($_, 'accepted') for @ids;

	# Nothing can be written down, so the listener waits inside its transaction.
	$session->query_safe('BEGIN; LOCK TABLE msgext.callback IN ACCESS EXCLUSIVE MODE');
	$sim->callbacks('{"url": "' . $l->url($path) . '", "batch": 1, "connections": 4}');
	ok( $t->wait_sql("SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
			  . " WHERE a.backend_type = 'msgext listener' AND NOT l.granted"),
		'a push has been received and cannot be committed');
	my $pid = $l->pid;
	kill 'KILL', $pid;
	ok(until_true(sub { !kill(0, $pid) && defined $t->try_sql('SELECT 1') }, 60), 'its listener is killed');
	eval { $session->quit };
	ok($l->wait, 'there is another one');
	ok(until_true(sub { $sim->summary->{callback_events_pending} == 0 }, 60), 'the provider has repeated everything');
	$t->wait_state($_, 'read') for @ids;
	$tally = $sim->summary;
	cmp_ok($tally->{callbacks_failed}, '>', 0, 'for some were not answered');
	cmp_ok($tally->{callbacks_recovered}, '>', 0, 'at first');
	is($t->sql("SELECT count(*) FROM msgext.event WHERE kind = 'callback' AND message_id IN (" . join(',', @ids) . ')'),
		30, 'nothing is lost and nothing is doubled');
	$sim->callbacks('{"url": null, "connections": 1, "batch": 10}');
};

subtest 'asked to end' => sub {
	my ($id, $provider_id) = accepted();
	my $session = $t->node->background_psql('postgres', on_error_stop => 0);
	my $body = report($provider_id, 'DELIVERED');
	my $socket = $l->connect;
	my $pid = $l->pid;

	$session->query_safe("BEGIN; SELECT id FROM msgext.outbox WHERE id = $id FOR UPDATE");
	$l->write($socket, "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
	ok( $t->wait_sql("SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
			  . " WHERE a.backend_type = 'msgext listener' AND NOT l.granted"), 'a push waits for a row');
	$t->sql("SELECT pg_terminate_backend($pid)");
	$session->query_safe('ROLLBACK');
	$session->quit;
	is($l->read_answer($socket)->[0], 200, 'what it has received it takes and answers');
	is($t->state($id), 'delivered', 'before it ends');
	ok($l->wait($pid), 'and there is another one');
};

# libmicrohttpd aborts when it is stopped with a request at rest that is not answered.
subtest 'ends under load' => sub {
	my $body = report(1, 'DELIVERED');
	my $request = "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($body) . "\r\n\r\n$body";

	for my $mode (('fast') x 3, 'immediate')
	{
		my @senders = map { sender($request) } 1 .. 4;

		$t->node->stop($mode);
		kill 'KILL', @senders;
		waitpid $_, 0 for @senders;
		$t->node->start;
		ok($l->wait, "stopped ($mode) amid pushes, it listens again");
	}
	unlike($t->log, qr/was terminated by signal 6/, 'each time it ended by itself');
};

subtest 'settings' => sub {
	my $old = $l->port;
	my $new = PostgreSQL::Test::Cluster::get_free_port();
	my $pid = $l->pid;

	# By ALTER DATABASE, in the middle of a request.
	my $socket = $l->connect;
	$l->write($socket, "POST $path HTTP/1.1\r\n");
	$l->set(listen_port => $new);
	ok($l->wait($pid), 'the port can be changed');
	ok(until_true(sub { !defined $l->connect(port => $old) }), 'the old one is closed');
	is($l->read_answer($socket), undef, 'with what was under way');
	ok(good($l), 'callbacks are taken at the new one');
	$l->set(listen_port => undef);
	ok($l->wait_closed, 'without a port there is no listener');
	ok(until_true(sub { listeners() eq '' }), 'nor its process');

	# By postgresql.conf.
	$t->node->append_conf('postgresql.conf', "msgext.listen_port = $old\n");
	$t->node->reload;
	$l->{port} = $old;
	ok($l->wait, 'the port may stand in postgresql.conf');
	ok(good($l), 'and is taken from there');
	ok($l->settle, 'it stays');
	$pid = $l->pid;
	$l->set(listen_port => $new);
	ok($l->wait($pid), "the database's own goes before it");
	ok(until_true(sub { !defined $l->connect(port => $old) }), 'alone');
	$pid = $l->pid;
	$t->node->append_conf('postgresql.conf', "msgext.retention = '40 d'\n");
	$t->node->reload;
	ok(good($l), 'a reload that does not concern it');
	is($l->pid, $pid, 'does not disturb it');
	$t->node->append_conf('postgresql.conf', "msgext.listen_port = 0\n");
	$t->node->reload;

	like($t->error("ALTER DATABASE postgres SET msgext.listen_address = 'localhost'"),
		qr/22023.*numeric address/s, 'an address is a number');
	like($t->error("ALTER DATABASE postgres SET msgext.listen_port = 65536"), qr/22023/, 'a port is one');
	like($t->error('SET ROLE hooks; ALTER DATABASE postgres SET msgext.listen_port = 0'), qr/42501/, 'not for everybody');
};

subtest 'what is wrong is said' => sub {
	ok($l->settle, 'it listens');
	$l->set(listen_role => undef);
	ok( until_true(sub { $t->log =~ /ERROR: .*msgext\.listen_role is not set/ }), 'no role');
	$l->set(listen_role => 'nobody_here');
	ok(until_true(sub { $t->log =~ /ERROR: .*role "nobody_here" of msgext\.listen_role does not exist/ }), 'a role that is not there');
	$l->set(listen_role => $t->sql('SELECT current_user'));
	ok(until_true(sub { $t->log =~ /ERROR: .*msgext\.listen_role must not be a superuser/ }), 'a superuser');
	is(defined $l->connect, '', 'and nothing listens');
	$l->set(listen_role => 'hooks', listen_port => $sim->port);
	ok( until_true(
			sub {
				$t->log =~ /WARNING: .*could not listen for callbacks on address "127\.0\.0\.1", port \d+\n.*DETAIL: .*Address already in use/;
			}),
		'a port that is taken');
	$l->set(listen_port => PostgreSQL::Test::Cluster::get_free_port(), listen_idle_timeout => '2s');
	ok($l->wait, 'put right, it listens again');
};

subtest 'ten thousand connections' => sub {
	my $pid = $l->pid;
	my $opened = 0;
	my $start = time();
	my ($id, $provider_id) = accepted();
	my @kept;

	# Opened and dropped, some half way through a request.
	for my $n (1 .. 10000)
	{
		my $socket = $l->connect or next;

		$opened++;
		syswrite($socket, "POST $path HTTP/1.1\r\nContent-Length: 10\r\n\r\n[") if $n % 3 == 0;
		setsockopt($socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0)) if $n % 2;
		close $socket;
	}
	is($opened, 10000, 'are opened and dropped');
	cmp_ok(time() - $start, '<', $Msgext::patience, 'and do not hold each other up');
	is($l->post($path, report($provider_id, 'DELIVERED'))->[0], 200, 'and another one is served');
	is($t->state($id), 'delivered', 'as ever');
	is($l->pid, $pid, 'by the same process');
	ok( until_true(sub { my @fds = glob "/proc/$pid/fd/*"; my $n = `ls /proc/$pid/fd | wc -l`; return $n < 60 }),
		'which has let go of the others');
};

subtest 'fuzzed requests' => sub {
	my $pid = $l->pid;
	my $seed = time() % 1000000;
	my ($id, $provider_id) = accepted();
	my $body = report($provider_id, 'SENT');
	my @seeds = (
		"POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($body) . "\r\n\r\n$body",
		"POST $path HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[    \r\n1;x=y\r\n]\r\n0\r\nTrailer: x\r\n\r\n",
		"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" x 3,
		"POST $path HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n\r\n[]",
		"POST /%76k/" . join('', map { sprintf '%%%02X', ord } split //, $token) . " HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]");
	my @bits = ("\r\n", "\n", "\0", ' ', ':', '%', '/', '?', '0', '-1', '99999999999999999999', 'chunked', "\xff", 'HTTP/1.1',
		'Content-Length: 1', 'Transfer-Encoding: chunked', 'A: ' . 'b' x 5000);
	my %seen;

	note("fuzzed with seed $seed");
	srand($seed);
	for my $round (1 .. 40)
	{
		my @sockets;

		for my $n (1 .. 40)
		{
			my $text = $seeds[ rand @seeds ];
			my $socket = $l->connect;

			for (0 .. rand 4)
			{
				my $at = int rand length $text;
				my $what = int rand 4;

				substr($text, $at, 1) = chr int rand 256 if $what == 0;
				substr($text, $at, int rand 20) = '' if $what == 1;
				substr($text, $at, 0) = $bits[ rand @bits ] if $what == 2;
				$text = substr($text, 0, $at) if $what == 3 && $at > 0;
				$text = 'x' if $text eq '';
			}

			# In two pieces, and no more to come.
			my $cut = int rand length $text;
			$l->write($socket, substr($text, 0, $cut));
			$l->write($socket, substr($text, $cut));
			shutdown($socket, 1);
			push @sockets, $socket;
		}
		for my $socket (@sockets)
		{
			$seen{$_}++ for $l->read_statuses($socket);
		}
	}
	note(join ', ', map { "$_: $seen{$_}" } sort keys %seen);
	is(join(' ', grep { !/^(?:100|200|400|404|405|408|413|414|431|501|505)$/ } keys %seen), '', 'are answered with nothing odd');
	is($l->pid, $pid, 'by one process');
	is($l->post($path, report($provider_id, 'DELIVERED'))->[0], 200, 'which goes on');
	is($t->state($id), 'delivered', 'as ever');
	unlike($t->log, qr/\Q$token\E/, 'and has told nobody');
};

subtest 'several databases' => sub {
	$t->sql('CREATE DATABASE other');
	$t->sql('CREATE EXTENSION msgext', 'other');
	$t->add_server('vk', database => 'other', mapping => {%mapping});
	my $o = Msgext::Listener->new($t, database => 'other');

	ok($o->wait, 'another database has a listener of its own');
	ok(good($o), 'which takes callbacks');
	is(listeners(), 'other postgres', 'beside the first');
	$o->post($path, '[{"messageId": 777, "status": "SENT"}]');
	is($t->sql("SELECT count(*) FROM msgext.callback WHERE provider_id = '777'", 'other'), 1, 'its callbacks are there');
	is($t->sql("SELECT count(*) FROM msgext.callback WHERE provider_id = '777'"), 0, 'and not here');

	$t->sql('DROP EXTENSION msgext CASCADE', 'other');
	ok($o->wait_closed, 'DROP EXTENSION closes the port');
	ok(until_true(sub { listeners() eq 'postgres' }), 'the listener leaves');
	$t->sql('CREATE EXTENSION msgext', 'other');
	$t->add_server('vk', database => 'other', mapping => {%mapping});
	$t->sql('GRANT EXECUTE ON FUNCTION msgext.receive_callback TO hooks; GRANT USAGE ON FOREIGN SERVER vk TO hooks', 'other');
	ok(good($o), 'created again, it is back');
	my $start = time();
	$t->sql('ALTER DATABASE other RENAME TO renamed');
	cmp_ok(time() - $start, '<', 30, 'the database can be renamed');
	$o->{database} = 'renamed';
	ok(good($o), 'and keeps its port');
	$start = time();
	$t->sql('DROP DATABASE renamed');
	cmp_ok(time() - $start, '<', 30, 'and dropped');
	ok($o->wait_closed, 'which closes it');
};

# docs/scaling.md: with a synchronous standby a failover costs nothing, what was told too.
subtest 'stopped while a push waits for a standby' => sub {
	my $cut = Msgext->new('cut',
		init => [ allows_streaming => 1 ],
		sim => $sim,
		options => { status_poll => 'off', mapping => {%mapping} });
	my $its = Msgext::Listener->new($cut);
	my $body = report(17, 'sent');

	$cut->node->append_conf('postgresql.conf', "synchronous_standby_names = 'none'\n");
	$cut->node->restart;
	ok($its->wait, 'it listens');
	my $socket = $its->connect;

	$its->write($socket, "POST $path HTTP/1.1\r\nHost: localhost\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
	ok( $cut->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'msgext listener'", 1),
		'a push waits');
	$cut->node->stop('fast');
	is(($its->read_answer($socket) // [503])->[0], 503, 'its sender is not told that it has been taken');
};

subtest 'standby' => sub {
	my ($id, $provider_id) = accepted();
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	my $port = $l->port;

	$t->node->backup('base');
	$standby->init_from_backup($t->node, 'base', has_streaming => 1);
	$standby->start;
	$t->node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'msgext%'"), 0,
		'on a standby nothing runs');
	$t->node->stop;
	ok($l->wait_closed, 'the primary is gone');
	$standby->promote;
	$t->{node} = $standby;
	ok($l->wait, 'after promotion it listens');
	is($l->post($path, report($provider_id, 'DELIVERED'))->[0], 200, 'and takes callbacks');
	is($t->state($id), 'delivered', 'of what was sent before');
	$standby->stop;
};

done_testing();
