# The life of databases around the workers: made, copied, dropped, restored, on standby,
# with and without the extension.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $t = Msgext->new('primary',
	init => [ allows_streaming => 1 ],
	conf => "max_connections = 30\nmax_worker_processes = 12\nshared_buffers = 16MB\n",
	options => { status_poll => 'off' });
my $sim = $t->sim;
my $node = $t->node;

sub workers
{
	return $t->sql("SELECT coalesce(string_agg(datname, ' ' ORDER BY datname), '') FROM pg_stat_activity"
		  . " WHERE backend_type = 'msgext worker'");
}

sub workers_become
{
	my ($expected, $name) = @_;
	my $now;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(until_true(sub { ($now = workers()) eq $expected }), $name) or diag("workers: $now");
	return;
}

sub seconds
{
	my ($sql) = @_;
	my $start = time();

	$t->sql($sql);
	return time() - $start;
}

subtest 'several databases' => sub {
	$t->sql('CREATE DATABASE other');
	$t->sql('CREATE DATABASE plain');
	is(workers(), 'postgres', 'one worker, for the database with the extension');
	$t->sql('CREATE EXTENSION msgext', 'other');
	workers_become('other postgres', 'CREATE EXTENSION brings another one, without a restart');
	$t->add_server('vk', database => 'other', status_poll => 'off');
	my $here = $t->send(phone => 79990000001);
	my $there = $t->send(phone => 79990000002, database => 'other');
	$t->wait_state($here, 'accepted');
	$t->wait_state($there, 'accepted', 'each sends its own', 'other');
	is($sim->count(79990000001) + $sim->count(79990000002), 2, 'once');

	$t->sql('BEGIN; CREATE EXTENSION msgext; ROLLBACK', 'plain');
	$node->restart;
	workers_become('other postgres', 'after a restart both are back, and no third');
	$t->wait_state($t->send(database => 'other'), 'accepted', 'and work', 'other');
};

subtest 'closed for a while' => sub {
	$t->sql('ALTER DATABASE other ALLOW_CONNECTIONS false');
	$node->restart;
	workers_become('postgres', 'a database that takes no connections has no worker');
	$t->sql('ALTER DATABASE other ALLOW_CONNECTIONS true');
	workers_become('other postgres', 'opened again it has one, though nobody queues anything');
};

subtest 'killed by hand' => sub {
	my $pid = $t->worker_pid;

	$t->sql("SELECT pg_terminate_backend($pid)");
	ok(until_true(sub { my $new = $t->worker_pid; return $new ne '' && $new ne $pid }), 'a terminated worker is replaced');
	$t->wait_state($t->send, 'accepted', 'and the new one works');
	$t->sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = \'msgext launcher\'');
	ok($t->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext launcher'", 1), 'so is the launcher');
	workers_become('other postgres', 'it starts no second worker');
	$t->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'msgext worker'");
	workers_become('other postgres', 'and still keeps the workers');
	$t->wait_state($t->send, 'accepted', 'which work');
};

subtest 'an error in the worker' => sub {
	my $pid = $t->worker_pid;
	my $errors = () = $t->log =~ /ERROR: .*relation "msgext.event" does not exist/g;
	my ($flying, $queued, $late);

	# A table that is gone for a while, with an answer on its way.
	$sim->script('devino send match 79990000201 next 1 delay 60000');
	$flying = $t->send(phone => 79990000201);
	ok(until_true(sub { $sim->count(79990000201) }), 'under way');
	$t->sql('ALTER TABLE msgext.event RENAME TO away');
	$sim->release;
	$queued = $t->send(phone => 79990000202);
	ok( until_true(
			sub {
				my $now = () = $t->log =~ /ERROR: .*relation "msgext.event" does not exist/g;
				return $now > $errors + 2;
			}),
		'the worker complains, again and again');
	$t->sql('ALTER TABLE msgext.away RENAME TO event');
	$t->wait_state($flying, 'accepted', 'the answer that could not be recorded is recorded now');
	$t->wait_state($queued, 'accepted', 'and new messages are sent');
	is($t->worker_pid, $pid, 'by the same worker');

	# Which is still the only dispatcher: another one would take what it has on the wire
	# for what a dead one has left.
	$sim->script('devino send match 79990000203 next 1 delay 800');
	$late = $t->send(phone => 79990000203);
	ok(until_true(sub { $sim->count(79990000203) }), 'under way');
	$t->sql("CALL msgext.dispatch('30 s')");
	is($t->state($late), 'accepted', 'no second dispatcher can start beside it');
	is(join(' ', map { $sim->count($_) } 79990000201 .. 79990000203), '1 1 1', 'all was sent once');
};

subtest 'DROP EXTENSION while busy' => sub {
	$sim->script('devino send match 799900003 delay 60000');
	$t->send_many(200, 79990000300, database => 'other');
	ok(until_true(sub { $sim->count(79990000300) }), 'the dispatcher is busy');
	cmp_ok(seconds_in('other', 'DROP EXTENSION msgext CASCADE'), '<', 30, 'DROP EXTENSION succeeds');
	workers_become('postgres', 'the worker leaves');
	$sim->clear;
	$t->wait_state($t->send, 'accepted', 'other databases go on');

	$t->sql('CREATE EXTENSION msgext', 'other');
	workers_become('other postgres', 'created again, it has a worker again');
	$t->add_server('vk', database => 'other', status_poll => 'off');
	$t->wait_state($t->send(database => 'other', phone => 79990000399), 'accepted', 'which works', 'other');
};

sub seconds_in
{
	my ($database, $sql) = @_;
	my $start = time();

	$t->sql($sql, $database);
	return time() - $start;
}

subtest 'copying and dropping a database' => sub {
	$t->sql('CREATE DATABASE copy TEMPLATE plain');
	cmp_ok(seconds('CREATE DATABASE copy2 TEMPLATE other'), '<', 30, 'a database with a worker can be a template');
	workers_become('other postgres', 'its worker comes back');
	is($t->server('paused', 'vk', 'copy2'), 't', 'the copy is paused');
	$t->sql("SELECT msgext.resume_server('vk')", 'copy2');
	workers_become('copy2 other postgres', 'and has a worker when it is resumed');
	$t->wait_state($t->send(database => 'copy2'), 'accepted', 'which works', 'copy2');

	# The copy carries the queue of the original, and must not send it.
	$t->sql("SELECT msgext.pause_server('vk')", 'other');
	my $id = $t->send(database => 'other', phone => 79990001401);
	cmp_ok(seconds('CREATE DATABASE copy3 TEMPLATE other'), '<', 30, 'copied with a message in its queue');
	$t->sql("SELECT msgext.resume_server('vk')", 'other');
	$t->wait_state($id, 'accepted', 'the original sends it', 'other');
	$t->send(database => 'copy3', phone => 79990001402);
	workers_become('copy2 copy3 other postgres', 'the copy has a worker when it has a message');
	is($t->server('paused', 'vk', 'copy3'), 't', 'and is paused');
	is($t->server('queued', 'vk', 'copy3'), 2, 'with both messages in its queue');

	# While requests are on the wire.
	$sim->script('devino send match 799900005 delay 60000');
	$t->send_many(20, 79990000500, database => 'other');
	ok(until_true(sub { $sim->count(79990000500) }), 'the dispatcher is busy');
	cmp_ok(seconds('DROP DATABASE other'), '<', 30, 'DROP DATABASE succeeds all the same');
	$sim->clear;
	cmp_ok(seconds('DROP DATABASE copy2'), '<', 30, 'and of an idle one');
	$t->sql('DROP DATABASE copy3 WITH (FORCE)');
	is($sim->count(79990001401), 1, 'the copied message was sent once');
	is($sim->count(79990001402), 0, "and the paused copy's own not at all");
	workers_become('postgres', 'no worker is left behind');
	cmp_ok(seconds('ALTER DATABASE copy RENAME TO renamed'), '<', 30, 'a database can be renamed');
	$t->wait_state($t->send, 'accepted', 'the others go on');
};

subtest 'dropped and renamed objects' => sub {
	$t->sql('CREATE ROLE gone; CREATE ROLE stays;'
		  . 'GRANT USAGE ON FOREIGN SERVER vk TO gone, stays');
	$t->add_server('dropped', status_poll => 'off');
	$t->add_server('unmapped', status_poll => 'off');
	$t->add_server('renamed', status_poll => 'off');
	$t->sql("SELECT msgext.pause_server(s::name) FROM unnest('{vk,dropped,unmapped,renamed}'::text[]) AS s");

	my $gone = $t->sql('SET ROLE gone; SELECT ' . Msgext::send_sql(phone => 79990000601));
	my $stays = $t->sql('SET ROLE stays; SELECT ' . Msgext::send_sql(phone => 79990000602));
	my $dropped = $t->send(server => 'dropped', phone => 79990000603);
	my $unmapped = $t->send(server => 'unmapped', phone => 79990000604);
	my $renamed = $t->send(server => 'renamed', phone => 79990000605);

	$t->sql('REVOKE USAGE ON FOREIGN SERVER vk FROM gone; DROP ROLE gone;'
		  . 'DROP SERVER dropped CASCADE; DROP USER MAPPING FOR PUBLIC SERVER unmapped;'
		  . 'ALTER SERVER renamed RENAME TO newname');
	$t->sql("SELECT msgext.resume_server(s::name) FROM unnest('{vk,unmapped,newname}'::text[]) AS s");
	$t->wait_state($stays, 'accepted', 'others are not held up');
	ok($t->wait_sql("SELECT error FROM msgext.message WHERE id = $gone", 'role "gone" was dropped'),
		"a dropped role's message goes with nobody's credentials");
	is($t->state($gone), 'queued', 'it waits');
	is($t->sql("SELECT msgext.cancel_message($gone)"), 't', 'until a superuser withdraws it');
	is($t->state($dropped), 'queued', "a dropped server's message waits");
	is($t->status($dropped, "detail->'waiting'->>'for'"), 'server "dropped" was dropped', 'and says so');
	ok( $t->wait_sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($unmapped)", 'credentials'),
		'without a mapping it waits too');
	like($t->status($unmapped, 'error'), qr/there is no user mapping/, 'and says for what');
	ok($t->wait_sql("SELECT last_error ~ 'no user mapping' FROM msgext.server_status WHERE server = 'unmapped'"),
		'server_status tells of it');

	is($t->sql("SELECT next_attempt_at BETWEEN now() AND now() + interval '1 min' FROM msgext.message_status($unmapped)"),
		't', 'and that it will look again');
	$t->add_server('dropped', status_poll => 'off');
	$t->sql("SELECT msgext.resume_server('dropped')");
	$t->wait_state($renamed, 'accepted', 'a renamed server keeps its messages');
	$t->wait_state($t->send(server => 'dropped', phone => 79990000606), 'accepted', 'a new server of the old name works');
	is($t->state($dropped), 'queued', "and does not send the old one's messages");
	$t->sql('ALTER SERVER newname RENAME TO renamed');
	is(join(' ', map { $sim->count($_) } 79990000601 .. 79990000606), '0 1 0 0 1 1', 'all others were sent once');

	# A server with wrong options beside good ones.
	like($t->error("CREATE SERVER bad FOREIGN DATA WRAPPER msgext_devino OPTIONS (uri 'http://x')"),
		qr/invalid option "uri".*"url"/s, 'a wrong option is refused, with a suggestion');
};

subtest 'hold' => sub {
	$node->append_conf('postgresql.conf', "msgext.mode = 'hold'");
	$node->reload;
	ok($t->wait_sql('SHOW msgext.mode', 'hold'), 'msgext.mode is hold');

	# Nothing tells when the worker has heard of it but what it does not send. A server made
	# just now has nothing in flight; a message to it waits for two looks of the worker. One
	# that is slow may still send it after that: then all of it is looked at again.
	my ($id, $sent, $why, $err, $after);
	my $quiet = sub {
		$id = $t->send;
		$sent = $sim->summary->{requests};
		usleep(2_500_000);
		return $t->state($id) eq 'queued' && $sim->summary->{requests} == $sent;
	};
	my $held = sub {
		return 0 if !$quiet->();
		$why = $t->sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($id)");
		(undef, undef, $err) = $node->psql('postgres', "CALL msgext.dispatch('1 hour')");
		$after = $t->state($id);
		return $after eq 'queued';
	};
	ok(until_true($held), 'messages are queued, and nothing is sent');
	is($why, 'msgext.mode is hold', 'it says so');
	is($t->sql("SELECT DISTINCT paused, pause_reason FROM msgext.server_status WHERE server = 'vk'"), 't|msgext.mode is hold', 'so does server_status');
	like($err, qr/NOTICE:  nothing is sent: msgext.mode is "hold"/, 'dispatch() returns at once and says why');
	is($after, 'queued', 'and has sent nothing');
	$node->append_conf('postgresql.conf', "msgext.mode = 'live'");
	$node->reload;
	$t->wait_state($id, 'accepted', 'set to live, they are sent');

	# Of one database, without a reload.
	$t->sql("ALTER DATABASE postgres SET msgext.mode = 'hold'");
	ok(until_true($quiet), 'so by the database alone');
	$t->sql('ALTER DATABASE postgres RESET msgext.mode');
	$t->wait_state($id, 'accepted', 'and they are sent after that');

	# Only a superuser says so, in a session too.
	$t->sql('CREATE ROLE meek LOGIN');
	like($t->error("SET ROLE meek; SET msgext.mode = 'live'"), qr/permission denied to set parameter "msgext.mode"/, 'nobody else sets it');
};

# PostgreSQL warns of them, and starts.
subtest 'settings that cannot be read' => sub {
	$node->append_conf('postgresql.conf', "msgext.mode = 'holdd'\nmsgext.retention = '1 year'");
	$node->restart;
	is($t->sql("SELECT current_setting('msgext.mode'), current_setting('msgext.retention')"), 'hold|-1', 'nothing is sent or removed');
	my $id = $t->send;
	my (undef, undef, $err) = $node->psql('postgres', "CALL msgext.dispatch('1 hour')");
	like($err, qr/NOTICE:  nothing is sent: msgext.mode is "hold"/, 'dispatch() says so');
	is($t->state($id), 'queued', 'a message waits');
	$node->append_conf('postgresql.conf', "msgext.mode = 'live'\nmsgext.retention = '30 d'");
	$node->reload;
	$t->wait_state($id, 'accepted', 'until they are mended');
	ok($t->wait_sql('SHOW msgext.retention', '30 d'), 'both of them');

	# Refused where somebody is told; of a file nobody is.
	for my $set ("SET msgext.mode = 'holdd'", "ALTER SYSTEM SET msgext.mode = 'holdd'", "ALTER DATABASE postgres SET msgext.mode = 'holdd'",
		"ALTER SYSTEM SET msgext.retention = '1 year'", "ALTER DATABASE postgres SET msgext.node = 100")
	{
		like($t->error($set), qr/22023: +invalid value for parameter "msgext.*DETAIL:  It must be/s, "$set is refused");
	}
	$node->append_conf('postgresql.conf', "msgext.mode = 'holdd'");
	$node->reload;
	ok($t->wait_sql('SHOW msgext.mode', 'hold'), 'so it counts at a reload');
	$node->append_conf('postgresql.conf', "msgext.mode = 'Live'");
	$node->reload;
	ok($t->wait_sql('SHOW msgext.mode', 'live'), 'until it can be read');
};

# Set by who had not loaded the library, and so was told nothing.
subtest 'settings of a database that cannot be read' => sub {
	my ($id, $old);

	# The first one: retention ends at one that is young.
	$old = $t->sql('SELECT min(id) FROM msgext.outbox');
	$t->sql("UPDATE msgext.outbox SET state = 'failed', created_at = now() - interval '61 d', finished_at = now() - interval '60 d' WHERE id = $old");
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$node->restart;
	$t->sql(<<'SQL');
ALTER DATABASE postgres SET msgext.mode = 'holdd';
ALTER DATABASE postgres SET msgext.retention = '1 year';
ALTER DATABASE postgres SET msgext.node = 'a1';
SQL
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'msgext'");
	$node->restart;
	is($node->safe_psql('postgres', "SELECT current_setting('msgext.mode'), current_setting('msgext.retention'), current_setting('msgext.node')"),
		'hold|-1|-1', 'they count as the safe side');
	like($t->error('SELECT ' . Msgext::send_sql(phone => $t->new_phone)), qr/55000: +msgext\.node of this database cannot be read/,
		'no message gets an id that could be another node\'s');
	$t->sql('ALTER DATABASE postgres RESET msgext.node');
	$id = $node->safe_psql('postgres', 'SELECT ' . Msgext::send_sql(phone => $t->new_phone));
	my (undef, undef, $err) = $node->psql('postgres', "CALL msgext.dispatch('1 hour')");
	like($err, qr/WARNING:  invalid value for parameter "msgext.mode": "holdd".*NOTICE:  nothing is sent: msgext.mode is "hold"/s,
		'a session and dispatch() say so');
	ok(until_true(sub { return $t->log =~ /WARNING:  invalid value for parameter "msgext\.mode": "holdd"\n.*DETAIL: .*It counts as hold/ }),
		'and the log');
	ok($t->wait_sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'msgext worker' AND datname = 'postgres'"
		  . " AND query = 'waiting for messages' AND backend_start < now() - interval '3 s'"), 'a worker is there for a while');
	is($t->state($id), 'queued', 'it has not sent the message');
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE id = $old"), 1, 'nor removed the old one');

	# Readable ones are those of the database.
	$t->sql("ALTER DATABASE postgres SET msgext.mode = 'live'; ALTER DATABASE postgres SET msgext.retention = '90d'");
	$t->wait_state($id, 'accepted', 'live, it does');
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE id = $old"), 1, 'the old one stays as long as the database says');
	$t->sql('ALTER DATABASE postgres RESET ALL');
	ok($t->wait_sql("SELECT count(*) FROM msgext.outbox WHERE id = $old", 0), 'and then goes');
};

subtest 'test' => sub {
	$t->sql("ALTER DATABASE postgres SET msgext.mode = 'test'");
	my $idle = "SELECT query FROM pg_stat_activity WHERE backend_type = 'msgext worker' AND datname = 'postgres'";
	ok($t->wait_sql($idle, 'test database: nothing is sent'), 'the worker idles and says so');
	my $sent = $sim->summary->{requests};
	my $id = $t->send;

	# Sessions from now on: the database's settings are as old as a session.
	my ($code, $out, $err) = $node->psql('postgres', "CALL msgext.dispatch('1 hour')");
	like($err, qr/NOTICE:  nothing is sent: this is a test database/, 'dispatch() returns at once and says why');
	is($node->safe_psql('postgres', "SELECT DISTINCT pause_reason FROM msgext.server_status WHERE server = 'vk'"), 'test database', 'server_status says so');
	is($node->safe_psql('postgres', "SELECT detail->'waiting'->>'for' FROM msgext.message_status($id)"), 'test database', 'message_status does');
	is($sim->summary->{requests}, $sent, 'nothing was sent');
	$t->sql('ALTER DATABASE postgres RESET msgext.mode');
	$t->wait_state($id, 'accepted', 'it is sent when the database is live again');
};

# What a restore writes, no news tells of: the worker has to see it before it sends.
subtest 'a restore under a running worker' => sub {
	my $id;

	$t->add_server('unasked');
	$t->wait_state($t->send(server => 'unasked'), 'delivered', 'the worker knows the server');
	$id = $t->sql('BEGIN; INSERT INTO msgext.origin VALUES (4711); SELECT '
		  . Msgext::send_sql(server => 'unasked', phone => 79990000791) . '; COMMIT');
	is($t->server('paused', 'unasked'), 't', 'it is a copy now');
	$t->sql('CALL msgext.dispatch()');
	is($sim->count(79990000791), 0, 'and sends nothing');
	$t->sql('DELETE FROM msgext.origin WHERE origin = 4711');
	$t->wait_state($id, 'delivered', 'until it is none any more');
};

subtest 'pg_dump' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/primary.sql";
	my $role = $t->sql('SELECT current_user');

	$t->sql("SELECT msgext.pause_server('vk')");
	$t->sql('SELECT ' . Msgext::send_sql(phone => 79990000801, operation_id => "'dumped'"));
	my $retried = $t->send(phone => 79990000802, send_after => "now() + interval '1 s'");
	$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $file ], 'pg_dump');
	$t->sql('CREATE DATABASE restored');
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $file ],
		'restored into another database');
	$t->sql("SELECT msgext.resume_server('vk')");
	ok($t->wait_sql("SELECT state FROM msgext.message WHERE operation_id = 'dumped'", 'accepted'), 'the original sends');
	workers_become('postgres restored', 'the copy has a worker');

	for my $table (qw(outbox event reference callback))
	{
		is($t->sql("SELECT count(*) > 0 OR '$table' = 'callback' FROM msgext.$table", 'restored'), 't', "$table was restored");
	}
	is($t->server('paused', 'vk', 'restored'), 't', 'the copy starts paused');
	is($t->server('paused', 'renamed', 'restored'), 't', 'all of its servers');
	like($t->server('pause_reason', 'renamed', 'restored'), qr/restored copy/, 'and says why');
	is($t->sql("SELECT state FROM msgext.message WHERE operation_id = 'dumped'", 'restored'), 'queued', 'its messages are queued');
	my $new = $t->send(phone => 79990000803, database => 'restored');
	cmp_ok($new, '>', $retried, 'ids go on behind the restored ones');
	is($sim->count(79990000803), 0, 'a new message waits too');
	is($t->sql('SELECT ' . Msgext::send_sql(phone => 79990000801, operation_id => "'dumped'") . ' = id'
			  . " FROM msgext.message WHERE operation_id = 'dumped'", 'restored'),
		't', 'operation ids were restored');
	$t->sql('CALL msgext.dispatch()', 'restored');
	is($sim->count(79990000801), 1, 'dispatch() sends nothing of it either');

	$t->sql("SELECT msgext.resume_server('vk')", 'restored');
	$t->wait_state($new, 'accepted', 'resumed, the copy sends', 'restored');
	ok($t->wait_sql("SELECT state FROM msgext.message WHERE operation_id = 'dumped'", 'accepted', 'restored'), 'what it had');
	$t->wait_state($retried, 'accepted', 'also what had waited for its time', 'restored');
	is($sim->count(79990000801), 2, 'so now both have sent it: that is what was asked for');
	is($t->server('paused', 'renamed', 'restored'), 't', 'its other servers are still paused');
	$t->sql('DROP DATABASE restored');
};

subtest 'standby' => sub {
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	my $id;

	$node->backup('backup');
	$standby->init_from_backup($node, 'backup', has_streaming => 1);
	$standby->start;
	$t->sql("SELECT msgext.pause_server('vk')");
	$id = $t->send(phone => 79990000901);
	$t->sql("SELECT msgext.resume_server('vk')");
	$t->wait_state($id, 'accepted', 'the primary sends');
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', "SELECT state FROM msgext.message_status($id)"), 'accepted', 'the standby shows it');
	is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'msgext%'"), 0,
		'and has no worker');
	is($standby->safe_psql('postgres', "SELECT queued FROM msgext.server_status WHERE server = 'vk'"), 0, 'views work there');

	# Who would send it is at work, which can be seen on the primary alone.
	$sim->script('devino send match 7999000090 delay 60000');
	$t->add_server('narrow', max_in_flight => 1);
	$id = (map { $t->send(server => 'narrow', phone => $_) } 79990000904, 79990000905)[1];
	$t->sql("UPDATE msgext.outbox SET queued_at = queued_at - interval '1 hour' WHERE id = $id");
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', "SELECT state, detail FROM msgext.message_status($id)"), 'queued|', 'it does not say that nobody sends');

	$t->sql("SELECT msgext.pause_server('dropped')");
	my $queued = $t->send(server => 'dropped', phone => 79990000902);
	my $flying = $t->send(phone => 79990000903);
	ok(until_true(sub { $sim->count(79990000903) }), 'one is on the wire');
	$node->wait_for_catchup($standby);
	$node->stop('immediate');
	$sim->clear;
	is($sim->count(79990000902), 0, 'the primary dies');
	$standby->promote;
	$t->{node} = $standby;
	workers_become('postgres', 'promoted, the standby has a worker');
	$t->wait_state($flying, 'unknown', 'which knows what the old one had on the wire');
	$t->sql("SELECT msgext.resume_server('dropped')");
	$t->wait_state($queued, 'accepted', 'and sends what was queued');
	$t->wait_state($t->send, 'accepted', 'and what is new');
	is($sim->count($_), 1, "$_ was sent once") for 79990000901 .. 79990000903;
	$standby->stop;
};

unlike(slurp_file($node->logfile), qr/PANIC:|TRAP:|signal 11|already held/, 'nothing crashed');

done_testing();
