# An error costs its turn: whose row it was waits, all others go on, and nothing is lost.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Test::More;

my $t = Msgext->new('error', options => { status_poll => 'off' });
my $sim = $t->sim;
my $phone = 79990000000;

# An administrator's index that raises an error for what is set aside with this priority.
sub break_outbox
{
	my ($priority, $sqlstate) = @_;

	$t->sql('CREATE FUNCTION public.broken(priority smallint, waiting text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS '
		  . "\$\$BEGIN IF priority = $priority AND waiting IS NOT NULL THEN RAISE 'broken' USING ERRCODE = '$sqlstate'; END IF; RETURN 0; END\$\$;"
		  . ' CREATE INDEX broken ON msgext.outbox (public.broken(priority, waiting))');
	return;
}

sub mend_outbox { $t->sql('DROP FUNCTION public.broken CASCADE'); return }

sub bad_sql { return Msgext::send_sql(phone => ++$phone, priority => $_[0], send_after => "now() + '1 h'") }

# How often the log tells of it.
sub errors { my @errors = $t->log =~ /ERROR:  broken\n/g; return scalar @errors }

subtest 'of a row, while a result cannot be recorded' => sub {
	my ($held, $bad, $holder);

	$sim->script('devino send match ' . ++$phone . ' delay 60000');
	$held = $t->send(phone => $phone);
	ok($t->wait_sql('SELECT count(*) FROM msgext.claim', 1), 'one is under way');
	$holder = $t->node->background_psql('postgres');
	$holder->query_safe("BEGIN; SELECT id FROM msgext.outbox WHERE id = $held FOR UPDATE");
	$sim->release;
	ok(until_true(sub { return $sim->count($phone) == 1 }), 'it has arrived, while its row is held');
	break_outbox(2, 'P0001');
	$bad = $t->sql('SELECT ' . bad_sql(2));
	ok(until_true(\&errors), 'another raises an error');
	$t->wait_state($t->send(phone => ++$phone), 'accepted', 'the next one is sent all the same');
	isnt($t->state($held), 'accepted', 'what is held is still held');
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	$t->wait_state($held, 'accepted', 'let go, its answer is recorded');
	is($t->state($bad), 'queued', 'the bad one waits');
	like($t->log, qr/ERROR:  broken\n.*?CONTEXT:.*?message $bad of server "vk"/s, 'the log names it');
	mend_outbox();
	ok($t->wait_sql("SELECT waiting FROM msgext.message WHERE id = $bad", 'send_after'), 'mended, it is looked at again');
};

subtest 'no memory, for one row alone' => sub {
	break_outbox(4, '53200');
	$t->sql('SELECT ' . bad_sql(4));
	$t->wait_state($t->send(phone => ++$phone), 'accepted', 'the next one is sent in the end');
	mend_outbox();
};

subtest 'the worker ends right after it' => sub {
	my $before = errors();
	my $good;

	# Of the first lane one is claimed, at the second there is an error: nobody's fault.
	break_outbox(5, '57014');
	$good = $t->sql('BEGIN; SELECT ' . Msgext::send_sql(phone => ++$phone, priority => 1) . '; DO $$BEGIN PERFORM ' . bad_sql(5) . '; END$$; COMMIT');
	ok(until_true(sub { return errors() > $before + 3 }), 'turn after turn fails');
	$t->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'msgext worker'");
	mend_outbox();
	$t->wait_state($good, 'accepted', 'mended, what would have left is sent');
	is($t->sql('SELECT sum(stranded) FROM msgext.server_status'), 0, 'nobody had to look for it');
};

subtest 'as the servers are read' => sub {
	my $worker = $t->worker_pid;

	$t->sql('ALTER TABLE msgext.health RENAME last_error TO last_fault');
	$t->sql("SELECT pg_terminate_backend($worker)");
	ok(until_true(sub { return $t->log =~ /ERROR:[^\n]*health/ }), 'one cannot be read');
	$t->sql('ALTER TABLE msgext.health RENAME last_fault TO last_error');
	$t->wait_state($t->send(phone => ++$phone), 'accepted', 'when it can be, its messages are sent');
};

is($t->sql("SELECT count(*) FROM msgext.message WHERE state NOT IN ('accepted', 'queued')"), 0, 'nothing has failed');
is(scalar(grep { $_ > 1 } values %{ $sim->counts }), 0, 'nothing was sent twice');
unlike($t->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
$t->node->stop;
done_testing();
