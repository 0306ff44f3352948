# Messages under fire: queued by several sessions while worker and postmaster are killed
# at random, then every one of them accounted for against the provider's ledger.
package Msgext::Soak;

use strict;
use warnings;

use Msgext qw(until_true);
use PostgreSQL::Test::Utils qw(slurp_file);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use constant FIRST_PHONE => 78000000000;
use constant BATCH => 50;

# One session: queues its part batch by batch, each until it has worked. The operation
# id keeps a batch whose COMMIT got no answer from being queued twice.
sub queue_part
{
	my ($t, $from, $to, $seconds) = @_;
	my $pause = $seconds * BATCH / ($to - $from + 1);

	for (my $i = $from; $i <= $to; $i += BATCH)
	{
		my $last = $i + BATCH - 1 > $to ? $to : $i + BATCH - 1;
		my $sql =
		    'SELECT count('
		  . Msgext::send_sql(
			phone => FIRST_PHONE,
			phone_sql => '(' . FIRST_PHONE . ' + i)::text',
			operation_id => "'soak ' || i",
			priority => '1 + i % 5')
		  . ") FROM generate_series($i, $last) AS i";

		until_true(sub { defined $t->try_sql($sql) }, 120)
		  or die "could not queue messages from $i on";
		sleep(rand(2 * $pause));
	}
	return;
}

sub start_sessions
{
	my ($t, $messages, $sessions, $seconds) = @_;
	my $part = int(($messages + $sessions - 1) / $sessions);
	my @pids;

	for (my $from = 1; $from <= $messages; $from += $part)
	{
		my $to = $from + $part - 1 > $messages ? $messages : $from + $part - 1;
		my $pid = fork() // die "could not fork: $!";

		if ($pid == 0)
		{
			# Not through exit(): the cluster and the simulator belong to the parent.
			srand($from);
			my $done = eval { queue_part($t, $from, $to, $seconds); 1 };
			POSIX::_exit($done ? 0 : 1);
		}
		push @pids, $pid;
	}
	return @pids;
}

sub wait_until_up
{
	my ($t) = @_;

	return until_true(
		sub {
			return $t->try_sql(
				"SELECT pid FROM pg_stat_activity WHERE backend_type = 'msgext worker'");
		},
		60);
}

sub kill_something
{
	my ($t, $which) = @_;

	if ($which % 4 == 3)
	{
		my ($pid) = slurp_file($t->node->data_dir . '/postmaster.pid') =~ /^(\d+)/;

		$t->node->kill9;

		# Its children go when they notice; until then the shared memory is in use.
		until_true(sub { !kill(0, $pid) }, 60);
		until_true(sub { $t->node->start(fail_ok => 1) }, 60) or die 'the cluster did not start again';
	}
	else
	{
		# All processes are new ones then: an old session may still answer after the kill.
		my $checkpointer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
		my $pid = wait_until_up($t) or die 'there is no worker';
		my $before = $t->sql($checkpointer);

		kill 'KILL', $pid;
		until_true(sub { ($t->try_sql($checkpointer) || $before) != $before }, 60) or die 'the cluster did not recover';
	}
	return;
}

# What is in the database against what is in the ledger; a list of complaints.
sub account
{
	my ($t, $messages) = @_;
	my $counts = $t->sim->counts;
	my (%seen, @complaints);

	# The times a message was unknown, or its answer lost under a dead dispatcher.
	for my $line (split /\n/,
		$t->sql("SELECT o.id, substr(operation_id, 6), o.state,"
			  . " (SELECT count(*) FROM msgext.event e WHERE e.message_id = o.id AND e.state = 'unknown')"
			  . ' FROM msgext.outbox o'))
	{
		my ($id, $i, $state, $unknown) = split /\|/, $line;
		my $arrived = $counts->{ FIRST_PHONE + $i } // 0;

		$seen{$i}++;
		push @complaints, "message $id is $state" unless $state =~ /^(?:accepted|unknown)$/;
		push @complaints, "message $id is accepted, and nobody has it"
		  if $state eq 'accepted' && $arrived == 0;
		push @complaints, "message $id is $state, arrived $arrived times and was unknown $unknown times"
		  if $arrived > $unknown + ($state eq 'accepted' ? 1 : 0);
	}
	for my $i (1 .. $messages)
	{
		push @complaints, "message number $i is in the database " . ($seen{$i} // 0) . ' times'
		  if ($seen{$i} // 0) != 1;
	}
	return @complaints;
}

sub settled
{
	my ($t) = @_;

	return until_true(
		sub {
			my $left = $t->try_sql(
				"SELECT queued + in_flight FROM msgext.server_status WHERE server = 'vk'");
			return defined $left && $left eq '0';
		},
		120);
}

# messages, kills, seconds over which they are spread
sub run
{
	my ($t, %args) = @_;
	my $messages = $args{messages};
	my $seed = $args{seed} // time() % 1000000;
	my $under_way = "SELECT in_flight FROM msgext.server_status WHERE server = 'vk'";
	my @sessions;
	my @complaints;
	my $failed = 0;

	note("soak with seed $seed");
	srand($seed);
	$t->sim->script(
		'devino send every 97 status 503 retry-after 1',
		'devino send every 101 drop-after',
		'devino send every 103 drop-before');

	# So many are on the wire at any moment that a kill hits some.
	$t->sim->latency(100);
	@sessions = start_sessions($t, $messages, 3, $args{seconds});
	for my $n (1 .. $args{kills})
	{
		sleep(rand(2 * $args{seconds} / ($args{kills} + 1)));

		# Every other one when something is under way, and stays so; the others at any moment.
		if ($n % 2 == 1)
		{
			$t->sim->latency(60000);
			until_true(sub { ($t->try_sql($under_way) // 0) > 0 }, 10);
		}
		kill_something($t, $n);
		$t->sim->latency(100);
		$t->sim->release;
	}
	for my $pid (@sessions)
	{
		waitpid $pid, 0;
		$failed++ if $? != 0;
	}
	is($failed, 0, 'all sessions have queued their messages');
	$t->sim->clear;
	ok(settled($t), 'everything has been dealt with') or return;
	@complaints = account($t, $messages);
	is(scalar @complaints, 0, "$args{kills} kills: every one of $messages messages is accounted for")
	  or diag(join "\n", splice @complaints, 0, 20);

	my $unknown = $t->server('unknown');

	cmp_ok($t->sql("SELECT count(*) FROM msgext.event WHERE kind = 'interrupted'"),
		'>', 0, 'the kills have hit some on the wire');
	cmp_ok($unknown, '>', 0, "$unknown are unknown");
	cmp_ok($unknown, '<', $messages / 2, 'and the others are not');
	is($t->sql('SELECT count(*) FROM msgext.outbox WHERE state = \'unknown\' AND msgext.retry_message(id)'),
		$unknown, 'retry_message takes them');
	ok(settled($t), 'they are sent again') or return;
	@complaints = account($t, $messages);
	is(scalar @complaints, 0, 'none is missing, none was doubled but those')
	  or diag(join "\n", splice @complaints, 0, 20);
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE state = 'accepted'"), $messages, 'all are accepted');
	is($t->sql('SELECT count(*) FROM msgext.claim'), 0, 'no claim is left over');
	is(scalar keys %{ $t->sim->counts }, $messages, 'all recipients have it');
	return;
}

1;
