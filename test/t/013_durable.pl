# synchronous_commit = off, and a crash: what has been sent is not forgotten, and neither is
# what a provider was told had been taken.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Soak;
use PostgreSQL::Test::Utils;
use Test::More;

# Nobody but who commits writes the log: its writer is stopped, see stop_wal_writer().
my $conf = <<CONF;
synchronous_commit = off
wal_writer_delay = 10s
bgwriter_delay = 10s
checkpoint_timeout = 1h
CONF

sub pid_of
{
	my ($t, $type) = @_;

	return $t->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = '$type'");
}

# What is committed asynchronously from here on stays in memory, what was committed before does
# not matter. Returns its pid.
sub stop_wal_writer
{
	my ($t) = @_;
	my $pid = pid_of($t, 'walwriter');

	$t->sql(q(CHECKPOINT));
	kill 'STOP', $pid or die "could not stop the WAL writer: $!";
	return $pid;
}

# A crash that takes all of memory with it. Every pid is of a child that stands still.
sub crash
{
	my ($t, @stopped) = @_;
	my ($pid) = slurp_file($t->node->data_dir . '/postmaster.pid') =~ /^(\d+)/;

	$t->node->kill9;
	kill 'KILL', @stopped;
	until_true(sub { !kill(0, $pid) }) or die 'the postmaster does not end';
	until_true(sub { $t->node->start(fail_ok => 1) }) or die 'the cluster did not start again';
	return;
}

# Asynchronous, and behind all that the subtest is about: it must be lost, or nothing is shown.
sub commit_control
{
	my ($t, $name) = @_;

	$t->sql("INSERT INTO control VALUES ('$name')");
	return;
}

sub control_is_lost
{
	my ($t, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($t->sql("SELECT count(*) FROM control WHERE name = '$name'"), 0, 'what nobody waits for is lost');
	return;
}

sub report
{
	my ($id, $status) = @_;

	return 'SELECT msgext.receive_callback(' . quote('vk') . ', '
	  . quote(qq([{"messageId":$id,"status":"$status","receivedAt":"2026-01-01 12:00:00"}])) . '::bytea)';
}

my $f = Msgext->new('foreground', preload => 0, conf => $conf, options => { status_poll => 'off', timeout => '120 s' });
my $sim = $f->sim;

$f->sql('CREATE TABLE control (name text)');

subtest 'CALL dispatch(): on the wire' => sub {
	my $session = $f->node->background_psql('postgres', on_error_stop => 0);
	my ($writer, $id);

	$sim->script('devino send match 79990000001 delay 60000');
	$writer = stop_wal_writer($f);
	$id = $f->send(phone => 79990000001);
	$session->query_until(qr/begun/, "SET synchronous_commit = off;\n\\echo begun\nCALL msgext.dispatch('60 s');\n");
	ok(until_true(sub { $sim->count(79990000001) }), 'a request is under way');
	commit_control($f, 'wire');
	crash($f, $writer);
	eval { $session->quit };
	$sim->clear;
	control_is_lost($f, 'wire');
	$f->sql("CALL msgext.dispatch('60 s')");
	is($f->state($id), 'unknown', 'the next dispatcher knows that it may have arrived');
	is($sim->count(79990000001), 1, 'and does not repeat it');
};

subtest 'CALL dispatch(): recorded' => sub {
	my $writer = stop_wal_writer($f);
	my $id = $f->send(phone => 79990000002);

	$f->sql("SET synchronous_commit = off; CALL msgext.dispatch('60 s')");
	commit_control($f, 'recorded');
	crash($f, $writer);
	control_is_lost($f, 'recorded');
	is($f->state($id), 'accepted', 'the answer is there after the crash');
	$f->sql("CALL msgext.dispatch('60 s')");
	is($sim->count(79990000002), 1, 'and the message is not repeated');
};

# Its caller answers 200 after the commit, and the provider does not come again.
subtest 'receive_callback()' => sub {
	my $id = $f->send(phone => 79990000003, fate => 'sent@86400000');
	my $stranger = '3222486700000000001';
	my $provider_id;
	my $writer;

	$f->sql("CALL msgext.dispatch('60 s')");
	$provider_id = $f->status($id, 'provider_id');
	$writer = stop_wal_writer($f);
	$f->sql(report($provider_id, 'DELIVERED'));
	$f->sql(report($stranger, 'DELIVERED'));
	commit_control($f, 'callback');
	crash($f, $writer);
	control_is_lost($f, 'callback');
	is($f->state($id), 'delivered', 'a report that was taken is there after the crash');
	is($f->sql("SELECT count(*) FROM msgext.callback WHERE provider_id = '$stranger'"), 1,
		'also one whose message is not known');
};

$f->node->stop;

# The same of the worker, whose database says so, too.
my $t = Msgext->new('worker', conf => $conf, options => { status_poll => 'off', timeout => '120 s' });

$sim = $t->sim;
$t->sql('ALTER DATABASE postgres SET synchronous_commit = off');
$t->node->restart;

subtest 'worker' => sub {
	my ($writer, $id, $done);

	$sim->script('devino send match 79990000011 delay 60000');
	$writer = stop_wal_writer($t);
	$done = $t->send(phone => 79990000010);
	$t->wait_state($done, 'accepted');
	$id = $t->send(phone => 79990000011);
	ok(until_true(sub { $sim->count(79990000011) }), 'a request is under way');
	crash($t, $writer);
	$sim->clear;
	$t->wait_state($id, 'unknown', 'after the crash it is known that it may have arrived');
	is($t->state($done), 'accepted', 'what was recorded is recorded');
	is(join(' ', map { $sim->count($_) } 79990000010, 79990000011), '1 1', 'nothing is repeated');
};

$t->node->stop;
done_testing();
