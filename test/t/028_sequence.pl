# Ids of messages and events: none twice, whatever happens; src/pg/store/sequence.c.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = Msgext->new('sequence', conf => "msgext.mode = 'hold'\nautovacuum = off\n");

my $send = 'SELECT max(' . Msgext::send_sql(phone => 79990001000) . ') FROM generate_series(1, %d)';

# The last id that was given, after n messages by as many statements, or by one.
sub one_by_one
{
	my ($n) = @_;

	return $t->sql(join('; ', (sprintf($send, 1)) x $n)) =~ s/.*\n//sr;
}

sub by_one
{
	my ($n) = @_;

	return $t->sql(sprintf($send, $n));
}

sub crash
{
	$t->node->stop('immediate');
	$t->node->start;
	return;
}

# Numbers are logged ahead, and a checkpoint leaves that behind.
for my $how ([ 'many by one statement', \&by_one, 40 ], [ 'a few, one by one', \&one_by_one, 3 ])
{
	my ($name, $queue, $n) = @$how;

	subtest "$name, and a crash" => sub {
		my $last = $queue->($n);

		crash();
		cmp_ok(one_by_one(1), '>', $last, 'the next one is higher');
		by_one(3);
		$t->sql('CHECKPOINT');
		$last = $queue->($n);
		crash();
		cmp_ok(by_one(3), '>', $last, 'also where a checkpoint has been before');
	};
}

subtest 'many sessions' => sub {
	my $script = PostgreSQL::Test::Utils::tempdir() . '/send.sql';
	my $before = $t->sql('SELECT count(*) FROM msgext.outbox');

	append_to_file($script, join('', map { sprintf($send, $_) . ";\n" } 200, 1, 30));
	$t->node->command_ok([ 'pgbench', '-n', '-c', 8, '-t', 12, '-f', $script, 'postgres' ], 'eight at once');
	is($t->sql('SELECT count(DISTINCT id) FROM msgext.outbox'), $before + 8 * 12 * 231, 'each message has an id of its own');
};

# Altered, it is PostgreSQL's own function that counts.
subtest 'an altered sequence' => sub {
	my $last = by_one(3);

	$t->sql('ALTER SEQUENCE msgext.outbox_id_seq INCREMENT 10');
	is(one_by_one(2), $last + 20, 'an increment is kept');
	is(by_one(3), $last + 50, 'by one statement, too');
	$t->sql('ALTER SEQUENCE msgext.outbox_id_seq INCREMENT 1 MAXVALUE ' . ($last + 52));
	is(by_one(2), $last + 52, 'so is a limit');
	like($t->error(sprintf($send, 1)), qr/reached maximum value of sequence/, 'which is told');
	$t->sql('ALTER SEQUENCE msgext.outbox_id_seq NO MAXVALUE');
	$t->sql("SELECT setval('msgext.outbox_id_seq', 9223372036854775806)");
	is(one_by_one(1), '9223372036854775807', 'the last one that there is');
	like($t->error(sprintf($send, 1)), qr/reached maximum value of sequence/, 'and none behind it');
};

done_testing();
