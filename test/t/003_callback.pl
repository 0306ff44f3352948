# Reports that the provider pushes: in every spelling and order, repeated, too early, for
# strangers, and broken ones.
use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;

use Encode qw(encode);
use Msgext qw(until_true quote);
use Test::More;

my $t = Msgext->new('callback', options => { status_poll => 'off' });
my $sim = $t->sim;

sub receive_sql
{
	my ($body, $server) = @_;

	# As hex: a body is bytes.
	return 'SELECT msgext.receive_callback('
	  . quote($server // 'vk') . ', '
	  . quote('\\x' . unpack('H*', utf8::is_utf8($body) ? encode('UTF-8', $body) : $body)) . ')';
}

sub receive
{
	my ($body, $server) = @_;

	return $t->sql(receive_sql($body, $server));
}

# A message that the provider has accepted and tells nothing about; returns both ids.
sub accepted
{
	my ($phone) = @_;
	my $id = $t->send(phone => $phone, fate => 'sent@86400000');
	my $row = $t->wait_state($id, 'accepted');

	return ($id, $row->{provider_id});
}

sub report
{
	my ($provider_id, $status, $time, $error) = @_;

	$time //= '2026-01-01 12:00:00';
	return qq({"messageId":$provider_id,"status":"$status","receivedAt":"$time"})
	  if !defined $error;
	return qq({"messageId":$provider_id,"status":"$status","receivedAt":"$time","error":"$error"});
}

sub event_count
{
	my ($id) = @_;

	return $t->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id AND kind = 'callback'");
}

subtest 'spellings and orders' => sub {
	my $phone = 79990000100;

	for my $spelling (qw(example table mixed))
	{
		for my $order (qw(asis shuffled))
		{
			my @ids;
			my (@bodies, $applied, $events);

			$sim->callbacks(qq({"url": null, "spelling": "$spelling", "order": "$order", "batch": 7}));
			@ids = map { $t->send(phone => $phone++, fate => 'sent@1,delivered@1,read@1') } 1 .. 5;
			$t->wait_state($_, 'accepted') for @ids;
			until_true(
				sub {
					my $body = $sim->take_callback(7);

					push @bodies, $body if $body =~ /\d{19}/;
					$events = () = join('', @bodies) =~ /"status"/g;
					return $events >= 15;
				});
			is($events, 15, "$spelling, $order: the simulator has three reports of each");
			like(join('', @bodies), $spelling eq 'table' ? qr/"id":\d+.*"time":/ : qr/"messageId":\d+.*"receivedAt":/,
				'in that spelling');
			$applied += receive($_) for @bodies;
			is(scalar(grep { $t->state($_) eq 'read' } @ids), 5, 'all were read');
			is($applied, 15, 'all reports were applied');
			is($t->sql('SELECT count(*) FROM msgext.message_event WHERE kind = \'callback\' AND message_id IN ('
					  . join(',', @ids) . ')'), 15, 'and are in the timeline');
			my $again = 0;
			$again += receive($_) for @bodies;
			is($again, 0, 'a second time they say nothing new');
			is($t->sql('SELECT count(*) FROM msgext.message_event WHERE kind = \'callback\' AND message_id IN ('
					  . join(',', @ids) . ')'), 15, 'nor do they lengthen the timeline');
		}
	}
	is($t->sql('SELECT count(*) FROM msgext.callback WHERE repeats = 1 AND message_id IS NOT NULL'),
		$t->sql('SELECT count(*) FROM msgext.callback'), 'repeats are counted');
};

subtest 'never backwards' => sub {
	my ($id, $provider_id) = accepted(79990000201);
	my @steps = (
		[ 'ENQUEUED', 'accepted' ], [ 'SENT', 'sent' ],
		[ 'UNDELIVERED', 'undelivered', 'no phone' ], [ 'sent', 'undelivered' ],
		[ 'Delivered', 'delivered' ], [ 'SENT', 'delivered' ],
		[ 'FAILED', 'delivered' ], [ 'READ', 'read' ],
		[ 'DELIVERED', 'read' ], [ 'UNDELIVERED', 'read' ]);
	my $n = 0;

	for my $step (@steps)
	{
		my ($status, $state, $error) = @$step;

		receive(report($provider_id, $status, sprintf('2026-01-01 12:%02d:00', $n++), $error));
		is($t->state($id), $state, "after $status it is $state");
	}
	is(event_count($id), scalar @steps, 'all of it is in the timeline');
	is($t->status($id, 'finished_at IS NOT NULL'), 't', 'it has ended');
};

subtest 'a remark is no error' => sub {
	my ($id, $provider_id) = accepted(79990000211);

	is(receive('[' . report($provider_id, 'DELIVERED', '2018-06-01 12:00:00', 'Доставлено') . ']'), 1, 'applied');
	my $row = $t->status($id);
	is($row->{state}, 'delivered', 'delivered');
	is($row->{error}, undef, 'without an error');
	is($row->{provider_status}, 'DELIVERED', "in the provider's spelling");
	is($row->{detail}{channels}{vk}{info}, 'Доставлено', 'the remark is kept');

	($id, $provider_id) = accepted(79990000212);
	receive(report($provider_id, 'FAILED', '2018-06-01 12:00:00', 'blocked'));
	$row = $t->status($id);
	is($row->{state}, 'failed', 'failed');
	is($row->{error}, 'blocked', 'with its error');
};

subtest 'times' => sub {
	my @cases = (
		[ '2018-06-01 12:00:00', '2018-06-01 09:00:00+00' ],
		[ '2011-06-01 12:00:00', '2011-06-01 09:00:00+00' ],
		[ '2018-06-01T12:00:00', '2018-06-01 09:00:00+00' ],
		[ '2018-06-01T12:00:00+05:00', '2018-06-01 07:00:00+00' ],
		[ '2018-06-01T12:00:00Z', '2018-06-01 12:00:00+00' ],
		[ '1527861323068', '2018-06-01 13:55:23.068+00' ],
		[ '1527861323', '2018-06-01 13:55:23+00' ],
		[ 'yesterday', '' ],
		[ '2018-06-31 12:00:00', '' ]);
	my $phone = 79990000301;

	for my $case (@cases)
	{
		my ($id, $provider_id) = accepted($phone++);

		receive(report($provider_id, 'DELIVERED', $case->[0]));
		is($t->sql("SET timezone = 'UTC'; SELECT reported_at FROM msgext.message_event"
				  . " WHERE message_id = $id AND kind = 'callback'"),
			$case->[1], "$case->[0] is " . ($case->[1] eq '' ? 'no time' : $case->[1]));
		is($t->state($id), 'delivered', 'and the status counts');
	}

	$t->sql("ALTER SERVER vk OPTIONS (ADD time_zone 'UTC')");
	my ($id, $provider_id) = accepted($phone);
	receive(report($provider_id, 'DELIVERED', '2018-06-01 12:00:00'));
	is($t->sql("SET timezone = 'UTC'; SELECT reported_at FROM msgext.message_event"
			  . " WHERE message_id = $id AND kind = 'callback'"),
		'2018-06-01 12:00:00+00', "unless option time_zone says otherwise");
	$t->sql("ALTER SERVER vk OPTIONS (DROP time_zone)");
};

subtest 'too early' => sub {
	my $id;
	my $early;

	# The report is committed while the answer is on its way.
	$sim->script('devino send match 79990000401 delay 60000');
	$id = $t->send(phone => 79990000401);
	ok(until_true(sub { $sim->count(79990000401) }), 'the provider has it, and has not answered');
	$early = ($sim->ledger(79990000401))[0]{id};
	is(receive(report($early, 'DELIVERED')), 0, 'a report of it applies to nothing yet');
	is($t->state($id), 'sending', 'for it is still being sent');
	$sim->release;
	$t->wait_state($id, 'delivered', 'with the answer it is found');
	is($t->status($id, 'provider_id'), $early, 'by its id');
	is(event_count($id), 1, 'and told once');
	is(receive(report($early, 'DELIVERED')), 0, 'repeated, it is nothing new');
	is($t->sql("SELECT message_id FROM msgext.callback WHERE provider_id = '$early'"), $id, 'the report knows its message');

	# The report is being written while the answer is recorded.
	my $session = $t->node->background_psql('postgres');

	$sim->script('devino send match 79990000402 delay 60000');
	$id = $t->send(phone => 79990000402);
	ok(until_true(sub { $sim->count(79990000402) }), 'another one');
	$early = ($sim->ledger(79990000402))[0]{id};
	$session->query_safe('BEGIN');
	is($session->query_safe(receive_sql(report($early, 'DELIVERED'))), 0, 'its report is not committed');
	$sim->release;
	$t->wait_state($id, 'accepted', 'when the answer is recorded');
	$session->query_safe('COMMIT');
	$t->wait_state($id, 'delivered', 'and is found all the same when it is');
	is(event_count($id), 1, 'once');

	# Many, with everything at once.
	$session->quit;
	$sim->script('devino send match 799900005 delay 300');
	$sim->callbacks('{"url": null, "spelling": "mixed", "order": "asis", "batch": 50}');
	$sim->take_callback(10000);
	my @ids = $t->send_many(50, 79990000500, fate => 'sent@1,delivered@1');
	ok( until_true(
			sub {
				my $body = $sim->take_callback(9);

				receive($body) if $body =~ /\d{19}/;
				return $t->sql('SELECT count(*) FROM msgext.message WHERE state = \'delivered\' AND id IN ('
					  . join(',', @ids) . ')') == 50;
			}),
		'reports in small pieces, before and after the answers, all find their messages');
};

subtest 'strangers' => sub {
	my $before = $t->sql('SELECT count(*) FROM msgext.event');

	is(receive(report(42, 'DELIVERED')), 0, 'an unknown id is no error');
	is(receive(report('9223372036854775807', 'READ')), 0, 'nor the largest');
	is($t->sql('SELECT count(*) FROM msgext.event'), $before, 'nothing is told of it');
	is($t->sql("SELECT count(*) FROM msgext.callback WHERE message_id IS NULL AND provider_id IN ('42', '9223372036854775807')"),
		2, 'the reports are kept');

	# The same id at another server is another message.
	my ($id, $provider_id) = accepted(79990000601);
	$t->add_server('other');
	is(receive(report($provider_id, 'DELIVERED'), 'other'), 0, "another server's report");
	is($t->state($id), 'accepted', 'is about another message');
};

subtest 'broken' => sub {
	my ($id, $provider_id) = accepted(79990000701);
	my $good = report($provider_id, 'SENT');
	my @broken = (
		'', 'hello', '{', "[$good", "[$good] and more", '[{"status":"DELIVERED"}]',
		qq([{"messageId":$provider_id}]), '[{"messageId":"x","status":"DELIVERED"}]',
		'[{"messageId":1.5e300,"status":"DELIVERED"}]', "\x00", "\xff\xfe",
		'[' x 100000);

	for my $body (@broken)
	{
		my $shown = length $body > 40 ? substr($body, 0, 20) . '...' : $body;

		$shown =~ s/[^ -~]/?/g;
		like($t->error(receive_sql($body)), qr/22023.*callback for server "vk" could not be read/s, "\"$shown\" is an error");
	}
	is($t->state($id), 'accepted', 'nothing was applied');

	# The same session goes on, and the repeat of a mended body counts.
	is($t->sql("BEGIN; SAVEPOINT a; ROLLBACK TO a; " . receive_sql("[$good]") . '; COMMIT'), 1, 'a good one counts');
	is($t->state($id), 'sent', 'and moves the message');
	is(receive('[{"nonsense": 1}, ' . report($provider_id, 'DELIVERED') . ', {"messageId": 7}]'), 1,
		'a bad element does not cost the good one');
	is($t->state($id), 'delivered', 'which moves the message');
	is(receive('[]'), 0, 'an empty list is fine');
	($id, $provider_id) = accepted(79990000702);
	is(receive('[' . report($provider_id, 'DELIVERED') . ',]'), 1, 'a trailing comma is forgiven');

	# What a rolled-back transaction received has not been received.
	($id, $provider_id) = accepted(79990000703);
	$t->sql('BEGIN; ' . receive_sql(report($provider_id, 'DELIVERED')) . '; ROLLBACK');
	is($t->state($id), 'accepted', 'a rolled-back report was none');
	is(receive(report($provider_id, 'DELIVERED')), 1, 'repeated, it counts');
	is($t->state($id), 'delivered', 'and moves the message');
	like($t->error(receive_sql('x' x 2_000_000)), qr/54000/, 'a monster is refused');
};

subtest 'SMS is only found by asking' => sub {
	$t->add_server('asked', status_poll => 'on');
	my $id = $t->send(
		server => 'asked',
		phone => 79990000801,
		sms => 'text',
		fate => 'sent@1,failed@1;sms:sent@300,delivered@300');

	ok(until_true(sub { $t->state($id) =~ /^(?:accepted|sent|delivered)$/ }), 'accepted');
	receive(report(($sim->ledger(79990000801))[0]{id}, 'FAILED'), 'asked');
	like($t->state($id), qr/^(?:sent|delivered)$/, 'the failure of VK is not the end');
	my $row = $t->wait_state($id, 'delivered', 'the status request finds the SMS');
	is($row->{detail}{channels}{vk}{state}, 'failed', 'VK failed');
	is($row->{detail}{channels}{sms}{state}, 'delivered', 'the SMS arrived');
};

subtest 'a report about what is unknown' => sub {
	$sim->script('devino send match 79990000901 next 1 drop-after');
	my $id = $t->send(phone => 79990000901, fate => 'sent@86400000');

	$t->wait_state($id, 'unknown');
	is(receive(report(($sim->ledger(79990000901))[0]{id}, 'DELIVERED')), 0, 'its id was never told');
	is($t->state($id), 'unknown', 'so it stays unknown');
	$t->sql("SELECT msgext.retry_message($id)");
	$t->wait_state($id, 'accepted', 'and can be sent again');
};

unlike($t->log, qr/(?:WARNING|FATAL|PANIC):/, 'the log has no complaint of ours');

done_testing();
