# The examples of docs/testing.md (test/examples), as users run them: beside a running worker, as a
# role that is no superuser, again and again with the same output, and side by side.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext;
use PostgreSQL::Test::Utils;
use Test::More;

# So often in a row.
my $times = 10;

my $t = Msgext->new('examples', server => 0);
my $node = $t->node;
my $examples = "$FindBin::RealBin/../examples";
my $out = "$PostgreSQL::Test::Utils::tmp_check/examples";
my $database = 'shop';

$t->sql('CREATE ROLE app LOGIN');
$t->sql("CREATE DATABASE $database");
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', 'app=app', '-d', $node->connstr($database), '-f', "$examples/setup.sql" ],
	'set up by a superuser');

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = $database;
$ENV{PGUSER} = 'app';
$ENV{PYTHONDONTWRITEBYTECODE} = 1;
command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', "$examples/shop.sql" ], 'the application is its role\'s');

# The whole output, and whether it succeeded.
sub output
{
	my (@command) = @_;
	my ($stdout, $stderr) = ('', '');
	my $ok = IPC::Run::run(\@command, '>', \$stdout, '2>', \$stderr);

	diag("@command:\n$stdout$stderr") if !$ok;
	return ($ok, $stdout . $stderr);
}

sub can_run
{
	my (@command) = @_;
	my ($stdout, $stderr);

	return eval { IPC::Run::run(\@command, '>', \$stdout, '2>', \$stderr) };
}

# The same each time?
sub same_again
{
	my ($what, @command) = @_;
	my ($ok, $first) = output(@command);

	ok($ok, "$what succeeds");
	unlike($first, qr/^not ok/m, 'every line of it');
	is_deeply([ map { (output(@command))[1] } 2 .. $times ], [ ($first) x ($times - 1) ], "the same $times times in a row");
	return;
}

subtest 'pg_regress' => sub {
	my @regress = ($ENV{PG_REGRESS}, '--bindir=', '--use-existing', "--dbname=$database", "--inputdir=$examples/pg_regress");

	for my $run (1 .. $times)
	{
		my ($ok) = output(@regress, "--outputdir=$out.$run", 'orders');

		last if !ok($ok, "run $run");
	}

	# Side by side: nobody waits for anybody, and what is told stays the same.
	my @at_once = map {
		my ($stdout, $run) = ('', $_);
		IPC::Run::start([ @regress, "--outputdir=$out.at_once.$run", 'orders' ], '>', \$stdout, '2>&1')
	} 1 .. 4;
	is_deeply([ map { $_->finish ? 1 : 0 } @at_once ], [ (1) x 4 ], 'four at once');
};

subtest 'pgTAP' => sub {
	plan skip_all => 'package postgresql-NN-pgtap is not here'
	  if !$t->sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'pgtap'");
	$t->sql('CREATE EXTENSION pgtap', $database);
	same_again('pgTAP', 'psql', '-X', '-f', "$examples/pgtap/orders.sql");
};

subtest 'pytest' => sub {
	plan skip_all => 'packages python3-pytest and python3-psycopg2 are not here'
	  if !can_run('/usr/bin/python3', '-c', 'import pytest, psycopg2');
	my ($ok) = output('/usr/bin/python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', "$examples/pytest");
	ok($ok, 'pytest succeeds');
};

subtest 'node' => sub {
	plan skip_all => 'nodejs and its package pg (Debian: node-pg; else NODE_PATH) are not here'
	  if !can_run('node', '-e', "require('node:test'); require('pg')");
	my ($ok) = output('node', '--test', "$examples/node/orders.test.js");
	ok($ok, 'node --test succeeds');
};

is($t->sql('SELECT count(*) FROM msgext.message', $database), 0, 'nothing is left of any of them');

done_testing();
