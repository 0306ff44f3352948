# pg_upgrade: every server starts paused in the new cluster; resumed, what was queued is sent
# once, what was accepted is still followed, and callbacks that were kept find their message.
#
# From the server under test to itself; from an older major version where MSGEXT_OLD_INSTALL
# names its installation, with msgext in it (make matrix does).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP ();
use Msgext;
use PostgreSQL::Test::Utils;
use Test::More;

my $old_path = $ENV{MSGEXT_OLD_INSTALL};
my $conf = "max_worker_processes = 16\n";
my $t = Msgext->new('old', server => 0, conf => $conf, init => [ extra => ['--no-sync'] ], install_path => $old_path);
my $sim = $t->sim;
my $old = $t->node;
my $new = PostgreSQL::Test::Cluster->new('new');
my $n = bless { %$t, node => $new }, 'Msgext';

# A report on the message, as Devino posts it.
sub report
{
	my ($cluster, $provider_id, $status) = @_;

	return $cluster->sql("SELECT msgext.receive_callback('vk', convert_to('[{\"messageId\": $provider_id, "
		  . "\"status\": \"$status\", \"receivedAt\": \"2026-11-22 01:29:37\"}]', 'UTF8'))");
}

$t->add_server('vk', status_poll => 'off');
$t->add_server('held', status_poll => 'off');
$t->add_server('limited', status_poll => 'off', recipient_limit => '1/day');

# One that is accepted, and waits for a callback; one that has had it; a callback that is kept.
my $accepted = $t->send(phone => 79990000001);
my $delivered = $t->send(phone => 79990000002);
my $use = $t->send(phone => 79990000003, server => 'limited');
$t->wait_state($_, 'accepted') for $accepted, $delivered, $use;
my %provider_id = map { $_ => $t->status($_, 'provider_id') } $accepted, $delivered;
is(report($t, $provider_id{$delivered}, 'DELIVERED'), 1, 'a callback comes in');
is(report($t, '777000777', 'DELIVERED'), 0, 'and one of a message that is not known');

# Queued in every way.
$t->sql("SELECT msgext.pause_server('held', 'maintenance')");
my @queued = (
	$t->send(phone => 79990000011, send_after => "now() + '1 h'"),
	$t->send(phone => 79990000012, server => 'held', operation_id => "'twelve'", priority => 1),
	$t->send(phone => 79990000013, server => 'held', expires_at => "now() + '1 day'"));
$sim->script('devino send match 79990000014 always status 503');
push @queued, $t->send(phone => 79990000014);
ok($t->wait_sql("SELECT attempts > 0 FROM msgext.message_status($queued[3])"), 'one is being retried');
my $history = "SELECT count(*) FROM msgext.message_event WHERE message_id IN ($accepted, $delivered)";
my $before = $t->sql($history);
$old->stop;
$sim->script('clear');

# The new cluster has been made by an initdb of its own, with the same of all that must agree.
# From 18 on, initdb makes checksums unless it is told not to.
$new->init(extra => [ '--no-sync', $new->pg_version >= 18 && $old->pg_version < 18 ? '--no-data-checksums' : () ]);
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'msgext'\n$conf");
my $old_bin = defined $old_path ? "$old_path/bin" : `pg_config --bindir`;
my $new_bin = `pg_config --bindir`;
chomp($old_bin, $new_bin);
my $dir = PostgreSQL::Test::Utils::tempdir('pg_upgrade');
chdir $dir or die "$dir: $!";
command_ok(
	[
		"$new_bin/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir,
		'-b', $old_bin, '-B', $new_bin, '-s', $new->host, '-p', $old->port, '-P', $new->port
	],
	'pg_upgrade from ' . $old->pg_version . ' to ' . $new->pg_version);
delete $n->{session};
$new->start;

is($n->sql("SELECT extversion FROM pg_extension WHERE extname = 'msgext'"),
	$n->sql("SELECT default_version FROM pg_available_extensions WHERE name = 'msgext'"), 'the extension is there');
is($n->sql($history), $before, 'with the history');
is($n->sql("SELECT count(*) FROM msgext.server_status WHERE pause_reason = 'this database is a restored copy'"),
	3, 'all servers are paused');
ok($n->wait_sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext worker'", 1), 'a worker has come');
my $fresh = $n->send(phone => 79990000015);
is($sim->count("799900000$_"), 0, "nothing leaves ($_)") for 11 .. 15;

$n->sql("SELECT msgext.resume_server('vk'), msgext.resume_server('held'), msgext.resume_server('limited')");
$n->wait_state($_, 'accepted') for $queued[1], $queued[2], $queued[3], $fresh;
is(join(' ', map { $sim->count("799900000$_") } 11 .. 15), '0 1 1 1 1', 'what was due is sent, once');
is($n->sql("SELECT msgext.retry_message($queued[0]), state FROM msgext.message_status($queued[0])"), 'f|queued', 'the rest waits');
is($n->send(phone => 79990000012, server => 'held', operation_id => "'twelve'", priority => 1), $queued[1], 'operation ids hold');
my $again = $n->send(phone => 79990000003, server => 'limited');
ok($n->wait_sql("SELECT waiting FROM msgext.message WHERE id = $again", 'recipient_limit'), 'who was written to has had his message');

is(report($n, $provider_id{$accepted}, 'DELIVERED'), 1, 'a callback finds the message accepted before');
is($n->state($accepted), 'delivered', 'which is delivered');
is(report($n, $provider_id{$delivered}, 'DELIVERED'), 0, 'one that was seen before is known');
is(report($n, '777000777', 'DELIVERED'), 0, 'and so is the one without message');
is( $n->sql(<<'SQL'), "1|1\n2|1", 'both are repeats, not others');
SELECT count(*), sum(repeats) FROM msgext.callback JOIN pg_foreign_server s ON s.oid = server_oid
GROUP BY message_id IS NULL ORDER BY 1
SQL

done_testing();
