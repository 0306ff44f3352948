# The clock is set back by a day: nothing waits until it is as late again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
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

$t->add_server('patient', retry_min_delay => '2 s', retry_max_delay => '2 s', status_poll => 'off');
$sim->script('devino send match 79980000000 next 1 status 503');
$late = $t->send(server => 'patient', phone => 79980000000);
ok($t->wait_sql("SELECT waiting FROM msgext.message WHERE id = $late", 'retry'), 'one is to be sent again');
cmp_ok($t->sql("SELECT extract(epoch FROM next_attempt_at) FROM msgext.message WHERE id = $late"), '>', time() + 86_000, 'tomorrow');
set_clock(0);
$t->wait_state($late, 'accepted', 'and is, today');
is($sim->count(79980000000), 1, 'once');

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

unlike($t->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
$t->node->stop;
done_testing();
