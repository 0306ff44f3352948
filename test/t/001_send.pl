# The way of a message when nothing goes wrong: queued by a transaction, sent after its
# commit, followed until it was read.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP ();
use Msgext qw(until_true quote vk_block);
use Test::More;
use Time::HiRes qw(time);

my $t = Msgext->new('send', conf => "max_prepared_transactions = 5\n");
my $sim = $t->sim;

subtest 'one call' => sub {
	my $id = $t->send(phone => '79990000001', fate => 'sent@1,delivered@1,read@1');
	my $row = $t->wait_state($id, 'read');
	my @lines = $sim->ledger('79990000001');

	is(scalar @lines, 1, 'the provider has it once');
	is($lines[0]{body}{vk}{templateData}{fate}, 'sent@1,delivered@1,read@1',
		'with the data of the call');
	is($row->{server}, 'vk', 'server');
	is($row->{provider}, 'devino', 'provider');
	is($row->{attempts}, 1, 'one attempt');
	is($row->{provider_status}, 'read', "the provider's last word");
	is($row->{error}, undef, 'no error');
	ok($row->{created_at} le $row->{accepted_at}, 'accepted after it was queued');
	ok($row->{accepted_at} lt $row->{finished_at}, 'read after it was accepted');
	is($row->{next_attempt_at}, undef, 'nothing more will be asked');
	is($t->sql("SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM msgext.message_event"
			  . " WHERE message_id = $id"),
		'answer queued status', 'its timeline');
	is($t->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id"
			  . " AND kind = 'status' AND state = 'read'"),
		1, 'that it was read is told once');
};

subtest 'transactions' => sub {
	$t->sql('BEGIN; SELECT ' . Msgext::send_sql(phone => '79990000011') . '; ROLLBACK');
	$t->sql("BEGIN; SAVEPOINT a; SELECT "
		  . Msgext::send_sql(phone => '79990000012')
		  . '; ROLLBACK TO a; SELECT '
		  . Msgext::send_sql(phone => '79990000013')
		  . '; COMMIT');
	my $id = $t->send(phone => '79990000014');

	$t->wait_state($id, 'delivered');
	ok(until_true(sub { $sim->count('79990000013') == 1 }),
		'a message behind a rolled-back savepoint arrives');
	is($sim->count('79990000011'), 0, 'a rolled-back message does not');
	is($sim->count('79990000012'), 0, 'nor one of a rolled-back savepoint');

	# What an open transaction has queued stays at home, whatever commits around it.
	my $session = $t->node->background_psql('postgres');

	$session->query_safe('BEGIN; SELECT ' . Msgext::send_sql(phone => '79990000015'));
	$t->wait_state($t->send(phone => '79990000016'), 'delivered');
	is($sim->count('79990000015'), 0, 'a message of an open transaction has not left');
	$session->query_safe('COMMIT');
	ok(until_true(sub { $sim->count('79990000015') == 1 }),
		'and leaves when it commits, behind messages with higher transaction ids');
	$session->quit;
};

subtest 'trigger' => sub {
	$t->sql("CREATE TABLE orders (id int PRIMARY KEY, phone text);"
		  . 'CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN'
		  . " PERFORM msgext.send_vk('vk', jsonb_set("
		  . quote(vk_block(phone => '79990000000'))
		  . "::jsonb, '{phone}', to_jsonb(new.phone)), operation_id => 'order ' || new.id);"
		  . ' RETURN new; END$$;'
		  . 'CREATE TRIGGER tell AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION tell()');
	$t->sql("INSERT INTO orders SELECT i, (79990000100 + i)::text FROM generate_series(1, 20) i");
	ok( $t->wait_sql(
			"SELECT count(*) FROM msgext.message WHERE operation_id LIKE 'order %' AND state = 'delivered'",
			20),
		'a trigger sends for each row');
	is(scalar(grep { $sim->count(79990000100 + $_) == 1 } 1 .. 20), 20, 'each once');
};

subtest 'COMMIT PREPARED' => sub {
	$t->sql('BEGIN; SELECT '
		  . Msgext::send_sql(phone => '79990000021')
		  . "; PREPARE TRANSACTION 'a'");
	$t->wait_state($t->send(phone => '79990000022'), 'delivered');
	is($sim->count('79990000021'), 0, 'a prepared message has not left');
	$t->sql("COMMIT PREPARED 'a'");
	ok(until_true(sub { $sim->count('79990000021') == 1 }), 'COMMIT PREPARED sends it');
	$t->sql('BEGIN; SELECT '
		  . Msgext::send_sql(phone => '79990000023')
		  . "; PREPARE TRANSACTION 'b'");
	$t->sql("ROLLBACK PREPARED 'b'");
	$t->wait_state($t->send(phone => '79990000024'), 'delivered');
	is($sim->count('79990000023'), 0, 'ROLLBACK PREPARED does not');
};

subtest 'priority' => sub {
	$t->add_server('single', max_in_flight => 1, status_poll => 'off');
	$t->sql("SELECT msgext.pause_server('single')");
	for my $priority (5, 4, 3, 2, 1)
	{
		$t->send_many(10, 79990001000 + 100 * $priority, server => 'single',
			priority => $priority);
	}
	my $start = time();
	$t->sql("SELECT msgext.resume_server('single')");
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = 'single' AND state = 'accepted'",
			50),
		'all priorities are sent');

	# With a tick of the worker between each and the next it would be 49 seconds.
	cmp_ok(time() - $start, '<', 25, 'one after the other, without pauses');

	my @order = map { int(($_->{to} - 79990001000) / 100) }
	  grep { $_->{to} > 79990001000 && $_->{to} < 79990002000 } $sim->ledger;
	my %mean;

	$mean{ $order[$_] } += $_ / 10 for 0 .. $#order;
	cmp_ok($mean{1}, '<', $mean{3}, 'urgent before normal, by their mean places: '
		  . join(' ', map { "$_: $mean{$_}" } sort keys %mean));
	cmp_ok($mean{3}, '<', $mean{5}, 'normal before the last');
};

subtest 'send_after and expires_at' => sub {
	my $later = $t->send(phone => '79990000031', send_after => "now() + interval '1 s'");
	my $tomorrow = $t->send(phone => '79990000034', send_after => "now() + interval '1 day'");
	my $row;

	ok( $t->wait_sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($tomorrow)",
			'send_after'),
		'message_status tells why it waits');
	is($t->state($tomorrow), 'queued', 'it is queued');
	$row = $t->wait_state($later, 'delivered');
	is($t->sql("SELECT accepted_at >= send_after FROM msgext.message WHERE id = $later"),
		't', 'it left no earlier');

	$t->sql("SELECT msgext.pause_server('vk', 'test')");
	my $expired = $t->send(phone => '79990000032', expires_at => "now() + interval '300 ms'");
	my $fine = $t->send(phone => '79990000033', expires_at => "now() + interval '1 hour'");

	$t->wait_sql("SELECT expires_at < now() FROM msgext.message WHERE id = $expired");
	$t->sql("SELECT msgext.resume_server('vk')");
	$row = $t->wait_state($expired, 'expired');
	like($row->{error}, qr/time to be sent/, 'and says so');
	ok(defined $row->{finished_at}, 'it has ended');
	$t->wait_state($fine, 'delivered');
	is($sim->count('79990000032'), 0, 'the expired one was not sent');
	is($sim->count('79990000034'), 0, 'nor the one of tomorrow');
	is($t->sql("SELECT msgext.cancel_message($tomorrow)"), 't', 'which can be cancelled');
};

subtest 'operation_id' => sub {
	my $first = $t->send(phone => '79990000041', operation_id => "'invoice 1'");
	my $again = $t->send(phone => '79990000041', operation_id => "'invoice 1'");

	is($again, $first, 'the second call returns the first message');
	like(
		$t->error('SELECT '
			  . Msgext::send_sql(phone => '79990000042', operation_id => "'invoice 1'")),
		qr/23505.*operation_id "invoice 1" was used for another message/s,
		'another payload is an error');
	$t->wait_state($first, 'delivered');
	is($sim->count('79990000041'), 1, 'sent once');
};

subtest 'cascade' => sub {
	my $id = $t->send(
		phone => '79990000051',
		viber => 1,
		sms => 'text',
		fate => 'sent,failed;viber:sent,undelivered=not-viber-user;sms:sent,delivered');
	my $row = $t->wait_state($id, 'delivered');
	my $channels = $row->{detail}{channels};

	is($channels->{vk}{state}, 'failed', 'VK failed');
	is($channels->{viber}{state}, 'undelivered', 'Viber did not deliver');
	is($channels->{viber}{code}, 'not-viber-user', 'and says why');
	is($channels->{sms}{state}, 'delivered', 'the SMS arrived');
	is($sim->count('79990000051'), 1, 'one request did it');

	$id = $t->send(
		phone => '79990000052',
		viber => 1,
		sms => 'two segments ' x 13,
		fate => 'sent,failed;viber:sent,undelivered;sms:sent,delivered|undelivered');
	$row = $t->wait_state($id, 'undelivered');
	is($row->{detail}{channels}{sms}{state}, 'undelivered', 'half of an SMS is none');
	$id = $t->send(phone => '79990000053', fate => 'sent,vp_expired');
	$t->wait_state($id, 'expired');
	$id = $t->send(phone => '79990000054', fate => 'failed');
	$t->wait_state($id, 'failed');
};

subtest 'large ids' => sub {
	my $id = $t->send(phone => '79990000061', sms => 'text', fate => 'failed;sms:sent,delivered');
	my $row = $t->wait_state($id, 'delivered');
	my ($line) = $sim->ledger('79990000061');

	cmp_ok($line->{id}, '>', 2**53, 'the id is beyond what a double holds');
	is($row->{provider_id}, $line->{id}, 'provider_id is exact');
	like($t->sql("SELECT convert_from(answer, 'UTF8') FROM msgext.message_event"
			  . " WHERE message_id = $id AND kind = 'answer'"),
		qr/"messageId":$line->{id}\b/, 'the raw answer is kept');
	my $segment = $t->sql("SELECT detail #>> '{channels,sms,segments,0,id}' FROM msgext.message_status($id)");
	is($t->sql("SELECT jsonb_typeof(detail #> '{channels,sms,segments,0,id}') FROM msgext.message_status($id)"),
		'string', 'ids in detail are strings');
	is($t->sql("SELECT count(*) > 0 FROM msgext.message_event WHERE message_id = $id"
			  . " AND encode(answer, 'escape') ~ '\"id\":$segment,'"),
		't', 'and exactly what the provider wrote');
	cmp_ok($sim->summary->{status_queries}, '>', 0, 'statuses were asked for');
};

subtest 'activity' => sub {
	ok( $t->wait_sql(
			"SELECT application_name || ': ' || state || ': ' || query FROM pg_stat_activity"
			  . " WHERE backend_type = 'msgext worker'",
			'msgext: idle: waiting for messages'),
		'pg_stat_activity says that it waits');
	$sim->script('devino send next 1 delay 60000');
	my $id = $t->send(phone => '79990000071');
	ok( $t->wait_sql(
			"SELECT state || ': ' || query FROM pg_stat_activity WHERE backend_type = 'msgext worker'",
			'active: dispatching: 1 in flight'),
		'and what is under way');
	is($t->state($id), 'sending', 'message_status says sending');
	is($t->sql("SELECT state FROM msgext.message WHERE id = $id"), 'sending',
		'and so does the view');
	is($t->server('in_flight'), 1, 'server_status counts it');
	is($t->sql("SELECT msgext.cancel_message($id)"), 'f', 'it cannot be cancelled any more');
	is($t->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext worker'"
			  . " AND (xact_start IS NOT NULL OR backend_xmin IS NOT NULL)"),
		0, 'no transaction and no snapshot is held meanwhile');
	$sim->release;
	$t->wait_state($id, 'delivered');
	is($t->server('queued + in_flight + unknown'), 0, 'nothing is left');
	is($t->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'msgext launcher'"),
		1, 'the launcher is there');
};

subtest 'an id that the provider has given before' => sub {
	my $first = $t->send;
	my $given = $t->wait_state($first, 'delivered')->{provider_id};
	my $next = $t->sql("SELECT $given + 1");

	$t->sql("INSERT INTO msgext.reference SELECT oid, '$next', $first FROM pg_foreign_server WHERE srvname = 'vk'");
	my $second = $t->send;

	is($t->wait_state($second, 'delivered')->{provider_id}, $next, 'the second message has it');
	is($t->sql("SELECT message_id FROM msgext.reference WHERE provider_id = '$next'"),
		$first, 'it stands for the first one as before');
	like($t->log, qr/WARNING: .*gave id "$next" twice/, 'and that was told');
};

subtest 'indexes of an administrator' => sub {
	$t->sql('CREATE INDEX admin_outbox ON msgext.outbox USING hash (provider_id);'
		  . ' CREATE INDEX admin_event ON msgext.event (lower(kind), message_id);'
		  . ' CREATE INDEX admin_reference ON msgext.reference USING hash (message_id)');
	my @ids = $t->send_many(100, 79990000900);
	my $list = join(',', @ids);

	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE id IN ($list) AND state = 'delivered'", 100),
		'messages are delivered');
	is($t->sql("SET enable_seqscan = off; SET enable_indexscan = on;"
			  . " SELECT count(*) FROM msgext.event WHERE lower(kind) = 'answer' AND message_id IN ($list)"),
		100, 'an index on an expression has their events');
	is($t->sql('SET enable_seqscan = off;'
			  . " SELECT count(*) FROM unnest(ARRAY[$list]) AS i WHERE EXISTS"
			  . ' (SELECT FROM msgext.reference WHERE message_id = i)'),
		100, 'a hash index has the provider\'s ids');
	is($t->sql('SET enable_seqscan = off;'
			  . " SELECT count(*) FROM msgext.reference r WHERE message_id IN ($list) AND EXISTS"
			  . ' (SELECT FROM msgext.outbox o WHERE o.provider_id = r.provider_id)'),
		100, 'and one on the messages themselves');
	$t->sql('DROP INDEX msgext.admin_outbox, msgext.admin_event, msgext.admin_reference');
};

is($t->sql("SELECT count(*) FROM msgext.message WHERE state NOT IN"
		  . " ('delivered', 'read', 'undelivered', 'failed', 'expired', 'cancelled') AND server = 'vk'"),
	0, 'every message of this test has ended');
unlike($t->log, qr/(?:WARNING|ERROR|FATAL|PANIC):.*msgext/, 'and the log has no complaint of ours');

done_testing();
