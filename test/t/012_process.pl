# The background processes: under others' settings, with another extension of the same
# name, with errors that do not end, at a shutdown, and in a binary upgrade.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $t = Msgext->new('process',
	conf => "max_prepared_transactions = 2\nmsgext.restart_delay = 100ms\nlog_min_messages = debug1\n",
	options => { status_poll => 'off' });
my $sim = $t->sim;
my $node = $t->node;

# How often the pattern is in the log.
sub logged
{
	my ($pattern) = @_;
	my $n = () = $t->log =~ /$pattern/g;

	return $n;
}

sub reload_with
{
	my ($setting, $value) = @_;

	$node->append_conf('postgresql.conf', "$setting = '$value'");
	$node->reload;
	ok($t->wait_sql("SELECT setting FROM pg_settings WHERE name = '$setting'", $value), "$setting is $value");
	return;
}

# The worker of the database is another process than this one.
sub other_worker
{
	my ($old, $database) = @_;

	return until_true(sub { my $pid = $t->worker_pid($database); return $pid =~ /^\d+$/ && $pid ne $old && $pid });
}

subtest 'a hostile database' => sub {
	my %hostile = (
		search_path => 'evil, pg_catalog',
		role => 'nobody',
		exit_on_error => 'on',
		row_security => 'off',
		session_replication_role => 'replica',
		default_transaction_isolation => 'serializable',
		default_transaction_read_only => 'on',
		default_transaction_deferrable => 'on',
		statement_timeout => '1',
		lock_timeout => '1',
		idle_in_transaction_session_timeout => '1',
		synchronous_commit => 'off',
		check_function_bodies => 'off',
		DateStyle => 'German',
		IntervalStyle => 'iso_8601',
		TimeZone => 'Asia/Kathmandu',
		bytea_output => 'escape',
		extra_float_digits => '-15',
		xmloption => 'document',
		client_encoding => 'SJIS',
		enable_indexscan => 'off',
		enable_seqscan => 'off',
		plan_cache_mode => 'force_generic_plan',
		jit => 'on',
		debug_print_plan => 'on',
		log_statement => 'all',
		log_min_duration_statement => '0',
		zero_damaged_pages => 'on');
	my $pid;

	$t->sql('CREATE DATABASE hostile');
	$t->sql('CREATE EXTENSION msgext; CREATE ROLE nobody', 'hostile');
	$t->sql('CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC', 'hostile');
	for my $function ('now() RETURNS timestamptz', 'make_interval(mins int) RETURNS interval', 'coalesced() RETURNS int')
	{
		$t->sql("CREATE FUNCTION evil.$function LANGUAGE plpgsql AS "
			  . q($$BEGIN RAISE WARNING 'evil is at work'; RETURN NULL; END$$), 'hostile');
	}
	for my $type (qw(bigint timestamptz))
	{
		$t->sql("CREATE FUNCTION evil.compare($type, $type) RETURNS bool LANGUAGE plpgsql AS "
			  . q($$BEGIN RAISE WARNING 'evil is at work'; RETURN false; END$$), 'hostile');
		$t->sql("CREATE OPERATOR evil.$_ (FUNCTION = evil.compare, LEFTARG = $type, RIGHTARG = $type)", 'hostile')
		  for ('<', '>', '<=', '=');
	}
	$t->add_server('vk', database => 'hostile');
	$t->wait_state($t->send(database => 'hostile', fate => 'sent,delivered'), 'delivered', 'something that is over', 'hostile');
	$pid = $t->worker_pid('hostile');

	# What our own sessions are to have, beside what the database says.
	local $ENV{PGOPTIONS} = join(' ', map {
		my $value = $t->sql("SELECT current_setting('$_')");
		$value =~ s/([ \\])/\\$1/g;
		"-c $_=$value"
	} sort keys %hostile);
	for my $name (sort keys %hostile)
	{
		my $value = $name eq 'search_path' ? $hostile{$name} : "'$hostile{$name}'";

		$t->sql("ALTER DATABASE hostile SET $name = $value");
	}

	# A worker removes what is over when it starts, and then once a minute.
	reload_with('msgext.retention', 0);
	$t->sql("SELECT pg_terminate_backend($pid)");
	$pid = other_worker($pid, 'hostile');
	ok($pid, 'a worker starts under these settings');
	ok($t->wait_sql('SELECT count(*) FROM msgext.outbox', 0, 'hostile'), 'and removes what is over');
	reload_with('msgext.retention', -1);
	$t->wait_state($t->send(database => 'hostile', fate => 'sent,delivered'), 'delivered', 'a message gets its way', 'hostile');

	# An error is not the end of the worker.
	$t->sql('ALTER TABLE msgext.event RENAME TO away', 'hostile');
	my $id = $t->send(database => 'hostile');
	ok(until_true(sub { logged(qr/ERROR: .*relation "msgext.event" does not exist/) > 1 }), 'an error');
	$t->sql('ALTER TABLE msgext.away RENAME TO event', 'hostile');
	$t->wait_state($id, 'accepted|delivered', 'and the message is sent', 'hostile');
	is($t->worker_pid('hostile'), $pid, 'by the same worker');
	unlike($t->log, qr/evil is at work/, 'nothing of the schema in front was called');
	unlike($t->log, qr/PlannedStmt|duration: .*msgext\.outbox/i, 'and no plan of ours was logged');
	is($t->sql("SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity WHERE backend_type = 'msgext worker'"),
		$t->sql('SELECT rolname FROM pg_roles WHERE oid = 10'), 'the worker is who it was');
	$t->sql('DROP DATABASE hostile WITH (FORCE)');
};

# Everything of the old extension that is on the wire is about rows that are gone.
subtest 'DROP and CREATE EXTENSION with requests in flight' => sub {
	my $pid;
	my @ids;

	$t->sql('CREATE DATABASE anew');
	$t->sql('CREATE EXTENSION msgext', 'anew');
	$t->add_server('vk', database => 'anew', status_poll => 'off', timeout => '20 s');
	$t->wait_state($t->send(database => 'anew'), 'accepted', 'the worker works', 'anew');
	$pid = $t->worker_pid('anew');
	$sim->script('devino send match 799900001 delay 3000');
	@ids = $t->send_many(5, 79990000100, database => 'anew');
	ok(until_true(sub { 5 == grep { $sim->count(79990000100 + $_) } 0 .. 4 }), 'requests are in flight');

	# In one transaction: nobody sees the database without.
	$t->sql('BEGIN; DROP EXTENSION msgext CASCADE; CREATE EXTENSION msgext; COMMIT', 'anew');
	$t->add_server('vk', database => 'anew', status_poll => 'off');
	$t->sql("SELECT msgext.pause_server('vk')", 'anew');
	my @new = $t->send_many(5, 79990000200, database => 'anew');
	ok((grep { my $id = $_; grep { $_ == $id } @ids } @new), 'new messages have the ids of old ones');
	ok(other_worker($pid, 'anew'), 'another worker is there');
	like($t->log, qr/msgext worker leaves: extension msgext was created anew/, 'the old one knows why it left');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE state = 'queued' AND attempts = 0", 'anew'), 5,
		'no answer of the old extension got to a new row');
	is($t->sql('SELECT count(*) FROM msgext.message_event WHERE kind <> \'queued\'', 'anew'), 0, 'nor did an event');
	$sim->clear;
	$t->sql("SELECT msgext.resume_server('vk')", 'anew');
	$t->wait_state($_, 'accepted', "new message $_ is sent", 'anew') for @new;
	is(join(' ', map { $sim->count(79990000200 + $_) } 0 .. 4), '1 1 1 1 1', 'once');
	$t->sql('DROP DATABASE anew WITH (FORCE)');
};

# There is no trap around their waits, which are no statements.
subtest 'pg_cancel_backend()' => sub {
	my $processes = "SELECT string_agg(backend_type || ' ' || pid, ', ' ORDER BY pid) FROM pg_stat_activity WHERE backend_type IN ('msgext launcher', 'msgext worker') AND datname IS DISTINCT FROM 'later'";
	my ($before, $id);

	$sim->script('devino send match 79990000251 delay 60000');
	$id = $t->send(phone => 79990000251);
	ok(until_true(sub { $sim->count(79990000251) }), 'a request is under way');
	$before = $t->sql($processes);
	$t->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'msgext %'");

	# Who does what is asked for now has met the signal before.
	$t->wait_state($t->send(phone => 79990000252), 'accepted', 'the worker works on');
	$t->sql('CREATE DATABASE later');
	$t->sql('CREATE EXTENSION msgext', 'later');
	ok(other_worker(0, 'later'), 'and so does the launcher');
	is($t->sql($processes), $before, 'as the processes that they were');
	$sim->clear;
	$sim->release;
	$t->wait_state($id, 'accepted', 'and what was under way is not lost sight of');
	$t->sql('DROP DATABASE later WITH (FORCE)');
};

subtest 'a worker that cannot start' => sub {
	my $pid = $t->worker_pid;
	my $starts = logged(qr/database \d+: msgext worker is started/);
	my $begun = time();
	my ($id, $bound);

	$t->sql('ALTER TABLE msgext.claim RENAME TO away');
	$t->sql("SELECT pg_terminate_backend($pid)");
	ok(until_true(sub { logged(qr/relation "msgext.claim" does not exist/) > 2 }), 'it tries again and again');

	# Each commit finds no worker.
	$id = $t->send for 1 .. 40;
	$starts = logged(qr/database \d+: msgext worker is started/) - $starts;
	$bound = 2 + int(log((time() - $begun) / 0.1) / log(2) + 1);
	cmp_ok($starts, '<=', $bound, 'ever more seldom, whoever asks for one');
	$t->sql('ALTER TABLE msgext.away RENAME TO claim');
	$t->wait_state($id, 'accepted', 'and in the end works');
};

subtest 'an error beside the dispatching' => sub {
	my $pid = $t->worker_pid;
	my @flying;

	$t->wait_state($t->send, 'accepted', 'a message that is over');
	$t->sql("CREATE TABLE mine AS SELECT id FROM msgext.outbox");
	$t->sql('ALTER TABLE mine ADD FOREIGN KEY (id) REFERENCES msgext.outbox');
	$sim->script('devino send match 799900003 delay 1500');
	@flying = $t->send_many(20, 79990000300);
	ok(until_true(sub { 20 == grep { $sim->count(79990000300 + $_) } 0 .. 19 }), 'messages are in flight');
	reload_with('msgext.retention', 0);

	# What retention may remove is over, too.
	ok( $t->wait_sql("SELECT count(*) FROM msgext.outbox WHERE state <> 'accepted' AND id IN (" . join(',', @flying) . ')', 0),
		'no answer is lost by what retention meets');
	is($t->worker_pid, $pid, 'the worker stays');
	cmp_ok(logged(qr/violates foreign key constraint "mine_id_fkey"/), '<=', 2, 'and does not complain without end');
	reload_with('msgext.retention', -1);
	$t->sql('DROP TABLE mine');
	$sim->clear;
};

# It undoes what was removed in the same transaction.
subtest 'an error beside payloads that are removed' => sub {
	my (@ids, $erased);

	$t->add_server('quiet');
	$t->sql("SELECT msgext.pause_server('quiet')");
	@ids = map { $t->send(server => 'quiet') } 0 .. 2;
	$t->sql("SELECT msgext.cancel_message($_)") for @ids;
	$t->sql('CREATE FUNCTION refuse(id bigint, payload bytea) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$'
		  . " BEGIN IF payload IS NULL AND id = $ids[1] THEN RAISE 'this payload stays'; END IF; RETURN id; END \$\$");
	$t->sql('CREATE INDEX refuse ON msgext.outbox (public.refuse(id, payload))');
	$t->sql("ALTER SERVER quiet OPTIONS (ADD payload_retention '1 ms')");
	$erased = 'SELECT count(*) FROM msgext.message WHERE erased_at IS NOT NULL AND id IN (%s)';
	ok($t->wait_sql(sprintf($erased, "$ids[0], $ids[2]"), 2), 'those beside it are removed in the end');
	ok(logged(qr/ERROR: .*this payload stays/), 'after an error');
	is($t->sql(sprintf($erased, $ids[1])), 0, 'whose own payload stays');
	$t->sql('DROP INDEX msgext.refuse');
	$t->sql("ALTER SERVER quiet OPTIONS (SET payload_retention '2 ms')");
	ok($t->wait_sql(sprintf($erased, $ids[1]), 1), 'until it can be removed');
};

sub stops
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(system_log('pg_ctl', '-D', $node->data_dir, '-m', 'fast', '-w', '-t', '25', 'stop') == 0, $name);
	$node->_update_pid(0);
	return;
}

subtest 'a fast shutdown, and a lock that nobody lets go of' => sub {
	my $id;

	$t->sql("BEGIN; LOCK TABLE msgext.outbox IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'holder'");
	ok( $t->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext worker' AND wait_event_type = 'Lock'", 1),
		'the worker waits for it');
	stops('it ends at a shutdown');

	# The prepared transaction outlives that.
	$node->start;
	ok( $t->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext worker' AND wait_event_type = 'Lock'", 1),
		'so does the next one');
	stops('and ends likewise');
	$node->start;
	$t->sql("ROLLBACK PREPARED 'holder'");
	$t->wait_state($t->send, 'accepted', 'let go, it works');

	# With an answer to be recorded, and time to do so.
	$sim->script('devino send match 79990000401 delay 300');
	$id = $t->send(phone => 79990000401);
	ok(until_true(sub { $sim->count(79990000401) }), 'a request is in flight');
	$t->sql("BEGIN; LOCK TABLE msgext.outbox IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'holder'");
	stops('a shutdown that waits for the answer ends, too');
	$node->start;
	$t->sql("ROLLBACK PREPARED 'holder'");
	$t->wait_state($id, 'accepted|unknown', 'what it could not record is known to be unknown');
	$sim->clear;
};

subtest 'binary upgrade' => sub {
	my $id;

	$t->sql("SELECT msgext.pause_server('vk')");
	$id = $t->send(phone => 79990000501);

	$node->stop;
	ok(system_log('pg_ctl', '-D', $node->data_dir, '-l', $node->logfile, '-w', '-o', "-b --cluster-name=upgrade", 'start') == 0,
		'started as pg_upgrade does');
	$node->_update_pid(1);
	$t->sql("SELECT msgext.resume_server('vk')");
	is($t->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'msgext%'"), 0, 'no process of ours runs');
	like($t->error('CALL msgext.dispatch()'), qr/55000.*binary upgrade/s, 'and dispatch() refuses');
	is($t->state($id), 'queued', 'so nothing is sent');
	is($sim->count(79990000501), 0, 'at all');
	$node->stop;
	$node->start;
	$t->wait_state($id, 'accepted', 'afterwards it is');
};

unlike($t->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
$node->stop;

done_testing();
