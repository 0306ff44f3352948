# Upgrades: what ALTER EXTENSION UPDATE makes is what CREATE EXTENSION makes, from every older
# version that is shipped and from a made-up one; and what was queued before is sent after.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext;
use Msgext::Installation;
use PostgreSQL::Test::Utils;
use Test::More;

my $installation = Msgext::Installation->new;
my $now = $installation->version;
my $script = $installation->read("msgext--$now.sql");
my ($old, $step) = make_step();

# The made-up version: today's script without a table, an index, a function, a view and a column,
# which the step makes as today's script does. The column is the last one of its table, where a
# later one has to be.
sub make_step
{
	my $later = qr/\bmsgext\.(?:account_pause|message_payload|server_status)\b|\bcallback_unmatched\b/;
	my $before = $script;
	my $after = '';
	my ($columns) = $script =~ /^CREATE TABLE msgext\.health \(\n(.*?)^\)/ms;
	my ($column) = reverse grep { !/^\s*CONSTRAINT/ } split /,?\n/, $columns;
	my ($name) = $column =~ /^\s*(\w+)/;
	my ($comment) = $script =~ /^(COMMENT ON COLUMN msgext\.health\.$name IS .*;\n)/m;

	# A statement about several objects, of which one is new, is divided.
	$before =~ s/^(GRANT SELECT ON )(.*), (msgext\.server_status)( TO PUBLIC;\n)/$1$2$4$1$3$4/m
	  or die 'no GRANT of the views';
	for my $statement (grep { /$later/ } map { "$_;\n" } split /;\n/, $before)
	{
		$before =~ s/\Q$statement\E//;
		$after .= $statement;
	}
	$before =~ s/^\Q$column\E,?\n//m or die 'no column';
	$before =~ s/\Q$comment\E// or die 'no comment';
	return ($before, "ALTER TABLE msgext.health ADD COLUMN $column;\n$comment$after");
}

# Steps with a mistake: a comment is forgotten, a right is.
my $silent = $step =~ s/^COMMENT ON FUNCTION msgext\.message_payload.*?;\n//msr;
my $closed = $step =~ s/^GRANT SELECT ON msgext\.server_status.*?;\n//mr;

for (['0.9', $step], ['0.8', $silent], ['0.7', $closed])
{
	$installation->write("msgext--$_->[0].sql", $old);
	$installation->write("msgext--$_->[0]--$now.sql", $_->[1]);
}
$installation->use;

my $t = Msgext->new('upgrade', server => 0, conf => "msgext.restart_delay = '200 ms'\n");
my $node = $t->node;

# What the catalogs say of the extension's objects: pg_dump for pg_upgrade writes members down
# too. Oids, transaction ids and pg_dump's password of the day are others each time; and what a
# row lacks that is older than its column is no difference.
sub catalogs
{
	my ($database) = @_;
	my ($dump, $error) = run_command(
		[ 'pg_dump', '--binary-upgrade', '--schema-only', '-d', $node->connstr($database) ]);

	like($dump, qr/^CREATE TABLE msgext\.outbox /m, "members of $database are dumped") or diag($error);
	$dump =~ s/^SELECT pg_catalog\.binary_upgrade_set_(?:next|missing)_.*\n//mg;
	$dump =~ s/^(?:--.*)?\n//mg;
	$dump =~ s/^\\(?:un)?restrict .*\n//mg;
	$dump =~ s/\b(oid|relfrozenxid|relminmxid) = '\d+'/$1 = N/g;
	$dump =~ s/'\{[\d,]+\}'/OIDS/g;
	return $dump . $t->sql(<<'SQL', $database);
SELECT 'dumped ' || string_agg(c::regclass::text, ' ' ORDER BY c::regclass::text)
FROM pg_extension, unnest(extconfig) AS c WHERE extname = 'msgext'
UNION ALL
(SELECT concat_ws(' ', pg_describe_object(classoid, objoid, objsubid), initprivs)
FROM pg_init_privs WHERE privtype = 'e'
	AND pg_describe_object(classoid, objoid, objsubid) ~ 'msgext' ORDER BY 1)
SQL
}

sub upgraded
{
	my ($version) = @_;
	my $database = 'from_' . $version =~ tr/./_/r;

	$t->sql("CREATE DATABASE $database");
	$t->sql("CREATE EXTENSION msgext VERSION '$version'", $database);
	$t->sql('ALTER EXTENSION msgext UPDATE', $database);
	is($t->sql("SELECT extversion FROM pg_extension WHERE extname = 'msgext'", $database),
		$now, "from $version to $now");
	return catalogs($database);
}

subtest 'an upgrade makes what a fresh install makes' => sub {
	my $fresh = catalogs('postgres');
	my @versions = split /\n/, $t->sql(<<"SQL");
SELECT source FROM pg_extension_update_paths('msgext') WHERE target = '$now' AND path IS NOT NULL
	AND source IN (SELECT version FROM pg_available_extension_versions WHERE name = 'msgext')
	AND source NOT IN ('0.8', '0.7')
SQL

	ok(scalar(grep { $_ eq '0.9' } @versions), 'versions: ' . join(' ', @versions));
	for my $version (@versions)
	{
		my $made = upgraded($version);

		ok($made eq $fresh, "$version upgraded is $now")
		  or diag(difference($fresh, $made));
	}
};

# Lines that one has and the other lacks.
sub difference
{
	my ($a, $b) = @_;
	my %count;

	$count{$_}++ for split /\n/, $a;
	$count{$_}-- for split /\n/, $b;
	return join '', map { ($count{$_} > 0 ? '-' : '+') . " $_\n" } grep { $count{$_} } sort keys %count;
}

subtest 'and one that does not is found out' => sub {
	my $fresh = catalogs('postgres');

	like(difference($fresh, upgraded('0.8')), qr/\A- COMMENT ON FUNCTION "?msgext"?\.message_payload.*\n\z/, 'a comment');
	like(difference($fresh, upgraded('0.7')), qr/^- GRANT SELECT ON TABLE "?msgext"?\.server_status TO PUBLIC/m, 'a right');
};

# The library is newer than the tables, as between the restart and ALTER EXTENSION UPDATE.
subtest 'what was queued before an upgrade is sent after it' => sub {
	my $from = -s $node->logfile;
	my ($first, $late, $cancelled, $after);

	$t->sql('CREATE DATABASE shop');
	$t->sql("CREATE EXTENSION msgext VERSION '0.9'", 'shop');
	$t->add_server('vk', database => 'shop');
	$first = $t->send(phone => 79990000001, database => 'shop', operation_id => "'first'");
	$late = $t->send(phone => 79990000002, database => 'shop', send_after => "now() + '2 s'");
	$cancelled = $t->send(phone => 79990000003, database => 'shop', send_after => "now() + '1 h'");
	is($t->sql("SELECT msgext.cancel_message($cancelled)", 'shop'), 't', 'one is cancelled');
	ok( $node->wait_for_log(qr/table "msgext\.health" has \d+ columns, but the library expects \d+\n.*HINT:  Run ALTER EXTENSION msgext UPDATE/, $from),
		'until then the log says what to do');
	is($t->sim->count('7999000000' . $_), 0, "nothing has left ($_)") for 1 .. 3;

	$t->sql('ALTER EXTENSION msgext UPDATE', 'shop');
	$t->wait_state($first, 'accepted|sent|delivered', undef, 'shop');
	$t->wait_state($late, 'accepted|sent|delivered', undef, 'shop');
	is($t->send(phone => 79990000001, database => 'shop', operation_id => "'first'"), $first, 'its operation id holds');
	$after = $t->send(phone => 79990000004, database => 'shop');
	$t->wait_state($after, 'accepted|sent|delivered', undef, 'shop');
	is($t->state($cancelled, 'shop'), 'cancelled', 'what was cancelled stays so');
	is(join(' ', map { $t->sim->count("7999000000$_") } 1 .. 4), '1 1 0 1', 'each once');
};

done_testing();
