# The recipes of docs/templates.md are run as they stand there, each with its own test; what
# README says of a webhook for each row; and the examples of other pages.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = Msgext->new('cookbook', preload => 0, server => 0);
my $node = $t->node;

sub blocks
{
	my ($text) = @_;

	return $text =~ /^```sql\n(.*?)^```$/msg;
}

my ($cookbook) = slurp_file("$FindBin::RealBin/../../docs/templates.md") =~ /^## Cookbook\n(.*)/ms;
my ($tables, @recipes) = split /^### /m, $cookbook;

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION msgext_test;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER crm FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER crm;
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER docs OPTIONS (api_client_id 'a', login 'tester', password '111111');
SQL
$node->safe_psql('postgres', join("\n", blocks($tables)));
cmp_ok(scalar @recipes, '>=', 5, 'there are recipes');

for my $recipe (@recipes)
{
	my ($name) = $recipe =~ /(.*)/;
	my ($code, $out, $err) =
	  $node->psql('postgres', join("\n", "SET intervalstyle = 'postgres';", blocks($recipe)), on_error_stop => 1);

	is($code, 0, $name) or diag($err);
}

my ($hook) = slurp_file("$FindBin::RealBin/../../README.md") =~ /pg_net's own use.*?^```sql\n(.*?)^```$/ms;
$node->safe_psql('postgres', 'CREATE DATABASE hooks');
$node->safe_psql('hooks', <<"SQL");
CREATE EXTENSION msgext;
CREATE ROLE app;
CREATE TABLE orders (id int, state text);
ALTER TABLE orders OWNER TO app;
$hook
SQL
is($node->safe_psql('hooks', <<'SQL'),
INSERT INTO orders VALUES (1001, 'new');
SELECT sender, msgext.message_payload(id) FROM msgext.message;
SQL
	'app|{"type": "INSERT", "table": "orders", "record": {"id": 1001, "state": "new"}, "schema": "public", "old_record": null}',
	'README: a webhook for each row');

# The examples of other pages, but for those that need another extension, a parameter or a message, or
# are to fail. Nothing is sent; where they are two roles' who runs them is the application's, too.
$node->safe_psql('postgres', "CREATE ROLE $_") for qw(anna ops support);
my $extension = 'CREATE EXTENSION msgext;';
my $vk = "CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');";
for my $premises (
	[ 'operations', 'shop', 'CREATE TABLE corrections (order_id int, phone text)' ],
	[ 'security', 'security', "$extension $vk" ],
	[ 'reference', 'reference', "$extension $vk CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1');"
		  . " CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111');"
		  . " CREATE USER MAPPING FOR CURRENT_USER SERVER docs OPTIONS (api_client_id 'a', login 'tester', password '111111');"
		  . " CREATE TABLE invoice AS SELECT 7 AS id, '\\x00'::bytea AS file, '\\x01'::bytea AS signature;"
		  . " CREATE TABLE carts AS SELECT 17 AS id, '{\"vk\": {\"subject\": \"AO\", \"priority\": \"high\", \"routes\": [\"vk\"],"
		  . " \"validityPeriod\": 180, \"phone\": \"79031112233\", \"templateId\": 1, \"templateData\": {}}}'::jsonb AS payload; CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint, told text);"
		  . ' CREATE TABLE order_history (id bigint, state text, at timestamptz)' ],
	[ 'webhooks', 'webhooks', "$extension CREATE TABLE orders (id int); CREATE SCHEMA shop;"
		  . " CREATE TABLE brand AS SELECT '\\x00'::bytea AS logo; CREATE TABLE shop.invoices (id bigint, paid boolean)" ])
{
	my ($page, $database, $sql) = @$premises;
	my @examples = grep { !/\bcron\.|\$1|PERFORM|replay_message\(42|"12"|FROM letters/ } blocks(slurp_file("$FindBin::RealBin/../../docs/$page.md"));
	@examples = ((grep { /^CREATE SERVER/ } @examples), grep { !/^CREATE SERVER/ } @examples) if $page eq 'reference';
	my $examples = join("\n", @examples) =~ s/\burl 'http[^']*'/url 'http:\/\/127.0.0.1:1'/gr;

	$examples =~ s/MAPPING FOR app\b/MAPPING FOR CURRENT_USER/g if $page ne 'security' && $page ne 'operations';
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my ($code, $out, $err) = $node->psql($database, "$sql;\n$examples", on_error_stop => 1);
	is($code, 0, "docs/$page.md") or diag($err);
}

is($node->safe_psql('webhooks', <<'SQL'),
INSERT INTO orders VALUES (1001);
SELECT msgext.message_payload(id) - 'created_at' FROM msgext.message WHERE template = 'order_event';
SQL
	'{"event": {"op": "INSERT", "data": {"new": {"id": 1001}, "old": null}}, "table": {"name": "orders", "schema": "public"}, "trigger": {"name": "order_event"}}',
	"Hasura's payload, by a template");

# What they have made is restored from a dump: templates with their owners, versions, triggers.
$node->safe_psql('postgres', "SELECT msgext.alter_template('reminder', priority => 4)");
$node->safe_psql('postgres', 'CREATE ROLE shopkeeper; ALTER FOREIGN TABLE msgext_template.reminder OWNER TO shopkeeper');
my $dump = $node->data_dir . '/dump.sql';
$node->command_ok(['pg_dump', '-f', $dump, '-d', $node->connstr('postgres')], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy')], 'and its restore');
my $made = <<'SQL';
SELECT n.nspname, c.relname, c.relowner::regrole, s.srvname, t.version, t.priority, t.message, t.lookup
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_foreign_table f ON f.ftrelid = c.oid
    JOIN pg_foreign_server s ON s.oid = f.ftserver JOIN msgext.template t ON t.name = c.relname
ORDER BY 2, 5
SQL
my $here = $node->safe_psql('postgres', $made);
like($here, qr/reminder\|shopkeeper\|vk\|2\|4/, 'templates with versions and owners');
is($node->safe_psql('copy', $made), $here, 'are the same in the copy');
is($node->safe_psql('copy', <<'SQL'), 'order_shipped|shipped-1001', 'and their triggers fire');
UPDATE shop.orders SET status = 'shipped' WHERE id = 1001;
SELECT template, operation_id FROM msgext.message;
SQL

done_testing();
