# A message that waits is looked at again, whoever held its row or took its reminder away.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use PostgreSQL::Test::Utils;
use Test::More;

my $t = Msgext->new('stranded', options => { status_poll => 'off' });
my $sim = $t->sim;
my $phone = 79990000000;

# Has the worker met the held row? It then looks again, later than the row itself says.
sub met
{
	my ($id) = @_;

	return $t->wait_sql('SELECT count(*) > 0 FROM msgext.reminder r JOIN msgext.outbox o USING (id)'
		  . " WHERE o.id = $id AND r.at > coalesce(o.next_attempt_at, o.created_at)"
		  . ' AND (o.next_attempt_at IS NULL OR o.next_attempt_at < now())');
}

# The time of a waiting message comes while its row is held by the statement.
sub hold_across
{
	my ($server, $id, $statement) = @_;
	my $holder = $t->node->background_psql('postgres');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->sql("SELECT msgext.pause_server('$server')");
	$t->sql('UPDATE msgext.outbox SET send_after = NULL, next_attempt_at = now()'
		  . " WHERE id = $id; UPDATE msgext.reminder r SET at = next_attempt_at FROM msgext.outbox o"
		  . " WHERE r.id = $id AND o.id = $id");
	$holder->query_safe("BEGIN; $statement");

	# Not before: what waits for a limit leaves when that is lifted.
	$t->set_option($server, rate_limit => 'off', recipient_limit => 'off');
	$t->sql("SELECT msgext.resume_server('$server')");
	ok(met($id), 'its time comes while the row is held');
	is($t->state($id), 'queued', 'it is not sent');
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	return;
}

# How a message comes to wait for long.
my %waits = (
	send_after => sub { return $t->send(server => $_[0], phone => ++$phone, send_after => "now() + '1 h'") },
	retry => sub {
		$sim->script('devino send match ' . ++$phone . ' next 1 status 503 retry-after 3600');
		return $t->send(server => $_[0], phone => $phone);
	},
	rate_limit => sub {
		my ($server) = @_;

		$t->set_option($server, rate_limit => '1/min');
		$t->wait_state($t->send(server => $server, phone => $phone + 100), 'accepted');
		return $t->send(server => $server, phone => ++$phone);
	},
	recipient_limit => sub {
		my ($server) = @_;

		$t->set_option($server, recipient_limit => '1/day');
		$t->wait_state($t->send(server => $server, phone => ++$phone), 'accepted');
		return $t->send(server => $server, phone => $phone);
	});

for my $wait (sort keys %waits)
{
	for my $how ('cancel_message', 'lock')
	{
		subtest "$wait, $how" => sub {
			my $server = "${wait}_$how";
			my ($id, $before);

			# A server of its own: what a limit has counted stays with it.
			$t->add_server($server, status_poll => 'off');
			$id = $waits{$wait}->($server);
			$before = $sim->count($phone);

			ok($t->wait_sql("SELECT waiting IS NOT NULL FROM msgext.message WHERE id = $id"), 'it waits');
			hold_across($server, $id,
				$how eq 'lock'
				? "SELECT id FROM msgext.outbox WHERE id = $id FOR UPDATE"
				: "SELECT msgext.cancel_message($id)");
			$t->wait_state($id, 'accepted', 'let go, it is sent');
			is($sim->count($phone) - $before, 1, 'once');
		};
	}
}

subtest 'new, and held' => sub {
	my $id;

	$t->sql("SELECT msgext.pause_server('vk')");
	$id = $t->send(phone => ++$phone);

	my $holder = $t->node->background_psql('postgres');

	$holder->query_safe("BEGIN; SELECT msgext.cancel_message($id)");
	$t->sql("SELECT msgext.resume_server('vk')");
	ok(met($id), 'its lane comes by while the row is held');
	$t->wait_state($t->send(phone => ++$phone), 'accepted', 'those behind it are sent');
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	$t->wait_state($id, 'accepted', 'let go, it is sent');
};

# So many that looking at them again and again would take all the time there is.
subtest 'thousands, and held' => sub {
	my $n = 20_000;
	my $holder = $t->node->background_psql('postgres');

	$t->sql("SELECT msgext.pause_server('vk')");
	$t->send_many($n, 79970000000);
	$holder->query_safe("BEGIN; SELECT count(*) FROM (SELECT FROM msgext.outbox WHERE state = 'queued' FOR UPDATE) AS o");
	$t->sql("SELECT msgext.resume_server('vk')");
	ok($t->wait_sql('SELECT count(*) FROM msgext.reminder', $n), 'all are held');
	$t->wait_state($t->send(phone => ++$phone), 'accepted', 'a new one is sent') for 1 .. 2;
	$holder->query_safe("DELETE FROM msgext.outbox WHERE state = 'queued'; COMMIT");
	$holder->quit;
	ok($t->wait_sql('SELECT count(*) FROM msgext.reminder', 0), 'what is gone is forgotten');
};

is($t->sql('SELECT sum(stranded) FROM msgext.server_status'), 0, 'nobody had to look for any of them');

# By hand, for no fault of ours is known that does it.
subtest 'the sweep' => sub {
	my $pid = $t->worker_pid;
	my $later = $t->send(phone => ++$phone, send_after => "now() + '1 h'");
	my $soon = $t->send(phone => ++$phone, send_after => "now() + '1 h'");
	my $held = $t->send(phone => ++$phone, send_after => "now() + '1 h'");
	my $old = "queued_at = now() - interval '1 min'";
	my $holder;

	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE waiting = 'send_after'", 3), 'three wait');
	is($t->server('queued'), 3, 'and are counted');

	# What is held is not forgotten: it is looked at again and again.
	$t->sql("UPDATE msgext.outbox SET $old, next_attempt_at = now(), send_after = NULL WHERE id = $held;"
		  . "UPDATE msgext.reminder SET at = (SELECT next_attempt_at FROM msgext.outbox WHERE id = $held) WHERE id = $held");
	$holder = $t->node->background_psql('postgres');
	$holder->query_safe("BEGIN; SELECT id FROM msgext.outbox WHERE id = $held FOR UPDATE");
	$t->sql("DELETE FROM msgext.reminder WHERE id IN ($later, $soon);"
		  . "UPDATE msgext.outbox SET $old WHERE id = $later;"
		  . "UPDATE msgext.outbox SET $old, next_attempt_at = NULL, waiting = NULL, send_after = NULL WHERE id = $soon");
	$t->sql("SELECT pg_terminate_backend($pid)");
	ok( $t->wait_sql("SELECT stranded FROM msgext.server_status WHERE server = 'vk'", 2), 'a worker that starts finds the two');
	$t->wait_state($soon, 'accepted', 'the one behind its lane is sent');
	ok($t->wait_sql('SELECT count(*) FROM msgext.reminder r JOIN msgext.outbox o USING (id)'
			  . " WHERE id = $later AND at = next_attempt_at", 1), 'the other has its reminder back');
	is($t->server('queued'), 2, 'and is counted again');
	like($t->log, qr/WARNING:  message $_ of server "vk" was waiting for nothing/, "the log tells of $_") for $later, $soon;
	unlike($t->log, qr/message $held of server "vk" was waiting/, 'and not of the one that is held');
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	$t->wait_state($held, 'accepted', 'let go, that one is sent');
	is(join(' ', map { $sim->count($phone - $_) } 0 .. 2), '1 1 0', 'each once that is due');
};

# By hand: of rows that are deleted there is no news. More servers than are looked at at a time.
subtest 'a pause that goes without news, of many servers' => sub {
	my $n = 120;
	my $url = $sim->url;

	$t->sql(qq{SELECT format('CREATE SERVER m%s FOREIGN DATA WRAPPER msgext_devino OPTIONS (url ''$url'', status_poll ''off'')', i),
			format('CREATE USER MAPPING FOR PUBLIC SERVER m%s OPTIONS (login ''tester'', password ''111111'')', i)
		FROM generate_series(1, $n) i \\gexec
		BEGIN;
		SELECT msgext.pause_server('m' || i, 'for now') FROM generate_series(1, $n) i;
		SELECT msgext.send_vk('m' || i, vk) FROM generate_series(1, $n) i, LATERAL (SELECT jsonb_build_object(
			'subject', 'AO', 'priority', 'high', 'routes', '["vk"]'::jsonb, 'validityPeriod', 180,
			'phone', (79980000000 + i)::text, 'templateId', 123456, 'templateData', '{}'::jsonb) AS vk) v;
		COMMIT});
	$t->wait_state($t->send(phone => ++$phone), 'accepted', 'one of another server goes');
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE server LIKE 'm%' AND state = 'queued'"), $n, 'the others wait');
	$t->sql('DELETE FROM msgext.server_pause');
	ok($t->wait_sql("SELECT count(*) FROM msgext.outbox WHERE server LIKE 'm%' AND state = 'accepted'", $n), 'all of them go');
};

unlike($t->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
$t->node->stop;
done_testing();
