# The circuit breaker: a provider that does nothing but fail is left alone, but for one message at a
# time; nothing is lost by it, and no attempts are used up.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Test::More;

my $t = Msgext->new('breaker', options => { status_poll => 'off', break_after => '1 s' });
my $sim = $t->sim;

my $of_vk = "FROM msgext.server_status s JOIN msgext.pg_stat_msgext p USING (server) WHERE server = 'vk'";

sub status { return $t->sql("SELECT $_[0] $of_vk") }

# Counters are written down a moment after what they count.
sub wait_status { return $t->wait_sql("SELECT $_[0] $of_vk") }

# What may not happen gets two seconds to do so: the dispatcher looks at everything once a second,
# and writes down what it counts.
sub let_turns_pass
{
	sleep 2;
	return;
}

sub wait_open
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($t->wait_sql("SELECT broken_at IS NOT NULL FROM msgext.server_status WHERE server = 'vk'"), $name);
}

sub events
{
	return $t->sql("SELECT string_agg(kind, ', ' ORDER BY at) FROM msgext.server_event WHERE server = 'vk' AND kind LIKE 'circuit%'");
}

my $send = Msgext::send_sql(phone => 79990000101);
subtest 'it opens' => sub {
	my ($requests, $probes, $attempts);

	$sim->script('devino send always status 503');
	$t->sql("SELECT $send FROM generate_series(1, 20)");
	wait_open('after a second of nothing but failures');
	ok($t->wait_sql("SELECT probes > 0 FROM msgext.server_status WHERE server = 'vk'"), 'a message tries it');
	let_turns_pass();
	($requests, $probes) = split /\|/, status('requests, probes');
	ok($t->wait_sql("SELECT probes >= $probes + 2 FROM msgext.server_status WHERE server = 'vk'"), 'after a growing while');
	let_turns_pass();
	ok(wait_status("abs((requests - $requests) - (probes - $probes)) <= 1"), 'a request each, and no others');
	ok(wait_status("(SELECT sum(attempts) FROM msgext.message) <= requests"), 'each is an attempt of one message');
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'queued'", 20), 'all are still queued');
	ok( $t->wait_sql("SELECT detail->'waiting'->>'for' ~ 'nothing but fail' FROM msgext.message_status("
			  . "(SELECT min(id) FROM msgext.message WHERE next_attempt_at IS NULL OR next_attempt_at < now()))"),
		'and say why');
	is(events(), 'circuit opened', 'it is an event of the server');
	ok($t->wait_sql("SELECT breaks FROM msgext.pg_stat_msgext WHERE server = 'vk'", 1), 'it is counted');
	is($t->sql("SELECT msgext.metrics() ~ 'msgext_circuit_open\\{server=\"vk\"\\} 1'"), 't', 'and a metric');
	like($t->sql("SELECT pg_read_file('" . $t->node->logfile . "')"), qr/LOG:  server "vk" does nothing but fail/, 'the log tells it once');
};

subtest 'it stays open' => sub {
	my $before = status('broken_at');

	$t->node->restart;
	ok($t->wait_sql("SELECT started_at > now() - interval '1 min' AND turns > 0 FROM msgext.pg_stat_msgext_worker WHERE process = 'dispatcher'"),
		'a restart later');
	let_turns_pass();
	is(status('broken_at'), $before, 'it is still open, and since then');
	is(events(), 'circuit opened', 'which is no news');
};

subtest 'resumed' => sub {
	$sim->clear;
	$t->sql("SELECT msgext.resume_server('vk')");
	ok($t->wait_sql("SELECT broken_at IS NULL FROM msgext.server_status WHERE server = 'vk'"), 'who resumes the server closes it');
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'", 20), 'and all leave');
	is($sim->count(79990000101), 20, 'once');
};

subtest 'one at a time' => sub {
	$sim->script('devino send always status 503');
	$t->sql("SELECT $send FROM generate_series(1, 20)");
	wait_open('it opens again');

	# At once: a success in between would close it. One that was refused may still be on its way.
	$sim->script('clear', 'devino send always delay 60000');
	my $held = 0;
	ok( until_true(
			sub {
				my $before = $held;

				$held = $t->sql("SELECT max(id) FROM msgext.messages_in_flight()");
				let_turns_pass();
				return $held ne '' && $held eq $before;
			}),
		'one is on its way');
	let_turns_pass();
	is($t->sql("SELECT count(*) FROM msgext.messages_in_flight()"), 1, 'two seconds later it still is the only one');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE state = 'queued'"), 19, 'the others wait');
};

subtest 'it closes' => sub {
	$sim->clear;
	$sim->release;
	ok($t->wait_sql("SELECT broken_at IS NULL FROM msgext.server_status WHERE server = 'vk'"), 'with the first success');
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'", 40), 'all that wait leave')
	  or diag($t->sql('SELECT state, count(*) FROM msgext.message GROUP BY 1'));
	is($sim->count(79990000101), 40, 'once');
	is(events(), 'circuit opened, circuit opened, circuit closed', 'the events tell it');
	ok($t->wait_sql("SELECT breaks FROM msgext.pg_stat_msgext WHERE server = 'vk'", 2), 'and the counter');
};

subtest 'switched off' => sub {
	$sim->script('devino send always status 503');
	$t->set_option('vk', break_after => 'off');
	my $before = status('requests');
	$t->sql("SELECT $send FROM generate_series(1, 5)");
	ok($t->wait_sql("SELECT requests > $before + 40 FROM msgext.pg_stat_msgext WHERE server = 'vk'"), 'many failures');
	is(status('breaks'), 2, 'open nothing');
	$t->sql("SELECT msgext.pause_server('vk')");
};

# A server's name is its owner's choice, and a superuser may paste what his log tells him to run.
subtest 'what is to be run is SQL, whatever the server is called' => sub {
	my $server = "it's";
	my $hint = sub { return scalar(() = $t->log =~ /SELECT msgext\.resume_server\('it''s'\)/g) };
	my $resume = 'SELECT msgext.resume_server(' . Msgext::quote($server) . ')';
	my $id;

	$t->add_server(qq("$server"), status_poll => 'off', break_after => '1 s');
	$sim->script('devino send always status 503');
	$id = $t->send(server => $server);
	ok(until_true(sub { $hint->() == 1 }), 'a circuit breaker opens');
	$sim->clear;
	$t->sql($resume);
	$t->wait_state($id, 'accepted');

	$sim->script('devino send next 1 status 402');
	$id = $t->send(server => $server);
	ok(until_true(sub { $hint->() == 2 }), 'the server is paused');
	$t->sql($resume);
	$t->wait_state($id, 'accepted');

	$t->sql(qq(ALTER USER MAPPING FOR PUBLIC SERVER "$server" OPTIONS (SET password 'wrong')));
	$id = $t->send(server => $server);
	ok(until_true(sub { $hint->() == 3 }), 'the account is paused');
	$t->sql(qq(ALTER USER MAPPING FOR PUBLIC SERVER "$server" OPTIONS (SET password '111111')));
	$t->wait_state($id, 'accepted');
};

$t->node->stop;
done_testing();
