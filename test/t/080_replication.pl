# Logical replication to a node that dispatches: the application's database queues rows of a
# plain table of its own, and a trigger on the other side makes messages of them. Workers and
# the whole node are killed meanwhile.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use PostgreSQL::Test::Cluster;
use Test::More;

use constant { FIRST => 79990010000, BATCH => 50, BATCHES => 6 };

my $table = 'CREATE TABLE outgoing (number bigint PRIMARY KEY, phone text NOT NULL)';

# The application's side has nothing of msgext.
my $shop = PostgreSQL::Test::Cluster->new('shop');

$shop->init(allows_streaming => 'logical');
$shop->start;
$shop->safe_psql('postgres', "$table; CREATE PUBLICATION outgoing FOR TABLE outgoing WITH (publish = 'insert')");

my $t = Msgext->new('dispatch',
	conf => "restart_after_crash = on\nwal_retrieve_retry_interval = 100ms\n",
	options => { status_poll => 'off' });
my $block = Msgext::vk_block(phone => '{{new.phone}}');

# One is there before, and no provider would take it.
$shop->safe_psql('postgres', "INSERT INTO outgoing VALUES (1, 'nonsense')");
$t->sql(<<SQL);
$table;
SELECT msgext.create_template('outgoing', 'vk', jsonb_build_object('vk', '$block'::jsonb),
    operation_id => 'outgoing {{new.number}}', on_invalid => 'record');
CREATE TRIGGER queue AFTER INSERT ON outgoing FOR EACH ROW EXECUTE FUNCTION msgext.notify('outgoing');
ALTER TABLE outgoing ENABLE ALWAYS TRIGGER queue;
SQL
$t->sql('CREATE SUBSCRIPTION outgoing CONNECTION ' . Msgext::quote($shop->connstr('postgres')) . ' PUBLICATION outgoing');

# A crash amid the first copy of a table is PostgreSQL's to mend, and it may not.
ok($t->wait_sql("SELECT count(*) FROM pg_subscription_rel WHERE srsubstate = 'r'", 1), 'the subscription is up');
is($t->sql("SELECT state, code FROM msgext.message WHERE operation_id = 'outgoing 1'"),
	'rejected|phone_invalid', 'a row that is no message holds nothing up, also in the first copy');

sub insert
{
	my ($from, $end) = @_;

	$shop->safe_psql('postgres', "BEGIN; INSERT INTO outgoing SELECT i, i::text FROM generate_series($from, $from + "
		  . (BATCH - 1) . ") AS i; $end");
	return;
}

# How often the server has started, by itself too.
sub starts
{
	return scalar(() = $t->log =~ /ready to accept connections/g);
}

# And waits until the server has noticed, and has started again.
sub kill_9
{
	my ($query) = @_;
	my $pid = until_true(sub { $t->try_sql($query) });
	my $starts = starts();

	return if !$pid;
	kill 'KILL', $pid;
	ok(until_true(sub { starts() > $starts }), 'the server has started again');
	return;
}

my @kills = (
	sub { kill_9("SELECT pid FROM pg_stat_activity WHERE backend_type = 'msgext worker'") },
	sub { kill_9("SELECT pid FROM pg_stat_subscription WHERE pid IS NOT NULL") },
	sub {
		$t->node->stop('immediate');
		$t->node->start;
	});

$t->sim->latency(100);
for my $batch (0 .. BATCHES - 1)
{
	my $from = FIRST + $batch * BATCH;

	insert($from, 'COMMIT');
	insert($from + 5000, 'ROLLBACK');
	if (my $kill = $kills[ $batch % 4 ])
	{
		# With requests under way, which is what a kill may leave in doubt.
		until_true(sub { $t->sim->summary->{accepted} > $batch * BATCH });
		$kill->();
	}
}

my $n = BATCH * BATCHES;
my $ours = "operation_id <> 'outgoing 1'";

ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE $ours AND (finished_at IS NOT NULL OR"
		  . " state IN ('accepted', 'unknown'))", $n), 'every row became a message, which came to its end');

my $counts = $t->sim->counts;
my %states = map { split /\|/ } split /\n/,
  $t->sql("SELECT recipient, state FROM msgext.message WHERE $ours");
my @doubled = grep { $counts->{$_} > 1 } sort keys %$counts;
my @strange = grep { !exists $states{$_} } sort keys %$counts;
my @lost = grep { $states{$_} ne 'unknown' && !$counts->{$_} } sort keys %states;

is(scalar keys %states, $n, 'one message a row');
is("@doubled", '', 'none was sent twice');
is("@strange", '', 'none of a transaction that was rolled back');
is("@lost", '', 'what is called accepted was sent');
is($t->sql("SELECT count(DISTINCT operation_id) FROM msgext.message WHERE sender = current_user AND $ours"), $n,
	'they are those of the owner of the template');

done_testing();
