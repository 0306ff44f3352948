# Callbacks under fire: over several connections, shuffled, some of them twice, while the
# listener is killed again and again. With MSGEXT_SOAK its long form: make soak.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Listener;
use Test::More;
use Time::HiRes qw(time);

use constant FIRST_PHONE => 78000000000;

my ($messages, $kills) = $ENV{MSGEXT_SOAK} ? (34000, 10) : (1200, 2);
my $reports = 3 * $messages;
my $token = 'Hook-of-the-soak';
my $t = Msgext->new('listen_soak',
	conf => "restart_after_crash = on\nmax_wal_size = 1GB\n",
	options => {
		status_poll => 'off',
		mapping => { login => 'tester', password => '111111', callback_token => $token }
	});
my $sim = $t->sim;
my $l = Msgext::Listener->new($t);
my ($tally, $start, $answer);

ok($l->wait, 'it listens');
$t->send_many($messages, FIRST_PHONE, fate => 'sent@1,delivered@1,read@1');
ok( until_true(
		sub { ($t->try_sql("SELECT count(*) FROM msgext.outbox WHERE state = 'accepted'") // 0) == $messages }, 120),
	"$messages messages are accepted");
ok(until_true(sub { $sim->summary->{callback_events_pending} == $reports }), "and $reports reports of them wait");

$start = time();
$sim->callbacks('{"url": "' . $l->url("/vk/$token") . '", "batch": 1, "connections": 8, "order": "shuffled", "again": 10}');
for my $n (1 .. $kills)
{
	until_true(sub { $sim->summary->{callbacks_posted} >= $n * $reports / ($kills + 1) }, 120)
	  or die 'callbacks do not come in';
	my $pid = $l->pid;

	kill 'KILL', $pid if $pid ne '';
	until_true(sub { $pid eq '' || !kill(0, $pid) && defined $t->try_sql('SELECT 1') }, 60)
	  or die 'the cluster did not recover';
	$l->wait($pid) or die 'the listener did not come back';
}
ok(until_true(sub { $tally = $sim->summary; return $tally->{callback_events_pending} == 0 }, 300),
	'every report has been answered with 200');
note(sprintf '%d posts in %.1f s', $tally->{callbacks_posted} + $tally->{callbacks_failed}, time() - $start);

is($tally->{callback_events_dropped}, 0, 'none was given up');
cmp_ok($tally->{callbacks_failed}, '>=', $kills, "$tally->{callbacks_failed} posts were not");
cmp_ok($tally->{callbacks_recovered}, '>', 0, 'and came again');
cmp_ok($tally->{callbacks_posted}, '>', $reports * 1.05, 'many came although they had been');
$answer = $t->sql("SELECT string_agg(state || ' ' || n, ', ') FROM (SELECT state, count(*) AS n FROM msgext.outbox GROUP BY 1) AS s");
is($answer, "read $messages", 'every message is in its last state');
is($t->sql("SELECT count(*) FROM (SELECT message_id FROM msgext.event WHERE kind = 'callback' GROUP BY 1 HAVING count(*) = 3) AS e"),
	$messages, 'each was told three times');
is($t->sql("SELECT count(*) FROM msgext.event WHERE kind = 'callback'"), $reports, 'and never twice the same');
is($t->sql('SELECT count(*) FROM msgext.callback WHERE message_id IS NOT NULL AND error IS NULL'), $reports,
	'every report is there once');
cmp_ok($t->sql('SELECT sum(repeats) FROM msgext.callback'), '>=', $tally->{callbacks_posted} - $reports,
	'and its repeats are counted');

done_testing();
