# What the environment lacks is no message's fault: disk, memory, a table of side work. What
# is in memory stays there, and goes on when there is enough again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Personium;
use Msgext::Session;
use Msgext::Soak;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# test/fault/fault.c in every process of the cluster; it does nothing without this file.
my $fault = PostgreSQL::Test::Utils::tempdir() . '/fault';

sub with_faults
{
	my ($start) = @_;

	local $ENV{LD_PRELOAD} = "$ENV{MSGEXT_BIN}/fault.so";
	local $ENV{MSGEXT_FAULT} = $fault;
	return $start->();
}

my $t = with_faults(sub {
	return Msgext::Personium->new('scarce', conf => "restart_after_crash = on\n", options => { status_poll => 'off' });
});
$t->add_server('vk', status_poll => 'off', timeout => '60 s');
my $sim = $t->sim;
my $pid = $t->worker_pid;

sub lack
{
	my ($what) = @_;

	open(my $file, '>', "$fault.new") or die "$fault: $!";
	print $file $what;
	close $file;
	rename "$fault.new", $fault or die "$fault: $!";
	return;
}

sub suffice { return unlink $fault }

# How often the pattern is in the log.
sub logged
{
	my ($pattern) = @_;
	my $n = () = $t->log =~ /$pattern/g;

	return $n;
}

# The worker has met it so many times more.
sub is_met
{
	my ($pattern, $times, $before, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(until_true(sub { logged($pattern) >= $before + $times }), $name);
}

sub all_are
{
	my ($state, $name, @ids) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = '$state' AND id IN ("
				  . join(',', @ids) . ')', scalar @ids), $name);
}

my $full = qr/ERROR: .*could not extend file .*No space left on device/;

# More errors than any message is allowed before it counts as the cause.
subtest 'a full disk, and answers to be recorded' => sub {
	my $before = logged($full);
	my ($recovered, @ids);

	$sim->script('devino send match 7999000 delay 60000');
	@ids = $t->send_many(64, 79990000100);
	ok(until_true(sub { my $counts = $sim->counts; return 64 == grep { /^7999000/ } keys %$counts }),
		'requests are under way');
	lack("disk $pid");
	$sim->release;
	is_met($full, 12, $before, 'their answers cannot be recorded, again and again');
	cmp_ok($t->sql("SELECT count(*) FROM msgext.message WHERE state = 'sending' AND id IN (" . join(',', @ids) . ')'),
		'>', 0, 'some are in memory alone');
	$sim->clear;
	suffice();
	$recovered = time();
	all_are('accepted', 'with room again they are', @ids);
	cmp_ok(time() - $recovered, '<', 50, 'none was set aside for a minute as the cause');
	my $counts = $sim->counts;
	is(scalar(grep { $counts->{ 79990000100 + $_ } == 1 } 0 .. 63), 64, 'each was sent once');
	is($t->worker_pid, $pid, 'the worker is the one it was');
};

# The table of reminders is cut down to nothing, so that the first one needs room.
subtest 'a full disk, and messages to be set aside' => sub {
	my $before = logged($full);
	my $waits = sub { return $t->sql("SELECT count(*) FROM msgext.outbox WHERE waiting = 'send_after' AND id <= $_[0]") };
	my (@ids, $later);

	$t->sql('DELETE FROM msgext.reminder');
	$t->node->safe_psql('postgres', 'VACUUM (FULL) msgext.reminder');
	is($t->sql("SELECT pg_relation_size('msgext.reminder')"), 0, 'no reminder has room');
	lack("disk $pid");
	@ids = $t->send_many(3, 79990000200, send_after => "now() + '1 day'");
	is_met($full, 12, $before, 'nothing can be set aside');
	suffice();
	$later = $t->send(phone => 79990000210, send_after => "now() + '1 day'");
	ok($t->wait_sql("SELECT waiting FROM msgext.outbox WHERE id = $later", 'send_after'), 'with room again they are');
	is($waits->($ids[-1]), 3, 'the one at hand as soon as those behind it');
	is($t->worker_pid, $pid, 'by the same worker');
	$t->sql("SELECT msgext.cancel_message($_)") for @ids, $later;
};

# Whichever of its large allocations fails, from the claim to the HTTP client's own, it is
# sent: a message that was claimed and not launched would be under way for ever.
subtest 'no memory, from claim to request' => sub {
	my $failed = qr/out of memory/;
	my $n = 0;
	my $hit = 1;

	while ($hit && $n < 20)
	{
		my $before = logged($failed);
		my $row;

		$n++;
		lack("memory $pid $n");
		$row = $t->wait_state($t->post(title => "msg$n", body => 'x' x 60_000), 'delivered', "without the allocation number $n it is sent");
		$hit = logged($failed) > $before || $row->{attempts} > 1;
		suffice();
		is(scalar $t->lines("msg$n"), 1, 'once');
	}
	ok(!$hit, 'all of them have been tried, ' . ($n - 1));
	cmp_ok(logged(qr/a request to server "mail" could not be handled: out of memory/), '>', 0, 'one was between claim and launch');
	ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 0), 'no claim is left');
	is($t->worker_pid, $pid, 'by the same worker');
};

# Retention begins with a worker, and looks through side tables then.
subtest 'side work that fails' => sub {
	my $missing = qr/ERROR: .*relation "msgext.recipient_use" does not exist/;
	my $before = logged($missing);
	my @ids;

	$t->sql('ALTER TABLE msgext.recipient_use RENAME TO away');
	$t->sql("SELECT pg_terminate_backend($pid)");
	ok(until_true(sub { my $new = $t->worker_pid; return $new =~ /^\d+$/ && $new ne $pid }), 'another worker has come');
	$pid = $t->worker_pid;
	$sim->script('devino send match 79990004 delay 60000');
	@ids = $t->send_many(20, 79990000400);
	is_met($missing, 1, $before, 'its side work fails');
	$sim->clear;
	$sim->release;
	all_are('accepted', 'no answer is lost by that', @ids);
	is($t->worker_pid, $pid, 'nor the worker');
	is(logged($missing), $before + 1, 'which does not complain without end');
	$t->sql('ALTER TABLE msgext.away RENAME TO recipient_use');
};

# An administrator's index, whose expression fails for one row as soon as that is settled.
subtest 'one that cannot be settled' => sub {
	my @phones = 79990000501 .. 79990000503;
	my (@ids, $poor);

	$sim->script('devino send match 7999000050 delay 60000');
	@ids = map { $t->send(phone => $_) } @phones;
	ok(until_true(sub { 3 == grep { $sim->count($_) } @phones }), 'requests are under way');
	$poor = $ids[1];
	$t->sql("CREATE INDEX mine ON msgext.outbox ((1 / (CASE WHEN id = $poor AND state = 'unknown' THEN 0 ELSE 1 END)))");
	Msgext::Soak::kill_something($t, 0);
	ok(Msgext::Soak::wait_until_up($t), 'another worker has come');
	$pid = $t->worker_pid;
	$sim->clear;
	all_are('unknown', 'those that can be are settled', @ids[ 0, 2 ]);
	is_met(qr/ERROR: .*division by zero/, 1, 0, 'one cannot');
	$t->wait_state($t->send(phone => 79990000511), 'accepted', 'which keeps no other waiting');
	is($t->state($poor), 'sending', 'it is still under way');
	is($t->worker_pid, $pid, 'the worker stays');
	$t->sql('DROP INDEX msgext.mine');
	$t->sql("SELECT pg_terminate_backend($pid)");
	$t->wait_state($poor, 'unknown', 'the next one settles it');
	ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 0), 'no claim is left');
	$t->sql("SELECT msgext.retry_message($_)") for @ids;
	all_are('accepted', 'they can be sent again', @ids);
};

# Whatever fails as a call makes what it needs, its session keeps none of it.
subtest 'no descriptors, for CALL dispatch()' => sub {
	my $session = Msgext::Session->new($t->node);
	my $call = 'CALL msgext.dispatch()';
	my $n = 0;
	my ($backend, $kept, $answer, $error);

	$t->node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	with_faults(sub { $t->node->restart });
	$session->must($call);
	$backend = $session->must('SELECT pg_backend_pid()');
	my $has = sub {
		my $contexts = $session->must("SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'msgext dispatcher%'");

		return join(', ', (map { my @all = glob "/proc/$backend/$_/*"; scalar(@all) . " $_" } 'task', 'fd'), "$contexts contexts");
	};
	$kept = $has->();
	for (;;)
	{
		$n++;
		lack("wait $backend $n");
		$answer = $session->ask($call);
		$error = $session->error;
		suffice();
		last if defined $answer || $n == 20;
		is($has->(), $kept, "without the descriptor number $n nothing is kept: $error");
	}
	ok(defined $answer, 'all of them have been tried, ' . ($n - 1));
	cmp_ok($n, '>', 3, 'which are several: how many, each major of PostgreSQL has its own');
};

is($t->sql("SELECT count(*) FROM msgext.message WHERE state NOT IN ('accepted', 'delivered', 'cancelled')"), 0, 'nothing is left over');
unlike($t->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
$t->node->stop;

done_testing();
