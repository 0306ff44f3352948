# The clock is set back by a day: nothing waits until it is as late again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Listener;
use Msgext::Simulator;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir('clock');
my $cc = qx(pg_config --cc) =~ s/\s+\z//r;

system("$cc -shared -fPIC -o $dir/clock.so $FindBin::RealBin/../modules/clock/clock.c") == 0
  or plan skip_all => 'there is no C compiler';

# Microseconds; processes that run look at the same file.
sub set_clock
{
	my ($us) = @_;

	open my $file, (-e "$dir/offset" ? '+<' : '>'), "$dir/offset" or die "$dir/offset: $!";
	binmode $file;
	print $file pack('q', $us);
	close $file or die "$dir/offset: $!";
	return;
}

set_clock(0);

my $sim = Msgext::Simulator->new;
my $t;

{
	local $ENV{LD_PRELOAD} = "$dir/clock.so";
	local $ENV{CLOCK_OFFSET} = "$dir/offset";

	$t = Msgext->new('clock',
		sim => $sim,
		conf => "msgext.restart_delay = '3 s'\n",
		options => { rate_limit => '1/s', status_poll => 'off' });
}

my $day = 86_400_000_000;

# It goes wrong while one is to be sent again, and is put right.
set_clock($day);

my $late;

$t->add_server('asked');
$t->sql(<<'SQL');
CREATE TABLE public.told (n int, fails boolean);
INSERT INTO public.told VALUES (0, true);
CREATE FUNCTION public.told(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT fails FROM public.told) THEN RAISE 'not yet'; END IF;
    UPDATE public.told SET n = n + 1;
END $$;
SQL
$t->add_server('patient', retry_min_delay => '2 s', retry_max_delay => '2 s', status_poll => 'off');
$sim->script('devino send match 79980000000 next 1 status 503');
$late = $t->send(server => 'patient', phone => 79980000000);
ok($t->wait_sql("SELECT waiting FROM msgext.message WHERE id = $late", 'retry'), 'one is to be sent again');
cmp_ok($t->sql("SELECT extract(epoch FROM next_attempt_at) FROM msgext.message WHERE id = $late"), '>', time() + 86_000, 'tomorrow');
# Another is to be asked about, a third has failed at a handler.
my $asked = $t->send(server => 'asked', phone => 79980000001, fate => 'sent@1,delivered@60000');
my $told;

$t->wait_state($asked, 'sent', 'one is followed');
cmp_ok($t->sql("SELECT extract(epoch FROM next_attempt_at) FROM msgext.message WHERE id = $asked"), '>', time() + 86_000, 'tomorrow');
$t->sql("SELECT msgext.on_event('told', 'public.told(jsonb)', '{\"kind\": \"cancelled\"}')");
$told = $t->send(server => 'asked', phone => 79980000002, send_after => "now() + interval '1 hour'");
$t->sql("SELECT msgext.cancel_message($told)");
ok($t->wait_sql("SELECT failures > 0 FROM msgext.handler WHERE handler = 'told'"), 'a handler has failed');
$t->sql('UPDATE public.told SET fails = false');
# One waits, by its template, for an hour from now.
my $debounced = "SELECT send_after < now() + interval '1 day' FROM msgext.message WHERE template = 'hour'";

$t->sql(<<'SQL');
SELECT msgext.create_template('hour', 'asked', '{"vk": {"subject": "AO", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "79980000003", "templateId": 1, "templateData": {}}}', operation_id => '{{new.id}}', debounce => '1 hour');
CREATE TABLE public.changed (id int);
CREATE TRIGGER changed AFTER INSERT ON public.changed FOR EACH ROW EXECUTE FUNCTION msgext.notify('hour');
INSERT INTO public.changed VALUES (1);
SQL
ok($t->wait_sql("SELECT waiting FROM msgext.message WHERE template = 'hour'", 'send_after'), 'one waits for its template');
set_clock(0);
$t->wait_state($late, 'accepted', 'and is, today');
is($sim->count(79980000000), 1, 'once');
ok($t->wait_sql("SELECT next_attempt_at < now() + interval '1 hour' AND accepted_at <= now() FROM msgext.message WHERE id = $asked"),
	'the other is asked about, today');
is($t->sql("SELECT last_success_at <= now() FROM msgext.server_status WHERE server = 'asked'"), 't', 'and nothing is told of tomorrow');
ok($t->wait_sql('SELECT n FROM public.told', 1), 'the handler is run');
ok($t->wait_sql($debounced), 'what a template has reckoned is reckoned from today');

my @ids = ($t->send);
my $worker;

$t->wait_state($ids[0], 'accepted', 'one is sent');
$t->add_server('broken', url => 'http://127.0.0.1:1', break_after => '200 ms', status_poll => 'off');
$t->send(server => 'broken', phone => 79970000000);
ok($t->wait_sql("SELECT broken_at IS NOT NULL FROM msgext.server_status WHERE server = 'broken'"), 'another server is away');
$worker = $t->worker_pid;
set_clock(-$day);
cmp_ok($t->sql('SELECT extract(epoch FROM now())'), '<', time() - 86_000, 'the clock is set back');
$t->set_option('broken', url => $sim->url);
push @ids, $t->send, $t->send;
$t->wait_state($_, 'accepted', 'the next ones are sent, limit and all') for @ids[ 1, 2 ];
like($t->log, qr/LOG:  msgext worker leaves: the clock was set back by \d+ s/, 'by another worker');
ok(until_true(sub { my $pid = $t->worker_pid; return $pid ne '' && $pid ne $worker }), 'which stays');
$t->wait_state($t->send(server => 'broken', phone => 79970000001), 'accepted', 'the server that was away is tried');

# It has ended, and waits to be started again; where that took us long, another one is there.
$worker = $t->worker_pid;
$t->sql("SELECT pg_terminate_backend($worker)");
ok(until_true(sub { return $t->worker_pid ne $worker }), 'it has ended');
set_clock(-2 * $day);
push @ids, $t->send;
$t->wait_state($ids[3], 'accepted', 'it is started all the same');
set_clock(0);
push @ids, $t->send;
$t->wait_state($ids[4], 'accepted', 'set forward, one is sent, too');
is(join(' ', map { $sim->count(79990000000 + $_) } 1 .. 5), '1 1 1 1 1', 'each once');

# A listener looks, too, whether its database is wanted by somebody else.
$t->sql('CREATE DATABASE other');
$t->sql('CREATE EXTENSION msgext', 'other');
$t->add_server('vk', database => 'other');
Msgext::Listener->new($t, database => 'other', servers => ['vk']);
ok($t->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext listener'", 1), 'there is a listener');
set_clock(-$day);
ok(until_true(sub { $t->error('DROP DATABASE other') eq '' }), 'its database can be dropped');
set_clock(0);

# What was queued tomorrow is in nobody's way.
$t->sql('ALTER SYSTEM SET msgext.retention = 0; SELECT pg_reload_conf()');
ok(until_true(sub { return ($worker = $t->worker_pid) ne '' }), 'a worker is there');
$t->sql("SELECT pg_terminate_backend($worker)");
ok($t->wait_sql("SELECT count(*) FROM msgext.outbox WHERE id IN (@{[join ', ', @ids]})", 0), 'what is over goes');

unlike($t->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
$t->node->stop;
done_testing();
