# Extension msgext_test beside a running worker: from then on nobody opens a socket for this
# database, and when it goes nothing leaves before a person says so.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Socket::INET;
use Msgext qw(until_true);
use Msgext::Listener;
use Test::More;
use Time::HiRes qw(usleep);

my $t = Msgext->new('testing');
my $sim = $t->sim;
my $node = $t->node;
my $l = Msgext::Listener->new($t);
my $worker = "SELECT query FROM pg_stat_activity WHERE backend_type = 'msgext worker' AND datname = 'postgres'";

# Who connects here is caught, whatever he says.
my $canary = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1', Proto => 'tcp', Blocking => 0)
  or die "could not listen: $!";

sub visitors
{
	my $n = 0;

	$n++ while $canary->accept;
	return $n;
}

# Everybody who could send has had his time.
sub quiet
{
	my ($what) = @_;
	my $sent = $sim->summary->{requests};

	usleep(2_500_000);
	is($sim->summary->{requests}, $sent, "$what: the provider hears nothing");
	is(visitors(), 0, "$what: nor does anybody else");
	return;
}

ok($l->wait, 'the database listens for callbacks');
$t->wait_state($t->send(fate => 'delivered'), 'delivered', 'and sends');

$t->sql('CREATE EXTENSION msgext_test');
ok($t->wait_sql($worker, 'test database: nothing is sent'), 'the worker idles and says so');
ok( until_true(sub { !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $l->port, Proto => 'tcp') }),
	'nobody listens any more');
$t->add_server('canary', url => 'http://127.0.0.1:' . $canary->sockport);
my $id = $t->send(fate => 'delivered');
my $other = $t->send(server => 'canary');
my ($code, $out, $err) = $node->psql('postgres', 'CALL msgext.dispatch()');
like($err, qr/NOTICE:  nothing is sent: this is a test database\nHINT:  Extension msgext_test is installed in it/,
	'dispatch() says why it does nothing');
quiet('a test database');
is($t->state($id), 'queued', 'messages stay where they are');

# By the extension, whatever the setting says.
$t->sql("ALTER DATABASE postgres SET msgext.mode = 'live'");
$node->restart;
ok($t->wait_sql($worker, 'test database: nothing is sent'), 'so after a restart');
$node->psql('postgres', 'CALL msgext.dispatch()');
quiet('with msgext.mode live');

$t->sql('DROP EXTENSION msgext_test');
is($t->sql("SELECT string_agg(DISTINCT pause_reason, ',') FROM msgext.server_status"),
	'this was a test database', 'without it, every server is paused');
quiet('paused');
$t->sql("SELECT msgext.resume_server('vk')");
$t->wait_state($id, 'delivered', 'what was queued leaves when its server is released');
is(visitors(), 0, 'that of another one does not');
is($t->state($other), 'queued', 'and waits');

# Without a worker: dispatch() alone could send.
my $bare = Msgext->new('bare', preload => 0);
$bare->sql('CREATE EXTENSION msgext_test');
$bare->add_server('canary', url => 'http://127.0.0.1:' . $canary->sockport);
$bare->send(server => 'canary');
(undef, undef, $err) = $bare->node->psql('postgres', 'CALL msgext.dispatch()');
like($err, qr/NOTICE:  nothing is sent: this is a test database/, 'not preloaded, dispatch() refuses too');
is(visitors(), 0, 'and opens no socket');

done_testing();
