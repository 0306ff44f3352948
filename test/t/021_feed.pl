# The feed: two consumers, killed at random together with the whole server, get each of
# 10,000 events once, and those of one message in order, while writers commit, roll back
# and leave transactions open.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use POSIX ();
use Test::More;

# Nobody sends: the events are what people do.
my $t = Msgext->new('feed', preload => 0);
my $node = $t->node;
my @consumers = qw(billing audit);
my ($writers, $messages) = (5, 1000);
my $events = $writers * $messages * 2;

$t->sql("SELECT msgext.create_consumer('$_'); CREATE TABLE $_ (n serial, position bigint, "
	  . 'message_id bigint, kind text)') for @consumers;
$t->send_many($writers * $messages, 79990000000);
$t->sql("UPDATE msgext.outbox SET state = 'failed'; "
	  . 'CREATE TABLE todo AS SELECT id, row_number() OVER (ORDER BY id) % '
	  . "$writers AS writer FROM msgext.outbox; CREATE INDEX ON todo (writer, id)");

# Retries and cancels its messages, some of them in a transaction that stays open for a
# while, some in one that is rolled back first; goes on where it was.
$t->sql(<<'SQL');
CREATE PROCEDURE work(who int) LANGUAGE plpgsql AS $$
DECLARE
    batch bigint[];
BEGIN
    LOOP
        SELECT array_agg(id) INTO batch FROM (
            SELECT id FROM todo WHERE writer = who ORDER BY id LIMIT 1 + (random() * 20)::int) _;
        EXIT WHEN batch IS NULL;
        IF random() < 0.2 THEN
            PERFORM msgext.retry_message(id), msgext.cancel_message(id) FROM unnest(batch) id;
            ROLLBACK;
        END IF;
        PERFORM msgext.retry_message(id) FROM unnest(batch) id;
        IF random() < 0.1 THEN
            PERFORM pg_sleep(random() * 0.3);
        END IF;
        IF random() < 0.7 THEN
            COMMIT;
        END IF;
        PERFORM msgext.cancel_message(id) FROM unnest(batch) id;
        DELETE FROM todo WHERE id = ANY (batch);
        COMMIT;
    END LOOP;
END $$;
CREATE PROCEDURE consume(consumer text, max int) LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
BEGIN
    FOR i IN 1 .. 1000 LOOP
        EXECUTE format('WITH e AS (SELECT * FROM msgext.events_after(%1$L, %2$s)),
            i AS (INSERT INTO %1$I (position, message_id, kind)
                SELECT position, message_id, kind FROM e ORDER BY position RETURNING position)
            SELECT max(position) FROM i', consumer, 1 + (random() * max)::int) INTO last;
        IF last IS NOT NULL AND NOT msgext.events_done(consumer, last) THEN
            RAISE 'position % was not taken', last;
        END IF;
        IF random() < 0.1 THEN
            PERFORM pg_sleep(random() * 0.05);
        END IF;
        IF random() < 0.1 THEN
            ROLLBACK;
        ELSE
            COMMIT;
        END IF;
        EXIT WHEN last IS NULL;
    END LOOP;
END $$;
SQL

# A process that calls the procedure until it has succeeded and the parent says enough.
sub in_background
{
	my ($call, $done) = @_;
	my $pid = fork() // die "could not fork: $!";

	return $pid if $pid;
	my $end = time + 300;
	while (time < $end)
	{
		# The server may be away; what it says then is of no interest.
		open(local *STDERR, '>', '/dev/null');
		my $status = eval { $node->psql('postgres', $call) } // 1;
		POSIX::_exit(0) if $status == 0 && eval { $node->safe_psql('postgres', $done) eq 't' };
		select undef, undef, undef, 0.05;
	}
	POSIX::_exit(1);
}

my $seed = $ENV{MSGEXT_SEED} // time;
srand $seed;
note "seed $seed";
my $all_done = 'SELECT NOT EXISTS (SELECT FROM todo)';
my @pids = ((map { in_background("CALL work($_)", "$all_done AND true") } 0 .. $writers - 1));

# Two sessions each: they take turns.
for my $consumer (@consumers, @consumers)
{
	push @pids, in_background("CALL consume('$consumer', 60)",
		"$all_done AND unread = 0 FROM msgext.consumer WHERE consumer = '$consumer'");
}

# Sessions are killed now and then, and so is the whole server, each once for certain.
my ($sessions, $servers, $round) = (0, 0, 0);
my %running = map { $_ => 1 } @pids;
my @failed;
while (%running)
{
	while ((my $pid = waitpid -1, POSIX::WNOHANG) > 0)
	{
		push @failed, $pid if delete $running{$pid} && $? != 0;
	}
	# Ever more seldom, so that they come to an end on a busy machine as well.
	select undef, undef, undef, (0.1 + rand 0.3) * (1 + $round / 20);
	next unless %running;
	if (++$round == 3 || ($servers < 2 && rand() < 0.08))
	{
		$node->stop('immediate');
		$node->start;
		$servers++;
		next;
	}
	my $share = $sessions > 0 ? 0.3 : 1;
	my $killed = eval {
		$node->safe_psql('postgres', 'SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM '
			  . "pg_stat_activity WHERE query LIKE 'CALL consume%' AND random() < $share) _");
	};
	$sessions += $killed // 0;
}
is(scalar @failed, 0, 'writers and consumers have come to their end');
note "$sessions sessions were killed, the server $servers times";
cmp_ok($sessions, '>', 0, 'some were killed on the way');

is($t->sql('SELECT count(*) FROM msgext.event'), $events, "$events events were committed");
for my $consumer (@consumers)
{
	is($t->sql("SELECT count(*), count(DISTINCT position) FROM $consumer"), "$events|$events",
		"$consumer got each once");
	is($t->sql("SELECT count(*) FROM $consumer c JOIN msgext.event e ON e.id = c.position "
			  . 'AND e.message_id = c.message_id AND e.kind = c.kind'),
		$events, '… and as it was');
	is($t->sql("SELECT count(*) FROM $consumer a JOIN $consumer b USING (message_id) "
			  . 'WHERE a.position < b.position AND a.n > b.n'),
		0, '… those of one message in order');
	is($t->sql("SELECT unread FROM msgext.consumer WHERE consumer = '$consumer'"), 0,
		'… and there is nothing more');
}
unlike($t->log, qr/TRAP|PANIC: /, 'nothing crashed by itself');

done_testing();
