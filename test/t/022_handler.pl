# Handlers: functions of users that are run for events, in a process that has more rights
# than they; and NOTIFY. What they do wrong costs nobody but themselves.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use Msgext qw(until_true);
use Test::More;

my $t = Msgext->new('handler');
my $node = $t->node;

$t->sql(<<'SQL');
CREATE ROLE shop;
CREATE ROLE rogue;
GRANT USAGE ON FOREIGN SERVER vk TO shop, rogue;
GRANT EXECUTE ON FUNCTION msgext.can_read() TO shop, rogue;
CREATE SCHEMA shop AUTHORIZATION shop;
CREATE SCHEMA rogue AUTHORIZATION rogue;
SET ROLE shop;
CREATE TABLE shop.got (n serial, position bigint, event jsonb, who text, session text, path text);
CREATE FUNCTION shop.note(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.got (position, event, who, session, path)
    VALUES ((event->>'position')::bigint, event, current_user, session_user, current_setting('search_path'));
END $$;
SELECT msgext.on_event('note', 'shop.note(jsonb)', '{"kind": "cancelled"}');
SET ROLE rogue;
CREATE TABLE rogue.seen (what text, who text);
SQL

# Cancels n new messages, whose events are what handlers are run for.
sub happen
{
	my ($n) = @_;

	$t->sql("SELECT msgext.pause_server('vk')");
	my @ids = $t->send_many($n, 79990000000);
	$t->sql("SELECT msgext.cancel_message(id) FROM unnest('{" . join(',', @ids) . "}'::bigint[]) id");
	$t->sql("SELECT msgext.resume_server('vk')");
	return @ids;
}

# A handler of rogue's with this body; what view handler says once that fits.
sub rogue
{
	my ($name, $body, %option) = @_;
	my $timeout = $option{timeout} // '5 s';

	$t->sql("SET ROLE rogue; CREATE FUNCTION rogue.$name(event jsonb) RETURNS void "
		  . "LANGUAGE plpgsql AS \$\$ $body \$\$; SELECT msgext.on_event('$name', "
		  . "'rogue.$name(jsonb)', '{\"kind\": \"cancelled\"}', timeout => '$timeout')");
}

sub fails
{
	my ($name, $pattern) = @_;
	my $error;

	until_true(sub {
		$error = $t->sql("SELECT last_error FROM msgext.handler WHERE handler = '$name' AND failures > 0");
		$error ne '' });
	like($error, $pattern, "$name fails");
}

my @ids = happen(150);
ok($t->wait_sql('SELECT count(*) = 150 FROM shop.got'), 'each event is handled');
is($t->sql('SELECT count(DISTINCT position) FROM shop.got'), 150, '… once');
is($t->sql('SELECT count(*) FROM shop.got a JOIN shop.got b ON a.n < b.n AND a.position > b.position'),
	0, '… and in order');
is($t->sql('SELECT DISTINCT who, path FROM shop.got'), 'shop|pg_catalog, pg_temp',
	'… by the owner of the function, with a search path that is nobody\'s');

my $ref = '{"lines": [1.5, -7, null], "note": "two\nlines"}';
my $message = $t->sql('SELECT ' . Msgext::send_sql(phone => 79990000001, send_after => "now() + interval '1 hour'") =~ s/\)\z/, ref => '$ref')/r);
$t->sql("SELECT msgext.cancel_message($message)");
ok($t->wait_sql("SELECT event->'ref' = '$ref' FROM shop.got WHERE event->>'message_id' = '$message'"), 'ref is as it was given');
$t->sql("DELETE FROM shop.got WHERE event->>'message_id' = '$message'");
is($t->sql("SELECT event->>'message_id', event->>'kind', event->>'state', event->>'server' "
		  . 'FROM shop.got ORDER BY n LIMIT 1'),
	"$ids[0]|cancelled|cancelled|vk", '… which is told what has happened');
is($t->sql("SELECT unread, failures FROM msgext.handler WHERE handler = 'note'"), '0|0',
	'nothing is left to do');

# Who wants to be more than he is.
my $worker = $t->worker_pid;
my $superuser = $t->sql('SELECT current_user');
rogue('roles', "BEGIN SET ROLE $superuser; END");
rogue('sessions', "BEGIN RESET SESSION AUTHORIZATION; END");
rogue('temporary', "BEGIN CREATE TEMP TABLE t (i int); END");
rogue('slow', "BEGIN PERFORM pg_sleep(60); END", timeout => '100 ms');
rogue('commits', "BEGIN COMMIT; END");
rogue('itself', "BEGIN PERFORM msgext.on_event('itself', 'rogue.itself(jsonb)'); END");
rogue('leaves', "BEGIN PERFORM msgext.drop_consumer('leaves'); INSERT INTO rogue.seen VALUES ('left'); END");
rogue('settings', "BEGIN PERFORM set_config('search_path', 'rogue', false), "
	  . "set_config('statement_timeout', '0', false), pg_advisory_lock(4711); "
	  . "INSERT INTO rogue.seen VALUES ('set', current_user); END");
$t->sql(<<'SQL');
SET ROLE rogue;
CREATE TABLE rogue.bait (i int);
CREATE FUNCTION rogue.later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rogue.seen VALUES ('later', current_user);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON rogue.bait DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION rogue.later();
SQL
rogue('defers', "BEGIN INSERT INTO rogue.bait VALUES (1); END");
rogue('insists', "BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rogue.bait VALUES (1); END");
rogue('stays', "BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; "
	  . "END; END LOOP; END", timeout => '100 ms');
rogue('given', "BEGIN INSERT INTO rogue.seen VALUES ('given', current_user); END");
rogue('gone', "BEGIN END");
$t->sql("ALTER FUNCTION rogue.given(jsonb) OWNER TO $superuser; DROP FUNCTION rogue.gone(jsonb)");
happen(3);
fails('roles', qr/cannot set parameter "role" within security-(restricted|definer)/);
fails('sessions', qr/cannot set parameter "session_authorization" within security-/);
fails('temporary', qr/cannot create temporary table within security-restricted operation/);
fails('slow', qr/canceling statement due to statement timeout/);
fails('commits', qr/invalid transaction termination/);
fails('itself', qr/cannot change its own place/);
fails('insists', qr/cannot fire deferred trigger within security-restricted operation/);
fails('stays', qr/the process ended while it ran/);
fails('given', qr/has another owner now/);
fails('gone', qr/does not exist any more/);
ok($t->wait_sql("SELECT count(*) = 3 FROM rogue.seen WHERE what = 'later' AND who = 'rogue'"),
	'what is deferred is done at once, as the owner');
ok($t->wait_sql("SELECT count(*) = 3 FROM rogue.seen WHERE what = 'set'"), 'settings may be set');
ok($t->wait_sql("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"),
	'… and no lock of the session is left');
ok($t->wait_sql("SELECT count(*) = 0 FROM msgext.handler WHERE handler = 'leaves'"),
	'a handler may drop itself');
is($t->sql("SELECT count(*) FROM rogue.seen WHERE who <> 'rogue'"), 0, 'nobody was anybody else');
ok($t->wait_sql('SELECT count(*) = 153 FROM shop.got'), 'others are not held up');
my $id = $t->send;
$t->wait_state($id, qr/accepted|sent|delivered|read/);
is($t->worker_pid, $worker, 'and the worker has gone on');

# Whose handlers are slow, or end the process, holds up another role's for one of them, not for all.
sub run_of_rogue
{
	return $t->sql("SELECT count(*) FROM msgext.handler WHERE owner = 'rogue' AND handler ~ '^$_[0]' AND "
		  . '(read_at IS NOT NULL OR failures > 0)');
}
my $locks = $node->background_psql('postgres');
$t->sql("SELECT msgext.drop_consumer('stays')");
$locks->query_safe('SELECT pg_advisory_lock(n) FROM generate_series(1, 3) n');
rogue("a_slow$_", "BEGIN PERFORM pg_advisory_xact_lock($_); END", timeout => '60 s') for 1 .. 3;
happen(1);
# Longer than the other role's can have taken before it: whose turn is next goes by time.
ok($t->wait_sql("SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
		. "AND waitstart < clock_timestamp() - interval '5 s'"), 'a slow one runs');
happen(1);
$locks->query_safe('SELECT pg_advisory_unlock(1)');
ok($t->wait_sql('SELECT count(*) = 155 FROM shop.got'), 'what another role waits for');
cmp_ok(run_of_rogue('a_slow'), '<', 3, '… does not wait for all of them');
$locks->quit;
$t->sql("SELECT msgext.drop_consumer(handler) FROM msgext.handler WHERE handler ~ '^a_slow'");
# What a sequence gives is there for all at once, and stays when a process ends: which of them
# have run so far, as it was when the other role's came.
my $run = "(SELECT count(*) FROM pg_sequences WHERE sequencename ~ '^a_stays' AND last_value IS NOT NULL)";
$t->sql("CREATE SEQUENCE public.a_stays$_; GRANT ALL ON SEQUENCE public.a_stays$_ TO rogue, shop") for 1 .. 5;
$t->sql("ALTER TABLE shop.got ADD run int; SET ROLE shop; CREATE OR REPLACE FUNCTION shop.note(event jsonb) RETURNS void "
	  . "LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO shop.got (position, event, run) VALUES ((event->>'position')::bigint, event, $run); END \$\$");
rogue("a_stays$_", "BEGIN PERFORM nextval('public.a_stays$_'); LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled "
	  . 'THEN NULL; END; END LOOP; END', timeout => '100 ms') for 1 .. 5;
happen(1);
ok($t->wait_sql("SELECT count(*) > 0 FROM msgext.handler WHERE handler ~ '^a_stays' AND failures > 0"), 'one has ended the process');
happen(1);
my $before = $t->sql("SELECT $run");
ok($t->wait_sql('SELECT count(*) = 157 FROM shop.got'), 'what another role waits for');
cmp_ok($t->sql('SELECT run FROM shop.got ORDER BY n DESC LIMIT 1'), '<=', $before + 1, '… comes after one of them at most');

# One that fails comes again, in its place; once the cause is mended, or it is passed.
$t->sql(<<'SQL');
DROP OWNED BY rogue CASCADE;
DROP ROLE rogue;
SET ROLE shop;
CREATE TABLE shop.bad (message_id bigint);
CREATE TABLE shop.done (n serial, message_id bigint);
CREATE FUNCTION shop.pay(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.done (message_id) VALUES ((event->>'message_id')::bigint);
    IF EXISTS (SELECT FROM shop.bad WHERE message_id = (event->>'message_id')::bigint) THEN
        RAISE EXCEPTION 'no money for %', event->>'message_id';
    END IF;
END $$;
SQL
my $last = $t->sql('SELECT max(id) FROM msgext.outbox');
$t->sql("INSERT INTO shop.bad VALUES ($last + 3), ($last + 5)");
$t->sql("SET ROLE shop; SELECT msgext.on_event('pay', 'shop.pay(jsonb)', '{\"kind\": \"cancelled\"}')");
@ids = happen(8);
fails('pay', qr/no money for $ids[2]/);
is($t->sql('SELECT count(*) FROM shop.done'), 2, 'those before it are done, those behind it wait');
$t->sql("DELETE FROM shop.bad WHERE message_id = $ids[2]");
ok($t->wait_sql("SELECT last_error LIKE '%$ids[4]' FROM msgext.handler WHERE handler = 'pay'"),
	'it is tried again, and goes on');
ok( $t->wait_sql("SELECT msgext.events_done('pay', failed_position) FROM msgext.handler WHERE handler = 'pay'"),
	'one can be passed');
ok($t->wait_sql('SELECT count(*) = 7 FROM shop.done'), '… and those behind it come');
is($t->sql('SELECT string_agg(message_id::text, \' \' ORDER BY n) FROM shop.done'),
	join(' ', @ids[ 0 .. 3, 5 .. 7 ]), '… in order');
is($t->sql("SELECT failures, last_error IS NULL FROM msgext.handler WHERE handler = 'pay'"), '0|t',
	'it does not fail any more');

# What a handler does was done by its owner, not by whom the process belongs to.
$t->sql(<<'SQL');
GRANT EXECUTE ON FUNCTION msgext.can_operate() TO shop;
SET ROLE shop;
CREATE FUNCTION shop.again(event jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT msgext.retry_message((event->>'message_id')::bigint, 'by itself')
$$;
SELECT msgext.on_event('again', 'shop.again(jsonb)', '{"kind": "closed"}');
RESET ROLE;
SQL
$t->sql("UPDATE msgext.outbox SET state = 'failed', problem = 'failed' WHERE id = $ids[0]; "
	  . "SELECT msgext.close_message($ids[0])");
ok($t->wait_sql("SELECT actor = 'shop' FROM msgext.message_event WHERE message_id = $ids[0] "
		  . "AND kind = 'retried' AND reason = 'by itself'"), 'a handler acts in the name of its owner');

# Handlers of a role that is gone do nothing, and an administrator removes them.
is($t->sql("SELECT count(*) > 5, bool_and(msgext.drop_consumer(handler)) FROM msgext.handler "
		  . "WHERE owner = 'rogue'"), 't|t', 'handlers of a dropped role can be dropped');

# NOTIFY: for who asked for it, while there is something to read.
my ($in, $out) = ('', '');
my $psql = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-d', $node->connstr('postgres') ],
	'<', \$in, '>', \$out, IPC::Run::timeout($Msgext::patience));
$in = "LISTEN shop_news;\nSELECT msgext.create_consumer('told', notify => 'shop_news');\n\\echo ready\n";
$psql->pump until $out =~ /ready/;
happen(1);
until_true(sub { $in .= "SELECT 1;\n"; $psql->pump; $out =~ /Asynchronous notification "shop_news"/ });
like($out, qr/Asynchronous notification "shop_news"/, 'a consumer is told that there is something');

# What could not be told is told later. An error of this kind takes a superuser.
$t->sql("SELECT msgext.create_consumer('torn', notify => 'torn_news'); "
	  . "UPDATE msgext.feed SET filter = '[]' WHERE name = 'torn'");
my $told = () = $out =~ /Asynchronous notification/g;
my $log = -s $node->logfile;
happen(1);
ok(until_true(sub { $node->log_contains(qr/filter of events is not valid/, $log) }), 'telling fails');
$t->sql("SELECT msgext.drop_consumer('torn')");
ok(until_true(sub { $in .= "SELECT 1;\n"; $psql->pump; $told < (() = $out =~ /Asynchronous notification/g) }),
	'… and those who should have been told are, once it can be done');

# One whom nothing concerns is not told, nor is the same looked at for him for ever.
$t->sql("SELECT msgext.create_consumer('idle', '{\"kind\": \"expired\"}', notify => 'idle_news')");
my $passed = "SELECT done::text FROM msgext.feed WHERE name = 'idle'";
my $begun = $t->sql($passed);
happen(150);
ok($t->wait_sql("SELECT ($passed) <> '$begun'"), 'what does not concern a consumer is passed');
is($t->sql("SELECT read_at IS NULL, unread FROM msgext.consumer WHERE consumer = 'idle'"), 't|0',
	'… which is not to have read it');
$in .= "\\q\n";
$psql->finish;

# Of a long history so much is looked at in one transaction, and then more: nothing is lost.
# The rows are forged: so many events would take minutes.
$id = $t->sql('SELECT max(id) FROM msgext.outbox');
$t->sql("INSERT INTO msgext.event (message_id, at, kind, attempt, state) SELECT $id, now(), "
	  . "CASE i WHEN 150000 THEN 'interrupted' ELSE 'status' END, 1, 'sent' FROM generate_series(1, 150000) i");
$t->sql(<<'SQL');
CREATE TABLE public.seldom (n serial, kind text);
CREATE FUNCTION public.seldom(event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.seldom (kind) SELECT event->>'kind'
$$;
SQL
my $first = $t->sql('SELECT max(id) - 150000 FROM msgext.event');
$t->sql("SELECT msgext.on_event('seldom', 'public.seldom(jsonb)', '{\"kind\": \"interrupted\"}', after => $first)");
ok($t->wait_sql('SELECT count(*) = 1 FROM public.seldom'), 'what comes behind 150,000 events is handled');
ok($t->wait_sql("SELECT unread = 0 FROM msgext.handler WHERE handler = 'seldom'"), '… once');

# Nor is more looked at in one transaction for who has many that are far behind.
$t->sql("SELECT msgext.create_consumer('far' || i, '{\"kind\": \"expired\"}', after => $first, notify => 'far_news') "
	  . 'FROM generate_series(1, 2) i');
$begun = $t->sql("SELECT done::text FROM msgext.feed WHERE name = 'far1'");
ok($t->wait_sql("SELECT count(*) = 2 FROM msgext.feed WHERE name ~ '^far' AND done::text <> '$begun'"),
	'two consumers of one role pass them');
is($t->sql("SELECT count(DISTINCT xmin::text) FROM msgext.feed WHERE name ~ '^far'"), 2, '… not both at once');

# Without handlers there is no process for them.
ok($t->wait_sql("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'msgext feeder'"),
	'there is one process');
$t->sql("SELECT msgext.drop_consumer(handler) FROM msgext.handler; SELECT msgext.drop_consumer(consumer) FROM msgext.consumer");
ok($t->wait_sql("SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'msgext feeder'"),
	'… and none where there is nothing to do');
unlike($t->log, qr/TRAP|PANIC:/, 'nothing crashed');

done_testing();
