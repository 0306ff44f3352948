# A statement that queues many messages makes the outbox and its indexes longer by many pages
# at once: src/pg/store/new_pages.c. No page is lost, nor taken twice, whatever happens.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use PostgreSQL::Test::Utils;
use Test::More;

# test/fault/fault.c in every process of the cluster; it does nothing without this file.
my $fault = PostgreSQL::Test::Utils::tempdir() . '/fault';
my $t;
{
	local $ENV{LD_PRELOAD} = "$ENV{MSGEXT_BIN}/fault.so";
	local $ENV{MSGEXT_FAULT} = $fault;

	$t = Msgext->new('growth', conf => "msgext.mode = 'hold'\nautovacuum = off\n");
}

# It is among those that come with PostgreSQL, sometimes in a package of its own.
my $amcheck = $t->sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'");
$t->sql('CREATE EXTENSION amcheck') if $amcheck;

# Queues n messages, to recipients in no order.
sub many
{
	my ($n) = @_;

	return 'SELECT count(' . Msgext::send_sql(phone => 70000000, phone_sql => "(79000000000 + hashint4(i) % 900000000)::text")
	  . ") FROM generate_series(1, $n) i";
}

sub pages { return $t->sql("SELECT pg_relation_size('msgext.outbox') / current_setting('block_size')::int") }
sub used { return $t->sql('SELECT count(DISTINCT (ctid::text::point)[0]) FROM msgext.outbox') }

# Each row is readable and has its entries, in order, and no entry is without a row.
sub is_whole
{
	my ($name) = @_;

  SKIP: {
		skip 'no amcheck here', 2 if !$amcheck;
		local $Test::Builder::Level = $Test::Builder::Level + 1;
		is($t->sql("SELECT count(*) FROM verify_heapam('msgext.outbox')"), 0, "$name: the table is whole");
		is($t->error(<<SQL), '', "$name: so are its B-trees");
SELECT bt_index_parent_check(i.indexrelid, true, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'msgext.outbox'::regclass AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree');
SQL
	}
	return;
}

subtest 'pages ahead of rows' => sub {
	my ($pages, $used);

	$t->sql(many(3000));
	($pages, $used) = (pages(), used());
	cmp_ok($pages - $used, '<=', 64, 'of a statement\'s new pages 64 at most are left');
	for (1 .. 64 * 8)
	{
		last if used() >= $pages;
		$t->sql(many(4));
	}
	is(used(), $pages, 'none of them is left');
	is(pages(), $pages, 'the next ones take them');
	$t->sql(many(40)) while pages() == $pages;
	cmp_ok(pages() - $pages, '>=', 8, 'when there is none left there are many new ones');
	is_whole('grown');
};

# Those that a transaction leaves behind serve others.
subtest 'rolled back' => sub {
	my $pages;

	$t->sql('BEGIN; ' . many(2000) . '; ROLLBACK');
	$pages = pages();
	$t->node->safe_psql('postgres', 'VACUUM (TRUNCATE off) msgext.outbox');
	$t->sql(many(1000));
	is(pages(), $pages, 'its pages are used');
	is_whole('rolled back');
};

subtest 'a full disk' => sub {
	my $before = $t->sql('SELECT count(*) FROM msgext.outbox');
	my $session = $t->node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');

	open(my $file, '>', $fault) or die "$fault: $!";
	print $file "disk $pid";
	close $file;
	$session->query(many(20000));
	like($session->{stderr}, qr/could not extend file .*No space left on device/, 'the statement fails');
	unlink $fault;
	is($t->sql('SELECT count(*) FROM msgext.outbox'), $before, 'none of its messages is there');
	is($session->query(many(2000)), 2000, 'with room again it goes on');
	$session->quit;
	is($t->sql('SELECT count(*) FROM msgext.outbox'), $before + 2000, 'and all of them are there');
	is_whole('full');
};

# Sessions that grow the table at once, some in vain, beside VACUUM, and a crash under them.
subtest 'many at once' => sub {
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my %script = (
		commit => many(300) . ';',
		rollback => "BEGIN;\n" . many(300) . ";\nROLLBACK;",

		# To cut the table it would wait for the others, five seconds each time.
		vacuum => 'VACUUM (TRUNCATE off) msgext.outbox;');
	my (@files, $run, $queued);

	for my $name (sort keys %script)
	{
		PostgreSQL::Test::Utils::append_to_file("$dir/$name", "$script{$name}\n");
		push @files, '-f', "$dir/$name";
	}
	$t->sql('TRUNCATE msgext.outbox');
	$t->node->command_ok([ 'pgbench', '-n', '-c', 8, '-t', 12, @files, 'postgres' ], 'eight sessions');
	$queued = $t->sql('SELECT count(*) FROM msgext.outbox');
	is($queued % 300, 0, 'each statement has queued all or nothing');
	is_whole('at once');
	$t->node->safe_psql('postgres', 'VACUUM msgext.outbox');
	is_whole('at once, and cut');

	$run = IPC::Run::start([ 'pgbench', '-n', '-c', 8, '-t', 100000, @files, '-h', $t->node->host, '-p', $t->node->port, 'postgres' ],
		'>', \my $out, '2>', \my $err);
	ok($t->wait_sql("SELECT count(*) >= $queued + 3000 FROM msgext.outbox", 't'), 'they go on');
	$t->node->stop('immediate');
	$run->finish;
	$t->node->start;
	is($t->sql('SELECT count(*) FROM (SELECT count(*) FROM msgext.outbox GROUP BY xid HAVING count(*) <> 300) _'), 0,
		'after a crash, too');
	is_whole('crashed');
	$t->sql(many(2000));
	is_whole('crashed, and used again');
};

done_testing();
