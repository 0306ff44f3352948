# The chaos driver: sessions queue messages, everything is killed, stopped, cut off and
# filled up at random, and in the end the three ledgers must agree: see README.md.
package Chaos;

use strict;
use warnings;

use Chaos::Havoc;
use Chaos::Ledger;
use Chaos::Peer;
use Chaos::Server;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

my $writers = 6;

# Without any change for so long a message is stuck: nothing here waits longer than 2 s.
my $patience = 15;

# What a cluster of the driver's is like, whatever the mode.
my $conf = <<'CONF';
shared_preload_libraries = 'msgext'
msgext.restart_delay = 20
restart_after_crash = on
max_prepared_transactions = 20
max_wal_size = 64MB
min_wal_size = 32MB
shared_buffers = 16MB
log_line_prefix = '%m [%p] %b: '
log_timezone = 'UTC'
log_statement = none
log_min_messages = warning
autovacuum_naptime = 5s
CONF

my %modes = (
	sync => '',
	async => "synchronous_commit = off\nwal_writer_delay = 10s\n",
	odd => '');

my $options = <<'OPTIONS';
timeout '1 s', connect_timeout '1 s', retry_min_delay '20 ms', retry_max_delay '200 ms',
max_attempts '100000'
OPTIONS

sub setup
{
	my ($server, $peer, $port) = @_;
	# A crash may not take it back: nobody would do it again.
	my $sql = "SET synchronous_commit = on;\nCREATE EXTENSION msgext;\n";
	my %own = (
		vk => "rate_limit 'off', recipient_limit 'off', status_poll 'off'",
		vkp => "rate_limit 'off', recipient_limit 'off', on_unknown 'resend', "
		  . "poll_min_interval '100 ms', poll_max_interval '500 ms'",
		edna => "poll_min_interval '100 ms', poll_max_interval '500 ms'");

	for my $name (sort keys %own)
	{
		my $wrapper = $name eq 'edna' ? 'edna' : 'devino';
		my $token = $name eq 'vk' ? ", callback_token 'chaos-and-no-order'" : '';

		$sql .= "CREATE SERVER $name FOREIGN DATA WRAPPER msgext_$wrapper OPTIONS (url '"
		  . $peer->url($name) . "', $options, $own{$name});\n"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (login 'tester', password '111111'$token);\n";
	}
	$sql .= <<SQL;
CREATE ROLE hooks;
GRANT EXECUTE ON FUNCTION msgext.receive_callback(name, bytea, jsonb) TO hooks;
GRANT USAGE ON FOREIGN SERVER vk TO hooks;
ALTER DATABASE postgres SET msgext.listen_role = 'hooks';
ALTER DATABASE postgres SET msgext.listen_port = $port;
SQL
	defined $server->sql($sql) or die 'could not set up';
	$peer->tell("callbacks $port /vk/chaos-and-no-order");
	return;
}

sub start
{
	my (@command) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		exec @command or POSIX::_exit(127);
	}
	return $pid;
}

# They end what they have begun; a complaint for each that cannot.
sub end_sessions
{
	my ($server, @pids) = @_;
	my $end = time() + 90;
	my @complaints;

	kill 'TERM', @pids;
	for my $pid (@pids)
	{
		my $gone;

		sleep(0.05) while !($gone = waitpid($pid, 1)) && time() < $end;
		next if $gone;
		push @complaints, 'stuck: a session does not end: '
		  . ($server->sql("SELECT string_agg(concat_ws(' ', pid, backend_type, state, wait_event, query), '; ') FROM pg_stat_activity") // 'and nobody answers');
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
	return @complaints;
}

# What there is to do yet, as text that changes when something was done; '' if nothing is.
sub left
{
	my ($server, $peer) = @_;
	my $left = $server->sql(<<'SQL') // 'no answer';
SELECT concat_ws(' ', string_agg(concat_ws(' ', server, state, n, attempts), ', '),
	'claims ' || nullif((SELECT count(*) FROM msgext.claim), 0))
FROM (SELECT server, state, count(*) AS n, sum(attempts) AS attempts FROM msgext.outbox
	WHERE state IN ('queued', 'accepted', 'sent') GROUP BY 1, 2 ORDER BY 1, 2) AS s
SQL
	my $pending = $peer->tell('pending');

	$left .= " callbacks $pending" if $pending;
	return $left;
}

sub settle
{
	my ($server, $peer) = @_;
	my $last = '';
	my $end = time() + $patience;
	my $left;

	while (time() < $end)
	{
		$left = left($server, $peer);
		return () if $left eq '';
		$end = time() + $patience if $left ne $last;
		$last = $left;
		sleep(0.1);
	}
	return ("stuck: $left", split /\n/, $server->sql(<<'SQL') // '');
SELECT 'stuck: ' || concat_ws(' ', 'message', o.id, o.server, o.priority, o.state, 'attempts', attempts, 'xid', xid,
	'waiting', waiting, next_attempt_at, 'reminders', (SELECT string_agg(r.kind || ' ' || r.at, ',') FROM msgext.reminder r WHERE r.id = o.id),
	'claim', (SELECT string_agg(c.id::text, ',') FROM msgext.claim c WHERE o.id = ANY (c.messages)),
	'lane', (SELECT concat_ws(' ', l.done, l.scan, l.xid, l.id, l.waiting, l.until) FROM msgext.lane l WHERE l.server_oid = o.server_oid AND l.priority = o.priority))
FROM msgext.outbox o WHERE state IN ('queued', 'accepted', 'sent') ORDER BY id LIMIT 8
SQL
}

# Its crashes as [begin, end], in milliseconds. One ends when the log says that the cluster
# recovers: until then sessions may go on for a moment. It begins with the first kill since
# the end of the one before; where none is known, with that end.
sub crashes
{
	my ($server, @kills) = @_;
	my $before = 0;
	my @crashes;

	for my $line (split /\n/, slurp_file($server->node->logfile))
	{
		next unless $line =~ /^(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)\.(\d+) UTC .*(?:PANIC: |LOG:  database system was interrupted)/;
		my $at = 1000 * timegm($6, $5, $4, $3, $2 - 1, $1) + $7;

		if ($line =~ /PANIC: /)
		{
			push @kills, $at - 1;
			next;
		}
		my ($first) = sort { $a <=> $b } grep { $_ > $before && $_ <= $at } @kills;

		push @crashes, [ $first // $before, $at ];
		$before = $at;
	}
	return \@crashes;
}

# Signals that nobody sent, assertions, panics without a full disk. A tally of what the
# processes of msgext complained about goes into the notes.
sub read_log
{
	my ($server) = @_;
	my ($panics, $aborts) = (0, 0);
	my (@complaints, %tally);

	open(my $log, '<', $server->node->logfile) or die "log: $!";
	while (my $line = <$log>)
	{
		if ($line =~ /PANIC:.*No space left/) { $panics++ }
		elsif ($line =~ /TRAP:|PANIC:/) { push @complaints, "log: $line" }
		if ($line =~ /was terminated by signal (\d+)/)
		{
			if ($1 == 6) { $aborts++ }
			elsif ($1 != 9) { push @complaints, "log: $line" }
		}
		next unless $line =~ /\] msgext \w+: +(ERROR|FATAL|PANIC|WARNING|LOG): +(.*)/;
		my $text = "$1: $2";

		$text =~ s/\d+/n/g;
		$tally{$text}++;
	}
	push @complaints, "log: $aborts aborts and $panics panics for want of space" if $aborts > $panics;
	return (\@complaints, \%tally);
}

# One cluster from initdb to the last check. Returns what was found: complaints, figures.
sub round
{
	my (%args) = @_;
	my $started = time();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $server = Chaos::Server->new(
		name => "chaos_$args{seed}_$args{mode}",
		conf => $conf . $modes{ $args{mode} },
		disk => $args{disk});
	my $folder = $server->node->basedir;
	my $peer = Chaos::Peer->new(ledger => "$folder/peer.ledger", seed => $args{seed});
	my @ledgers = map { "$folder/writer$_.ledger" } 1 .. $writers;
	my $havoc = Chaos::Havoc->new(server => $server, peer => $peer, diary => "$folder/diary",
		odd => $args{mode} eq 'odd', complaints => []);
	my %found = (mode => $args{mode}, seed => $args{seed}, server => $server, peer => $peer, folder => $folder);
	my @complaints;
	my @pids;

	srand($args{seed});
	$server->up or die 'the cluster does not start';
	setup($server, $peer, $port);
	Chaos::Havoc::other_faults($havoc);
	push @pids, start("$ENV{MSGEXT_BIN}/chaos-writer", $server->conninfo, $ledgers[ $_ - 1 ], $_, $args{seed} * 10 + $_)
	  for 1 .. $writers;
	push @pids, start("$ENV{MSGEXT_BIN}/chaos-writer", $server->conninfo, "$folder/observer.ledger", 'observe');
	while ($havoc->{kills} < $args{kills})
	{
		$havoc->step or last;
	}
	push @complaints, 'the cluster does not come up in peace' unless $havoc->end;
	$found{havoc_seconds} = time() - $started;
	push @complaints, end_sessions($server, @pids);
	settle($server, $peer);
	for my $paused (split /\n/, $server->sql('SELECT server, pause_reason FROM msgext.server_status WHERE paused') // '')
	{
		push @complaints, "stuck: server is paused: $paused";
	}
	$found{unknown} = $server->sql("SELECT count(*) FROM msgext.outbox WHERE state = 'unknown' AND msgext.retry_message(id)") // 0;
	push @complaints, settle($server, $peer);

	my $ledger = Chaos::Ledger->new(
		writers => [ @ledgers, "$folder/observer.ledger" ],
		peer => $peer->{ledger},
		crashes => $args{mode} eq 'async' ? crashes($server, @{ $havoc->{crashes} }) : []);

	push @complaints, @{ $havoc->{complaints} }, @{ $server->{complaints} },
	  $ledger->judge(map { $server->sql($_) // die "could not ask the database: $_\n" } Chaos::Ledger::query(), Chaos::Ledger::reference_query(),
		Chaos::Ledger::callback_query());

	my ($log_complaints, $tally) = read_log($server);

	push @complaints, @$log_complaints;
	$peer->stop;
	$server->settle_pid;
	%found = (%found, complaints => \@complaints, done => $havoc->{done}, kills => $havoc->{kills},
		figures => $ledger->figures, log => $tally, seconds => time() - $started);
	return \%found;
}

sub figures_text
{
	my (%figures) = @_;

	return join ', ', map { "$figures{$_} $_" } sort { $figures{$b} <=> $figures{$a} || $a cmp $b } keys %figures;
}

# kills => n, seed => n, modes => [...], disk => folder or undef, size => kills a round
sub run
{
	my (%args) = @_;
	my @modes = @{ $args{modes} };
	my (%done, %figures, %log);
	my ($kills, $seconds, $havoc_seconds, $rounds, $unknown) = (0, 0, 0, 0, 0);

	while ($kills < $args{kills})
	{
		my $left = $args{kills} - $kills;
		my $size = $left < $args{size} ? $left : $args{size};
		my $seed = $args{seed} + $rounds;
		my $mode = $modes[ $rounds % @modes ];
		my $found = round(seed => $seed, mode => $mode, kills => $size, disk => $args{disk});
		my $messages = 0;

		$rounds++;
		$kills += $found->{kills};
		$unknown += $found->{unknown};
		$seconds += $found->{seconds};
		$havoc_seconds += $found->{havoc_seconds};
		$messages += $_ for values %{ $found->{figures} };
		$done{$_} += $found->{done}->{$_} for keys %{ $found->{done} };
		$figures{$_} += $found->{figures}->{$_} for keys %{ $found->{figures} };
		$log{$_} += $found->{log}->{$_} for keys %{ $found->{log} };
		my $line = sprintf '%s, seed %d: %d kills in %.0f s, %d messages', $mode, $seed, $found->{kills}, $found->{seconds}, $messages;

		$args{tell}->($line) if $args{tell};
		if (!is(scalar @{ $found->{complaints} }, 0, $line))
		{
			my %times;

			$times{$_}++ for @{ $found->{complaints} };
			my @some = map { $times{$_} > 1 ? "$_ ($times{$_} times)" : $_ } sort keys %times;
			my $n = @some;

			diag(join "\n", splice @some, 0, 25);
			diag('... ' . ($n - 25) . ' more') if $n > 25;
			open(my $all, '>', "$found->{folder}/complaints");
			print $all map { "$_\n" } @{ $found->{complaints} };
			close $all;
			diag('again: make soak KILLS=' . $size . " SEED=$seed CLUSTERS=1 MODES=$mode");
			diag('kept: ' . $found->{server}->keep . ' and the ledgers beside it');
			last unless $args{go_on};
			next;
		}
		$found->{server}->remove;
	}
	note("$kills kills and ends in $rounds rounds: " . figures_text(%done));
	note('messages by their end: ' . figures_text(%figures) . "; $unknown had to be retried in the end");
	note(sprintf '%.0f s, %.2f kills a second', $seconds, $kills / $havoc_seconds);
	note("log: $log{$_} times $_") for sort { $log{$b} <=> $log{$a} } keys %log;
	return;
}

1;
