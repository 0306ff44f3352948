# The console's page in a real browser (test/console/page.mjs), where Chromium, Node.js and what
# "make console-test" takes from npm are there.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext;
use Msgext::Console;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = "$FindBin::RealBin/../console";
my ($chromium) = grep { -x } map { "$_/chromium" } split /:/, $ENV{PATH};
my ($node) = grep { -x } map { "$_/node" } split /:/, $ENV{PATH};

plan skip_all => 'no Chromium: make console-test brings it' unless defined $chromium;
plan skip_all => 'no Node.js: make console-test brings it' unless defined $node;
plan skip_all => 'playwright-core and axe-core are not here: make console-test brings them'
  unless -d "$dir/node_modules/playwright-core" && -d "$dir/node_modules/axe-core";

my $t = Msgext->new('page', options => { status_poll => 'on' });
my $c = Msgext::Console->new($t);

$t->sql(<<'SQL');
CREATE ROLE anna LOGIN;
CREATE ROLE looker LOGIN;
GRANT USAGE ON FOREIGN SERVER vk TO anna;
GRANT EXECUTE ON FUNCTION msgext.can_read() TO anna, looker;
GRANT EXECUTE ON FUNCTION msgext.can_read_payload(), msgext.can_operate() TO anna;
GRANT EXECUTE ON FUNCTION msgext.open_console(interval) TO anna, looker;
GRANT pg_monitor TO looker;
SQL
ok($c->wait, 'there is a console');

local %ENV = (
	%ENV,
	PGHOST => $t->node->host,
	PGPORT => $t->node->port,
	PGDATABASE => 'postgres',
	CHROMIUM => $chromium,
	SUPERUSER => $t->sql('SELECT current_user'),
	SIMULATOR => $t->sim->url =~ s/\/devino.*//r,
	SCREENSHOTS => $ENV{MSGEXT_SCREENSHOTS} // '',
	HOME => $t->node->basedir);
my $out = `$node $dir/page.mjs 2>&1`;

for my $line (split /\n/, $out)
{
	if ($line =~ /^(not )?ok - (.*)/) { ok(!$1, $2) }
	else { diag($line) }
}
is($?, 0, 'the browser came to the end');
done_testing();
