# Data that came from another database: a dump restored into a cluster whose transaction ids
# are lower, rows that came without their origin; and who may dump.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use PostgreSQL::Test::Utils;
use Test::More;

my $t = Msgext->new('original', options => { status_poll => 'off' });
my $sim = $t->sim;

# The same simulator, another cluster.
my $copy = PostgreSQL::Test::Cluster->new('copy');
my $c = bless { %$t, node => $copy }, 'Msgext';

delete $c->{session};
$copy->init;
$copy->append_conf('postgresql.conf', "shared_preload_libraries = 'msgext'\nautovacuum_naptime = 1d\n");
$copy->start;

sub burn_transactions
{
	my ($n) = @_;

	$t->sql("DO \$\$BEGIN FOR i IN 1 .. $n LOOP PERFORM txid_current(); COMMIT; END LOOP; END\$\$");
	return;
}

sub queued
{
	my ($cluster, $database) = @_;

	return $cluster->sql("SELECT queued FROM msgext.server_status WHERE server = 'vk'", $database);
}

# In one transaction, as a restore does: the worker sees all or nothing.
sub restore
{
	my ($node, $database, $file) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->command_ok([ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ],
		"restored into $database");
	return;
}

subtest 'a cluster with lower transaction ids' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/original.sql";
	my @phones = 79990000100 .. 79990000119;
	my ($new, $before, $done);

	# Lanes that have been read far, and rows of all kinds: new, set aside, done.
	burn_transactions(3000);
	$done = $t->send(phone => 79990000001);
	$t->wait_state($done, 'accepted');
	burn_transactions(3000);
	$t->wait_state($t->send(phone => 79990000002), 'accepted');
	ok($t->wait_sql('SELECT count(*) > 0 FROM msgext.lane WHERE done IS NOT NULL'), 'a lane was written down');
	$t->send(phone => $phones[$_], send_after => "now() + '2 s'") for 0 .. 4;
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE waiting = 'send_after'", 5), 'some are set aside');
	$t->sql("SELECT msgext.pause_server('vk', 'dumped')");
	$t->send(phone => $_) for @phones[ 5 .. 19 ];
	$t->sql("CREATE SERVER hooks FOREIGN DATA WRAPPER msgext_webhook"
		  . " OPTIONS (url 'http://127.0.0.1:1', callback_signature 'none')");
	$t->sql("SELECT msgext.receive_callback('hooks', 'x', jsonb_build_object('webhook-id', id)) FROM unnest('{a,b}'::text[]) id");
	$t->node->command_ok([ 'pg_dump', '-d', $t->node->connstr('postgres'), '-f', $file ], 'pg_dump');

	cmp_ok($c->sql('SELECT txid_current()'), '<', $t->sql('SELECT txid_current()') - 5000, 'the other cluster is younger');
	$c->sql('CREATE DATABASE restored');
	restore($copy, 'restored', $file);
	is($c->server('paused', 'vk', 'restored'), 't', 'the copy is paused');
	is(queued($c, 'restored'), 20, 'and shows its queue');
	$before = $c->send(phone => 79990000120, database => 'restored');
	ok($c->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext worker'", 1), 'a worker has come');
	is(queued($c, 'restored'), 21, 'with what was queued in the copy');

	$c->sql("SELECT msgext.resume_server('vk')", 'restored');
	ok($c->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'", 23, 'restored'), 'resumed, all of it is sent');
	is(scalar(grep { $sim->count($_) == 1 } @phones, 79990000120), 21, 'each once');
	is(join(' ', map { $sim->count($_) } 79990000001, 79990000002), '1 1', 'and nothing that was over');
	is(queued($c, 'restored'), 0, 'nothing is left');
	$new = $c->send(phone => 79990000121, database => 'restored');
	$c->wait_state($new, 'accepted', 'new messages are sent', 'restored');
	is($c->sql('SELECT sum(stranded) FROM msgext.server_status', 'restored'), 0, 'nobody had to look for any of them');

	# One of the pushes that wait comes again before they are adopted.
	my $repeat = q(SELECT msgext.receive_callback('hooks', 'x', '{"webhook-id": "%s"}'));
	my $take = "SELECT string_agg(push_id, ' ' ORDER BY push_id) FROM msgext.take_pushes('hooks')";
	$c->sql(sprintf($repeat, 'b'), 'restored');
	$c->sql("SELECT msgext.resume_server('hooks')", 'restored');
	is($c->sql(sprintf($repeat, 'a'), 'restored'), 0, 'a push that came to the original is known');
	is($c->sql($take, 'restored'), 'a b', 'and waits to be taken, like the other one');
	is($c->sql($take, 'restored'), '', 'once');

	# The original still has its queue.
	$t->sql("SELECT msgext.resume_server('vk')");
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'", 22), 'the original sends its own');
};

# A worker comes as soon as there is the extension, and the data may come long after that.
subtest 'under way at the dump' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/under_way.sql";
	my $phone = 79990000151;

	$sim->script("devino send match $phone next 1 delay 60000");
	$t->set_option('vk', timeout => '2 min');
	my $id = $t->send(phone => $phone);
	ok(until_true(sub { $sim->count($phone) }), 'its request has come');
	$t->node->command_ok([ 'pg_dump', '-d', $t->node->connstr('postgres'), '-f', $file ], 'pg_dump');
	my ($objects, $rest) = slurp_file($file) =~ s/^\\(?:un)?restrict .*\n//mgr =~ /\A(.*?CREATE EXTENSION [^;]*;\n)(.*)\z/s;
	append_to_file("$file.rest", $rest);
	$c->sql("CREATE DATABASE $_") for qw(before after);
	$c->sql($objects, 'before');
	ok( $c->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext worker' AND datname = 'before'"
			  . " AND wait_event_type = 'Extension'", 1), 'a worker waits for work in one of two databases');
	restore($copy, 'before', "$file.rest");
	restore($copy, 'after', $file);
	for my $database ('before', 'after')
	{
		$c->sql("SELECT msgext.resume_server('vk')", $database);
		$c->wait_state($id, 'unknown', "under way, where the worker came $database the data", $database);
		is($c->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id AND kind = 'interrupted'", $database),
			1, 'which is told');
	}
	is($sim->count($phone), 1, 'it was sent once');
	$t->node->stop('immediate');
	$t->node->start;
};

# As a logical replica or a dump of some tables has them: nothing says whose they are but
# they themselves.
subtest 'rows without their origin' => sub {
	my $into = 'INSERT INTO msgext.outbox SELECT (jsonb_populate_record(o, jsonb_build_object('
	  . "'id', nextval('msgext.outbox_id_seq'), 'state', 'queued', 'attempts', 0, 'provider_id', NULL, "
	  . "'accepted_at', NULL, 'finished_at', NULL, 'next_attempt_at', NULL, 'origin', o.origin + 1, "
	  . "'operation_id', %s, 'queued_at', now() - interval '1 h', 'xid', %s))).* FROM msgext.outbox o WHERE id = %s";
	my $model = $t->send(phone => 79990000201);
	my $ahead = '(SELECT (txid_current() + 100000)::text)';

	$t->wait_state($model, 'accepted', 'a message to be copied');

	# One that a lane meets.
	$t->sql(sprintf($into, "'met'", '(SELECT txid_current()::text)', $model));
	$t->send(phone => 79990000202);
	ok($t->wait_sql("SELECT pause_reason FROM msgext.server_status WHERE server = 'vk'",
		'messages were restored from a dump or another database'), 'it is not sent, and its server is paused');
	is(queued($t), 2, 'its queue is shown');
	$t->sql("SELECT msgext.pause_server('vk', 'for another reason')");
	$t->sql("SELECT msgext.resume_server('vk')");
	ok($t->wait_sql("SELECT state FROM msgext.message WHERE operation_id = 'met'", 'accepted'), 'resumed, it is sent');
	is($t->server('paused'), 'f', 'and the server is paused no more');
	is($t->sql('SELECT bool_or(copied) FROM msgext.server_pause'), 'f', 'nor has it anything to adopt');

	# Those that no lane meets: behind it, and ahead of it.
	$t->sql(sprintf($into, "'behind'", "'3'", $model) . '; ' . sprintf($into, "'ahead'", $ahead, $model));
	my $pid = $t->worker_pid;
	$t->sql("SELECT pg_terminate_backend($pid)");
	ok($t->wait_sql("SELECT pause_reason FROM msgext.server_status WHERE server = 'vk'",
		'messages were restored from a dump or another database'), 'they are found, too');
	is(queued($t), 2, 'and shown');
	$t->sql("SELECT msgext.resume_server('vk')");
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE operation_id IN ('behind', 'ahead') AND state = 'accepted'", 2),
		'resumed, they are sent');
	is($sim->count(79990000201), 4, 'the original and each copy once');
};

# Its servers are others by then, of the same names.
subtest 'restored over the original' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/over.dump";
	my $phone = 79990000251;

	$t->sql("SELECT msgext.pause_server('vk', 'dumped')");
	my $id = $t->send(phone => $phone);

	$t->node->command_ok([ 'pg_dump', '-Fc', '-d', $t->node->connstr('postgres'), '-f', $file ], 'pg_dump');
	$t->node->command_ok([ 'pg_restore', '--clean', '--if-exists', '-d', $t->node->connstr('postgres'), $file ], 'pg_restore');
	is($t->server('paused'), 't', 'it is paused, as any copy');
	is(queued($t), 1, 'its queue is shown');
	$t->sql("SELECT msgext.resume_server('vk')");
	$t->wait_state($id, 'accepted', 'resumed, it sends what was queued');
	is($sim->count($phone), 1, 'once');
};

# Dumped before they were sent, and removed after. The reminder of the one that was set aside
# is long due.
subtest 'rows restored into their own database' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/own.dump";
	my @phones = 79990000271 .. 79990000273;
	my $ours = "id IN (%s)";
	my (@ids, $new);

	$t->sql("SELECT msgext.resume_server('vk')");

	# It must be seen waiting, and its server paused, before its time has come.
	push @ids, $t->send(phone => $phones[0], send_after => "now() + '20 s'");
	ok($t->wait_sql("SELECT waiting FROM msgext.outbox WHERE id = $ids[0]", 'send_after'), 'one is set aside');
	$t->sql("SELECT msgext.pause_server('vk')");
	push @ids, map { $t->send(phone => $_) } @phones[ 1, 2 ];
	$ours = sprintf($ours, join(', ', @ids));
	$t->node->command_ok([ 'pg_dump', '-Fc', '-d', $t->node->connstr('postgres'), '-f', $file ], 'pg_dump');
	$t->sql("SELECT msgext.resume_server('vk')");
	$t->wait_state($_, 'accepted', 'sent') for @ids;

	my @restore = ('pg_restore', '--data-only', '-t', 'outbox', '-t', 'reminder', '-d', $t->node->connstr('postgres'), $file);

	$t->node->command_fails_like(\@restore, qr/outbox_pkey/, 'what is there is not restored');
	$t->sql('TRUNCATE msgext.outbox, msgext.reminder');
	$t->node->command_ok(\@restore, 'what is gone is');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE $ours AND state = 'queued'"), 3, 'as it was');
	like($t->sql("SELECT string_agg(DISTINCT detail->'waiting'->>'for', '|') FROM unnest('{"
				. join(',', @ids) . "}'::bigint[]) id, msgext.message_status(id)"),
		qr/^restored from a dump or another database, until resume_server$/, 'and waits');
	$t->sql("UPDATE msgext.outbox SET queued_at = queued_at - interval '1 h' WHERE $ours");
	$t->sql('SELECT pg_terminate_backend(' . $t->worker_pid . ')');
	ok( $t->wait_sql("SELECT pause_reason FROM msgext.server_status WHERE server = 'vk'",
			'messages were restored from a dump or another database'), 'they are found, and the server is paused');
	is(join(' ', map { $sim->count($_) } @phones), '1 1 1', 'none is sent twice');
	$t->sql("SELECT msgext.cancel_message($ids[0]); SELECT msgext.cancel_message($ids[1]); SELECT msgext.resume_server('vk')");
	$t->wait_state($ids[2], 'accepted', 'resumed, what nobody has cancelled is sent');
	is(join(' ', map { $sim->count($_) } @phones), '1 1 2', 'and nothing else');
	$new = $t->send(phone => 79990000274);
	$t->wait_state($new, 'accepted', 'new messages are sent');
};

# As docs/operations.md says.
subtest 'who may dump' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/owned.sql";
	my @dump = ('pg_dump', '-f', $file, '-d', $t->node->connstr('owned') . ' user=');

	$t->sql('CREATE ROLE landlord LOGIN; CREATE ROLE archivist LOGIN BYPASSRLS; GRANT pg_read_all_data TO archivist');
	$t->sql('CREATE DATABASE owned OWNER landlord');
	$t->sql('CREATE EXTENSION msgext', 'owned');
	$t->add_server('vk', database => 'owned', status_poll => 'off');
	$t->wait_state($t->send(database => 'owned', phone => 79990000301), 'accepted', 'something to be dumped', 'owned');
	$t->sql("SELECT msgext.pause_server('vk')", 'owned');
	$t->send(database => 'owned', phone => 79990000302);
	$t->sql('SET ROLE landlord; CREATE TABLE mine AS SELECT 1 AS a', 'owned');
	my $dump = sub { my ($user, @more) = @_; my @c = @dump; $c[-1] .= $user; return [ @c, @more ] };

	$t->node->command_fails_like($dump->('landlord'), qr/permission denied for (?:table|sequence|schema)|failed to get data for sequence/, 'not the owner of the database');
	$t->node->command_ok($dump->('landlord', '-N', 'msgext'), 'who can leave our schema out');
	like(slurp_file($file), qr/CREATE EXTENSION IF NOT EXISTS msgext/, 'the extension is there');
	unlike(slurp_file($file), qr/^COPY msgext/m, 'without its rows');
	like(slurp_file($file), qr/^COPY public\.mine/m, 'and all that is his own');
	$t->node->command_ok($dump->('archivist'), 'but a member of pg_read_all_data that bypasses row-level security');
	unlike(slurp_file($file), qr/111111/, 'whose dump holds no credentials');
	$t->sql('CREATE DATABASE owned_copy');
	restore($t->node, 'owned_copy', $file);
	is($t->sql('SELECT count(*) FROM msgext.message', 'owned_copy'), 2, 'it is whole');
	$t->sql("DROP USER MAPPING IF EXISTS FOR PUBLIC SERVER vk;"
		  . " CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111')", 'owned_copy');
	$t->sql("SELECT msgext.resume_server('vk')", 'owned_copy');
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'", 2, 'owned_copy'), 'and can be sent');
	$t->sql("DROP DATABASE $_ WITH (FORCE)") for qw(owned owned_copy);
};

# As docs/operations.md says.
subtest 'a dump without data' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/schema.sql";
	my $insert = 'INSERT INTO shipped VALUES (1)';
	my $template = "SELECT msgext.create_template('shipped', 'vk', '{\"vk\": {\"subject\": \"AO\", \"priority\": \"high\","
	  . " \"routes\": [\"vk\"], \"validityPeriod\": 180, \"phone\": \"79990000401\", \"templateId\": 1, \"templateData\": {}}}')";

	$t->sql("CREATE DATABASE $_; ALTER DATABASE $_ SET msgext.mode = 'hold'") for qw(whole bare);
	$t->sql('CREATE EXTENSION msgext', 'whole');
	$t->add_server('vk', database => 'whole');
	$t->sql("$template; CREATE TABLE shipped (id int);"
		  . " CREATE TRIGGER t AFTER INSERT ON shipped FOR EACH ROW EXECUTE FUNCTION msgext.notify('shipped')", 'whole');
	my @dump = ('pg_dump', '-f', $file, '-d', $t->node->connstr('whole'));
	$t->node->command_ok([ @dump, '-s' ], 'pg_dump -s');
	restore($t->node, 'bare', $file);
	my ($status, undef, $err) = $t->node->psql('bare', $insert);
	like($err, qr/template "shipped" has no version/, 'has the trigger, and not what the template says');
	$t->sql("BEGIN; $template; $insert; ROLLBACK", 'bare');
	$t->node->command_ok([ @dump, '--data-only', '-t', 'msgext.template' ], 'which can be made anew, or taken along');
	restore($t->node, 'bare', $file);
	$t->sql($insert, 'bare');
	is($t->sql('SELECT state, template_version FROM msgext.message', 'bare'), 'queued|1', 'and then works');
	$t->sql("DROP DATABASE $_ WITH (FORCE)") for qw(whole bare);
};

$copy->stop;
unlike(slurp_file($_->logfile), qr/PANIC:|TRAP:|signal 11|was waiting for nothing/, 'nothing crashed or was forgotten')
  for $t->node, $copy;
$t->node->stop;
done_testing();
