# A CALL dispatch() that is cancelled with a packet under way, and goes on in the same session
# with other settings: what it held of the server is let go, once.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Edna;
use POSIX ();
use Test::More;

my $e = Msgext::Edna->new('cancelled', preload => 0,
	options => { status_poll => 'off', timeout => '2 min', batch_size => 10 });
my $sim = $e->sim;

# Runs the statements one after the other in one session, in a process of its own: its pid.
# Its exit status is 0 when the session lived to the end and the last statement succeeded.
sub in_background
{
	my (@statements) = @_;
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		my ($status, $out) = eval {
			$e->node->psql('postgres', join(";\n", @statements, "SELECT 'done'"),
				on_error_stop => 0);
		};
		POSIX::_exit(defined $status && $status == 0 && $out =~ /done$/ ? 0 : 1);
	}
	return $pid;
}

sub arrived
{
	my (@addresses) = @_;

	return until_true(sub { @addresses == grep { $e->lines($_) } @addresses });
}

my @addresses = (79990000001 .. 79990000003);

$sim->script('edna send next 1 delay 60000');
my @ids = map { $e->post(address => $_) } @addresses;
my $alter = "ALTER SERVER sms OPTIONS (SET timeout '1 min')";
my $pid = in_background('CALL msgext.dispatch()', $alter, 'CALL msgext.dispatch()', $alter,
	'SELECT pg_sleep(0.2)', 'CALL msgext.dispatch()', $alter, 'CALL msgext.dispatch()');

ok(arrived(@addresses), 'a packet of three is under way');
is($e->sql("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'CALL%'"),
	1, 'its call is cancelled');
waitpid $pid, 0;
is($?, 0, 'the session goes on to its end, with other settings each time');
is($e->sql("SELECT count(*) FROM msgext.event WHERE kind = 'interrupted'"), 3,
	'its next call has settled what the first one left');
ok(until_true(sub {
		$e->sql('CALL msgext.dispatch()');
		return $e->sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'") == 3;
	}), 'all are accepted');
is(scalar $e->lines($_), 1, "$_ was taken once") for @addresses;
unlike($e->log, qr/TRAP|terminated by signal/, 'nothing crashed');

done_testing();
