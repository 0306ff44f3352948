# What may have arrived is repeated where its key is known, and nowhere else.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Edna;
use Test::More;

my $e = Msgext::Edna->new('target',
	simulator => [
		'--edna-login' => 'tester', '--edna-password' => '111111', '--edna-login' => 'other', '--edna-password' => '222222'
	],
	options => { status_poll => 'off', timeout => '5 min', break_after => 'off' });
my $sim = $e->sim;

# Its request has arrived and its answer is lost; until resumed() it waits to be repeated.
sub lose_answer
{
	my ($address) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$sim->script("edna send match $address next 1 delay 300000");
	my $id = $e->post(address => $address);
	ok(until_true(sub { scalar $e->lines($address) }), 'a request has arrived');
	$e->sql("SELECT msgext.pause_server('sms')");
	$sim->down;
	$sim->up;
	ok($e->wait_sql("SELECT waiting FROM msgext.outbox WHERE id = $id", 'repeat'), 'and its answer is lost');
	return $id;
}

sub resume
{
	$sim->clear;
	return $e->sql("SELECT msgext.resume_server('sms')");
}

# Each is a line where it was taken, whatever it was repeated.
sub taken
{
	my ($address) = @_;

	return scalar $e->lines($address);
}

subtest 'another password' => sub {
	my $id = lose_answer(79990000001);

	$e->sql("ALTER USER MAPPING FOR PUBLIC SERVER sms OPTIONS (SET password 'wrong')");
	$e->sql("ALTER USER MAPPING FOR PUBLIC SERVER sms OPTIONS (SET password '111111', DROP login)");
	$e->sql("ALTER USER MAPPING FOR PUBLIC SERVER sms OPTIONS (ADD login 'tester')");
	$e->set_option('sms', timeout => '4 min');
	resume();
	$e->wait_state($id, 'accepted', 'is the same account, which knows the repeat');
	is(taken(79990000001), 1, 'it is there once');
};

subtest 'another login' => sub {
	my $id = lose_answer(79990000002);

	$e->sql("ALTER USER MAPPING FOR PUBLIC SERVER sms OPTIONS (SET login 'other', SET password '222222')");
	resume();
	$e->wait_state($id, 'unknown', 'would take it for a new one');
	is(taken(79990000002), 1, 'it is there once');
	$e->sql("SELECT msgext.retry_message($id)");
	$e->wait_state($id, 'accepted', 'a person may have it sent');
	is(taken(79990000002), 2, 'and that is another one');
};

subtest 'another url' => sub {
	my $id = lose_answer(79990000003);

	$e->set_option('sms', url => $sim->url('edna/elsewhere'));
	resume();
	$e->wait_state($id, 'unknown', 'may be another provider');
	is(taken(79990000003), 1, 'it is there once');
};

# What was under way then is compared with what it was sent by.
subtest 'changed while the request was under way' => sub {
	$sim->script('edna send match 79990000004 next 1 delay 300000');
	my $id = $e->post(address => 79990000004);

	ok(until_true(sub { taken(79990000004) }), 'a request has arrived');
	$e->set_option('sms', url => $sim->url(Msgext::Edna::PATH));
	$sim->down;
	$sim->up;
	$e->wait_state($id, 'unknown', 'its repeat would be, too');
	is(taken(79990000004), 1, 'it is there once');
	$sim->clear;
};

unlike($e->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
$e->node->stop;

done_testing();
