# Credentials that are refused concern their sender alone: the others of the same server, and
# of the same lane, go on.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Test::More;
use Time::HiRes qw(sleep);

my $t = Msgext->new('account', options => { status_poll => 'off' });
my $sim = $t->sim;

$t->add_server('bank', mapping => { login => 'tester', password => '111111' }, status_poll => 'off');
for my $role (qw(good bad gone))
{
	my $password = $role eq 'bad' ? 'wrong' : '111111';

	$t->sql("CREATE ROLE $role LOGIN; GRANT USAGE ON FOREIGN SERVER bank TO $role;"
		  . " CREATE USER MAPPING FOR $role SERVER bank OPTIONS (login 'tester', password '$password')");
}

sub send_as
{
	my ($role, $phone) = @_;

	return $t->sql("SET ROLE $role; SELECT " . Msgext::send_sql(server => 'bank', phone => $phone));
}

sub waiting_for { return $t->status($_[0])->{detail}{waiting}{for} }

my (@bad, $unauthorized);

subtest 'one of two senders' => sub {
	$t->sql("SELECT msgext.pause_server('bank')");
	@bad = map { send_as('bad', 79990010000 + $_) } 1 .. 20;
	my @good = map { send_as('good', 79990011000 + $_) } 1 .. 20;
	$t->sql("SELECT msgext.resume_server('bank')");

	$t->wait_state($_, 'accepted') for @good;
	like($t->wait_refused('bank', 'the one with the wrong password is paused'), qr/Wrong login or password/, 'with the reason');
	is($t->server('paused_accounts', 'bank'), '{bad}', 'and his name');
	ok($t->wait_sql("SELECT queued FROM msgext.server_status WHERE server = 'bank'", 20), 'his messages stay queued');
	is($t->sql('SELECT max(failures) FROM msgext.outbox WHERE id IN (' . join(',', @bad) . ')'), 0, 'no attempt is used up');
	like(waiting_for($bad[-1]), qr/^account is paused: .*Wrong login or password/, 'message_status tells why');
	$unauthorized = $sim->summary->{unauthorized};
	cmp_ok($unauthorized, '<=', 20, 'it was not tried more often than he had messages');
};

subtest 'his backlog stands in nobody\'s way' => sub {
	my @more = split /\n/, $t->sql('SET ROLE bad; SELECT '
		  . Msgext::send_sql(server => 'bank', phone_sql => '(79990020000 + i)::text')
		  . ' FROM generate_series(1, 2500) AS i');

	push @bad, @more[ 0, -1 ];
	$t->wait_state(send_as('good', 79990013001), 'accepted', 'what is behind it in the lane goes');
	ok($t->wait_sql("SELECT count(*) FROM msgext.outbox WHERE sender = 'bad' AND waiting = 'credentials'", 2520),
		'what is in front has been set aside');
	ok($t->wait_sql("SELECT min(next_attempt_at - queued_at) >= '10 s' AND max(next_attempt_at - now()) <= '5 min'"
			  . " FROM msgext.outbox WHERE sender = 'bad'", 't'), 'for a while');
	is($sim->summary->{unauthorized}, $unauthorized, 'none of it was sent');
	is($t->sql("SELECT max(attempts) <= 1 FROM msgext.outbox WHERE sender = 'bad'"), 't', 'nor tried again');
};

subtest 'after a restart' => sub {
	$t->node->restart;
	my $late = send_as('bad', 79990014001);
	$t->wait_state(send_as('good', 79990014002), 'accepted', 'the other one goes');
	like(waiting_for($late), qr/^account is paused/, 'he is still paused');
	is($sim->summary->{unauthorized}, $unauthorized, 'nothing was tried');
	push @bad, $late;
};

subtest 'put right' => sub {
	$t->sql("ALTER USER MAPPING FOR good SERVER bank OPTIONS (ADD callback_token '0123456789abcdef')");
	$t->wait_state(send_as('good', 79990015001), 'accepted', "another one's mapping is changed");
	is($t->server('paused_accounts', 'bank'), '{bad}', 'which releases nobody');
	$t->sql("SET ROLE bad; ALTER USER MAPPING FOR bad SERVER bank OPTIONS (SET password '111111')");
	is($t->server('paused_accounts', 'bank'), '{}', 'his own change does');
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE sender = 'bad' AND state <> 'accepted'", 0),
		'all of it goes, without resume_server');
	is($sim->summary->{unauthorized}, $unauthorized, 'with the new password');
	is($sim->count(79990010000 + $_), 1, 'once') for 1, 20;
};

subtest 'resume_server' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/account-secret";
	my $write = sub { open my $out, '>', $file or die $!; print $out $_[0]; close $out; return };

	$write->('wrong');
	$t->add_server('filed', mapping => { login => 'tester', password_file => $file }, status_poll => 'off');
	my @ids = map { $t->send(server => 'filed') } 1 .. 5;
	$t->wait_refused('filed', 'a wrong password in a file');
	$write->('111111');
	$t->sql("SELECT msgext.resume_server('filed')");
	$t->wait_state($_, 'accepted', 'mended and resumed, it goes') for @ids;
	is($t->server('paused_accounts', 'filed'), '{}', 'and is not paused any more');
};

subtest 'a dropped role' => sub {
	$t->sql("SELECT msgext.pause_server('bank')");
	my $id = send_as('gone', 79990016001);
	$t->sql('DROP OWNED BY gone; DROP ROLE gone');
	$t->sql("SELECT msgext.resume_server('bank')");
	ok($t->wait_sql("SELECT waiting FROM msgext.outbox WHERE id = $id", 'credentials'), 'its message is set aside');
	is(waiting_for($id), 'role "gone" was dropped', 'and says why');
	$t->wait_state(send_as('good', 79990016002), 'accepted', 'others go on');
	is($sim->count(79990016001), 0, 'it is not sent as somebody else');
};

# A message that waits for credentials is looked at again by the time it has waited.
subtest 'looked at again' => sub {
	my $id = $t->sql("SELECT id FROM msgext.outbox WHERE sender = 'gone'");

	$t->sql("UPDATE msgext.outbox SET queued_at = now() - interval '1 hour', next_attempt_at = now() WHERE id = $id;"
		  . " UPDATE msgext.reminder SET at = (SELECT next_attempt_at FROM msgext.outbox WHERE id = $id) WHERE id = $id");
	$t->node->restart;
	ok($t->wait_sql("SELECT next_attempt_at > now() + interval '4 min' FROM msgext.outbox WHERE id = $id", 't'),
		'one that has waited for an hour every five minutes');
};

unlike($t->log, qr/(?:WARNING|ERROR|FATAL|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
