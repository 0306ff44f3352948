# What is over goes, with all that is about it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Test::More;

my $t = Msgext->new('retention', conf => "msgext.retention = -1\n");

# A worker removes what is over when it starts, and then once a minute.
sub remove_what_is_over
{
	my $pid = $t->worker_pid;

	$t->sql('ALTER SYSTEM SET msgext.retention = 0; SELECT pg_reload_conf(); SELECT ' . "pg_terminate_backend($pid)");
	return;
}

sub keep_all
{
	$t->sql('ALTER SYSTEM SET msgext.retention = -1; SELECT pg_reload_conf()');
	return;
}

sub gone
{
	my ($id, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($t->wait_sql("SELECT count(*) FROM msgext.outbox WHERE id = $id", 0), "$name goes");
	ok( $t->wait_sql("SELECT (SELECT count(*) FROM msgext.event WHERE message_id = $id), "
			  . "(SELECT count(*) FROM msgext.reminder WHERE id = $id), "
			  . "(SELECT count(*) FROM msgext.reference WHERE message_id = $id)", '0|0|0'),
		'... with all that is about it')
	  or diag($t->sql("SELECT kind, at FROM msgext.reminder WHERE id = $id; SELECT provider_id FROM msgext.reference WHERE message_id = $id"));
	return;
}

sub report
{
	my ($server, $provider_id, $status) = @_;

	return $t->sql("SELECT msgext.receive_callback('$server', "
		  . quote(qq([{"messageId":$provider_id,"status":"$status","receivedAt":"2026-01-01 12:00:00"}])) . '::bytea)');
}

my $follow = 'sent@1,delivered@86400000';

subtest 'nobody asks any more' => sub {
	my %ids;

	$t->add_server($_) for qw(asked quiet dropped);
	$ids{$_} = $t->send(server => $_, fate => $follow) for qw(asked quiet dropped);
	$t->wait_state($ids{$_}, 'sent', "$_: followed") for qw(asked quiet dropped);
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE next_attempt_at IS NOT NULL"), 3, 'all are to be asked about');
	$t->sql("ALTER SERVER quiet OPTIONS (ADD status_poll 'off'); DROP SERVER dropped CASCADE");
	remove_what_is_over();
	gone($ids{quiet}, 'one whose server is not asked any more');
	gone($ids{dropped}, 'one whose server was dropped');
	keep_all();
	is($t->state($ids{asked}), 'sent', 'one that is asked about stays');
};

# The provider gave it an id at each sending.
subtest 'ids of the provider' => sub {
	my ($id, $first, $second);

	$t->add_server('twice', status_poll => 'off');
	$id = $t->send(server => 'twice', fate => 'sent@86400000');
	$first = $t->wait_state($id, 'accepted')->{provider_id};
	report('twice', $first, 'FAILED');
	$t->wait_state($id, 'failed', 'reported as failed');
	is($t->sql("SELECT msgext.retry_message($id)"), 't', 'sent again');
	$second = $t->wait_state($id, 'accepted', 'accepted')->{provider_id};
	isnt($second, $first, 'with another id');
	is($t->sql("SELECT count(*) FROM msgext.reference WHERE message_id = $id"), 2, 'both lead to it');
	remove_what_is_over();
	gone($id, 'it');
	keep_all();
};

unlike($t->log, qr/PANIC:|TRAP:|signal 11|was waiting for nothing/, 'nothing crashed or was forgotten');
$t->node->stop;
done_testing();
