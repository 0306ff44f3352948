# What follows each outcome of a request to a provider that does not deduplicate: one row
# of the table after the other, checked against the provider's own ledger.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Test::More;
use Time::HiRes qw(time);

my $t = Msgext->new('outcome',
	conf => "msgext.max_response_size = 1MB\n",
	options => { status_poll => 'off' });
my $sim = $t->sim;

sub answers
{
	my ($id) = @_;

	return $t->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id AND kind = 'answer'");
}

# Between the first answer and the last, in seconds.
sub waited
{
	my ($id) = @_;

	return $t->sql("SELECT extract(epoch FROM max(at) - min(at)) FROM msgext.message_event"
		  . " WHERE message_id = $id AND kind = 'answer'");
}

subtest 'never left' => sub {
	my $later = Msgext::Simulator->new;

	$t->add_server('absent', url => $later->url, status_poll => 'off');
	$later->stop;
	my $id = $t->send(server => 'absent', phone => '79990000001');

	ok($t->wait_sql("SELECT attempts >= 3 FROM msgext.message WHERE id = $id"),
		'a closed port is tried again and again');
	my $row = $t->status($id);
	like($row->{state}, qr/^(?:queued|sending)$/, 'it stays queued');
	like($row->{error}, qr/connect/i, 'and tells why');
	ok($t->wait_sql("SELECT last_error ~* 'connect' FROM msgext.server_status WHERE server = 'absent'"),
		'so does the server');
	is($t->server('queued + in_flight', 'absent'), 1, 'and counts it');
	$later->start;
	$t->wait_state($id, 'accepted');
	is($later->count('79990000001'), 1, 'once there is somebody, it arrives once');
	ok($t->wait_sql("SELECT last_success_at > last_error_at FROM msgext.server_status WHERE server = 'absent'"),
		'the server has recovered');

	# A TLS handshake with a server that speaks none.
	(my $url = $sim->url) =~ s/^http:/https:/;
	$t->add_server('tls', url => $url, status_poll => 'off');
	$id = $t->send(server => 'tls', phone => '79990000002');
	ok($t->wait_sql("SELECT attempts >= 2 FROM msgext.message WHERE id = $id"),
		'a failed handshake is tried again');
	like($t->state($id), qr/^(?:queued|sending)$/, 'it stays queued');
	$t->set_option('tls', url => $sim->url);
	$t->wait_state($id, 'accepted', 'and goes when the url is right');
	is($sim->count('79990000002'), 1, 'once');
};

subtest 'refused for now' => sub {
	my @cases = (
		[ 'status 429 retry-after 1', 1 ],
		[ 'status 503 retry-after 1', 1 ],
		[ 'status 429', 0 ],
		[ 'status 503', 0 ],
		[ 'code queue_full login_send_queue_overflow', 0, 'queue_full' ],
		[ 'code system_error try again', 0, 'system_error' ],
		[ 'inner error-system', 0, 'error-system' ],
		[ 'status 503 retry-after 1 body {"code":"queue_full","description":"x"}', 1, 'queue_full' ]);
	my @ids;

	for my $i (0 .. $#cases)
	{
		my $phone = 79990000100 + $i;

		$sim->script("devino send match $phone next 1 $cases[$i][0]");
		push @ids, $t->send(phone => $phone);
	}
	for my $i (0 .. $#cases)
	{
		my ($action, $delay, $code) = @{ $cases[$i] };
		my $row = $t->wait_state($ids[$i], 'accepted', "$action: arrives");

		is($row->{attempts}, 2, 'at the second attempt');
		is($sim->count(79990000100 + $i), 1, 'once');
		cmp_ok(waited($ids[$i]), '>=', $delay, 'not before it was allowed') if $delay;
		is($t->sql("SELECT code FROM msgext.message_event WHERE message_id = $ids[$i]"
				  . " AND kind = 'answer' ORDER BY at LIMIT 1"),
			$code, "the provider's code is kept")
		  if $code;
	}
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE maybe_sent"),
		0, 'none of these can have arrived unseen');
};

# Action, whether the provider took the message, text that the error must have.
my @unsure = (
	[ 'drop-after', 1, 'connection|empty reply' ],
	[ 'reset-mid-body', 1, '' ],
	[ 'taken-html', 1, 'could not be read' ],
	[ 'taken-garbage 300', 1, 'could not be read' ],
	[ 'taken-status 500', 1, '500' ],
	[ 'taken-status 502', 1, '502' ],
	[ 'taken-status 504', 1, '504' ],
	[ 'taken-status 408', 1, '408' ],
	[ 'taken-status 302', 1, '302' ],
	[ 'huge 2', 1, 'max_response_size' ],
	[ 'hang', 1, 'timed out|timeout' ],
	[ 'drip 100', 1, 'timed out|timeout' ],
	[ 'drop-before', 0, 'connection|empty reply' ],
	[ 'html', 0, 'could not be read' ],
	[ 'garbage 300', 0, 'could not be read' ],
	[ 'empty', 0, 'could not be read' ],
	[ 'status 500', 0, '500' ],
	[ 'status 504', 0, '504' ],
	[ 'status 200 body {"code":"ok","description":""}', 0, '' ],
	[ 'status 200 body {"code":"ok","result":{"code":"ok"}}', 0, 'messageId' ],
	[ 'status 200 body {"code":"ok","result":{"code":"ok","messageId":1e3}}', 0, 'messageId' ],
	[ 'status 200 body [1]', 0, '' ]);

subtest 'may have arrived' => sub {
	my @ids;

	$t->set_option('vk', timeout => '2 s');
	for my $i (0 .. $#unsure)
	{
		my $phone = 79990000200 + $i;

		$sim->script("devino send match $phone next 1 $unsure[$i][0]");
		push @ids, $t->send(phone => $phone);
	}
	for my $i (0 .. $#unsure)
	{
		my ($action, $taken, $error) = @{ $unsure[$i] };
		my $row = $t->wait_state($ids[$i], 'unknown', "$action: unknown");

		like($row->{error}, qr/$error/i, 'the error tells why');
		ok(length $row->{error}, 'and is not empty');
		is($row->{attempts}, 1, 'it was tried once');
		is($row->{next_attempt_at}, undef, 'and will not be tried again');
	}
	$t->set_option('vk', timeout => $Msgext::fast{timeout});
	$t->wait_state($t->send(phone => '79990000299'), 'accepted', 'others go on');
	for my $i (0 .. $#unsure)
	{
		is($sim->count(79990000200 + $i), $unsure[$i][1], "$unsure[$i][0]: the ledger has it as often as it was taken");
	}
	is($t->server('unknown'), scalar @unsure, 'server_status counts them');
	is($t->server('queued'), 0, 'and none of them as queued');
	is($t->sql('SELECT bool_and(msgext.retry_message(id)) FROM msgext.message WHERE state = \'unknown\''),
		't', 'retry_message takes them all');
	for my $i (0 .. $#unsure)
	{
		$t->wait_state($ids[$i], 'accepted', "$unsure[$i][0]: accepted when it is sent again");
		is($sim->count(79990000200 + $i), $unsure[$i][1] + 1, 'once more');
	}
	is($t->server('unknown'), 0, 'nothing is unknown any more');
};

# libcurl writes a POST a second time when a kept connection dies before the answer.
subtest 'a kept connection' => sub {
	my $own = Msgext::Simulator->new;

	$t->add_server('kept', url => $own->url, max_in_flight => 1, status_poll => 'off');
	for my $action (qw(drop-after drop-before reset-mid-body))
	{
		my $taken = $action eq 'drop-before' ? 0 : 1;
		my ($before, $victim) = ($t->new_phone, $t->new_phone);

		$t->wait_state($t->send(server => 'kept', phone => $before), 'accepted');
		is($own->summary->{connections_max}, 1, 'one connection is kept');
		my $requests = $own->summary->{requests};
		$own->script("devino send match $victim next 1 $action");
		my $id = $t->send(server => 'kept', phone => $victim);
		my $row = $t->wait_state($id, 'unknown', "$action on a used connection: unknown");
		$t->wait_state($t->send(server => 'kept'), 'accepted');
		is($own->count($victim), $taken, 'it was not repeated behind our back');
		is($own->summary->{requests}, $requests + 2, 'no request but those two was made');
		is($row->{attempts}, 1, 'one attempt');
	}

	# The server closes the kept connection before the request is written.
	my $id;
	my $phone = $t->new_phone;

	$t->wait_state($t->send(server => 'kept'), 'accepted');
	$own->stop;
	$own->start;
	$id = $t->send(server => 'kept', phone => $phone);
	my $row = $t->wait_state($id, 'accepted|unknown', 'a connection that was closed while idle');
	is($own->count($phone), $row->{state} eq 'accepted' ? 1 : 0, 'the ledger agrees with the state');
};

subtest "on_unknown 'resend'" => sub {
	$t->add_server('resend', on_unknown => 'resend', status_poll => 'off',
		timeout => '2 s', max_attempts => 3);
	$sim->script('devino send match 79990000301 next 1 drop-after',
		'devino send match 79990000302 next 1 hang',
		'devino send match 79990000303 always drop-after');
	my @ids = map { $t->send(server => 'resend', phone => 79990000300 + $_) } 1 .. 3;

	is($t->wait_state($ids[0], 'accepted')->{attempts}, 2, 'a lost answer is followed by a second request');
	is($sim->count('79990000301'), 2, 'the provider has it twice: that was the order');
	$t->wait_state($ids[1], 'accepted');
	is($sim->count('79990000302'), 2, 'the same after a timeout');
	my $row = $t->wait_state($ids[2], 'unknown', 'where no answer ever comes, it ends as unknown, not as failed');
	is($row->{attempts}, 3, 'after max_attempts');
	is($sim->count('79990000303'), 3, 'all of which arrived');
};

# An answer was lost; what comes to the repeat says nothing about the first attempt.
subtest 'refused when repeated' => sub {
	my $phone = 79990000350;
	my ($id, $other);

	$t->add_server('again', on_unknown => 'resend', status_poll => 'off', max_attempts => '2');
	for my $refusal ('inner error-address-unknown', 'status 413', 'status 503')
	{
		$phone++;
		$sim->script("devino send match $phone next 1 drop-after", "devino send match $phone next 1 $refusal");
		$id = $t->send(server => 'again', phone => $phone);
		is($t->wait_state($id, 'unknown', "$refusal: unknown")->{attempts}, 2, 'at the second attempt');
		is($sim->count($phone), 1, 'for the provider has it');
	}

	# The server is of another provider before it can be repeated; one that was never sent has failed.
	$t->set_option('again', retry_min_delay => '1 h', retry_max_delay => '1 h', max_attempts => '9');
	$sim->script('devino send match 79990000398 next 1 drop-after');
	$id = $t->send(server => 'again', phone => 79990000398);
	ok($t->wait_sql("SELECT attempts FROM msgext.message WHERE id = $id", 1), 'one more');
	$t->sql("SELECT msgext.pause_server('again')");
	$other = $t->send(server => 'again', phone => 79990000399);
	$t->sql("UPDATE msgext.outbox SET next_attempt_at = now() WHERE id = $id;"
		  . "UPDATE msgext.reminder SET at = (SELECT next_attempt_at FROM msgext.outbox WHERE id = $id) WHERE id = $id");
	$t->sql("UPDATE msgext.outbox SET provider = 'edna' WHERE id IN ($id, $other)");
	$t->sql("SELECT msgext.resume_server('again')");
	$t->wait_state($id, 'unknown', 'what may have arrived is unknown');
	$t->wait_state($other, 'failed', 'what has not is failed');
	is($sim->count(79990000398) . $sim->count(79990000399), '10', 'nothing goes to the other provider');
};

subtest 'credentials' => sub {
	$t->add_server('locked', mapping => { login => 'tester', password => 'wrong' }, status_poll => 'off');
	my @ids = map { $t->send(server => 'locked', phone => 79990000400 + $_) } 1 .. 5;

	like($t->wait_refused('locked', '401 pauses the account'), qr/Unauthorized: Wrong login or password/,
		'in the words of the answer');
	is($t->server('paused_accounts', 'locked'), '{PUBLIC}', 'it is told whose');
	ok($t->wait_sql("SELECT queued FROM msgext.server_status WHERE server = 'locked'", 5), 'the messages stay queued');
	ok($t->wait_sql("SELECT last_error FROM msgext.server_status WHERE server = 'locked'",
		'Wrong login or password'), 'last_error too');
	my $row = $t->status($ids[0]);
	is($row->{state}, 'queued', 'each of them');
	like($row->{detail}{waiting}{for}, qr/^account is paused: Unauthorized/, 'message_status tells why');
	is($t->server('paused', 'vk'), 'f', 'other servers go on');
	my $unauthorized = $sim->summary->{unauthorized};
	cmp_ok($unauthorized, '<=', 5, 'it was not tried more often than it had messages');
	my $late = $t->send(server => 'locked', phone => 79990000406);
	$t->wait_state($t->send, 'accepted');
	is($sim->summary->{unauthorized}, $unauthorized, 'nothing is sent while it is paused');

	$t->sql("SELECT msgext.resume_server('locked')");
	ok(until_true(sub { $sim->summary->{unauthorized} > $unauthorized }), 'resumed too early, it is tried');
	$t->wait_refused('locked', 'and paused again');
	$t->sql("ALTER USER MAPPING FOR PUBLIC SERVER locked OPTIONS (SET password '111111')");
	$t->wait_state($_, 'accepted') for @ids, $late;
	is(scalar(grep { $sim->count(79990000400 + $_) == 1 } 1 .. 6), 6, 'with the right password all are sent, once');
	is($t->server('paused_accounts', 'locked'), '{}', 'and it is not paused any more');
	like($t->log, qr/LOG: .*the account of "PUBLIC" on server "locked" was paused: Unauthorized/, 'the log tells of the pause');
};

subtest 'no right, no money' => sub {
	my @cases = (
		[ 'status 402', '402' ],
		[ 'status 403', '403' ],
		[ 'status 407', '407' ],
		[ 'status 404', '404' ],
		[ 'status 308', '308' ],
		[ 'status 403 body {"Code":"blocked","Description":"call us"}', 'blocked: call us' ],
		[ 'inner not-enough-credits', 'not-enough-credits' ],
		[ 'code error-account-locked no entry', 'error-account-locked: no entry', 'account' ],
		[ 'code error-auth no', 'error-auth: no', 'account' ],
		[ 'code validation_error login_not_specified', 'login_not_specified', 'account' ]);

	for my $case (@cases)
	{
		my ($action, $reason, $account) = @$case;
		my $phone = $t->new_phone;

		$sim->script("devino send match $phone next 1 $action");
		my $id = $t->send(phone => $phone);
		my $told;

		if ($account)
		{
			$told = $t->wait_refused('vk', "$action: the account is paused");
		}
		else
		{
			ok($t->wait_sql("SELECT paused FROM msgext.server_status WHERE server = 'vk'"), "$action: paused");
			$told = $t->server('pause_reason');
		}
		like($told, qr/\Q$reason\E/, 'the reason is told');
		is($t->state($id), 'queued', 'the message stays queued');
		is($t->server('queued + unknown'), 1, 'and is counted so');
		$t->sql("SELECT msgext.resume_server('vk')");
		$t->wait_state($id, 'accepted', 'and is sent when the server is resumed');
		is($sim->count($phone), 1, 'once');
	}
};

my @rejected;

subtest 'rejected' => sub {
	my @cases = (
		[ 'inner phone_invalid', 'phone_invalid' ],
		[ 'inner error-address-unknown', 'error-address-unknown' ],
		[ 'inner never-heard-of', 'never-heard-of' ],
		[ 'code validation_error invalid_json', 'validation_error', 'invalid_json' ],
		[ 'status 400 body {"Code":"bad","Description":"worse"}', 'bad', 'worse' ],
		[ 'status 400', undef, '400' ],
		[ 'status 413', undef, '413' ],
		[ 'status 400 body {"code":"ok","result":{"code":"phone_invalid"}}', 'phone_invalid' ],
		[ 'status 500 body {"code":"ok","result":{"code":"phone_invalid"}}', 'phone_invalid' ]);

	for my $i (0 .. $#cases)
	{
		my ($action, $code, $error) = @{ $cases[$i] };
		my $phone = 79990000500 + $i;

		$sim->script("devino send match $phone next 1 $action");
		my $id = $t->send(phone => $phone);
		my $row = $t->wait_state($id, 'rejected', "$action: rejected");

		push @rejected, $id;
		is($row->{code}, $code, 'with its code');
		like($row->{error}, qr/$error/, 'and its text') if defined $error;
		is($row->{attempts}, 1, 'at once');
		ok(defined $row->{finished_at}, 'and for good');
		is($sim->count($phone), 0, 'nobody has it');
	}
	is($t->server('paused'), 'f', 'the server goes on');
};

subtest 'giving up' => sub {
	$t->add_server('tired', max_attempts => 3, status_poll => 'off', give_up_after => '1 hour');
	$t->add_server('hasty', give_up_after => '2 s', max_attempts => 1000, status_poll => 'off');
	$sim->script('devino send match 79990000601 always status 503',
		'devino send match 79990000602 always code queue_full login_send_queue_overflow',
		'devino send match 79990000603 next 1 status 429 retry-after 3600');
	my $tired = $t->send(server => 'tired', phone => 79990000601);
	my $hasty = $t->send(server => 'hasty', phone => 79990000602);
	my $told = $t->send(server => 'hasty', phone => 79990000603);
	my $row = $t->wait_state($tired, 'failed', 'max_attempts ends it');

	is($row->{attempts}, 3, 'after so many attempts');
	is(answers($tired), 3, 'all of which are told');
	ok(defined $row->{finished_at}, 'it has ended');
	$row = $t->wait_state($hasty, 'failed', 'give_up_after ends it');
	cmp_ok($row->{attempts}, '>', 1, 'after several attempts');
	is($row->{code}, 'queue_full', 'with the last code');
	cmp_ok(waited($hasty), '<', 30, 'in time, for a thousand would take a minute and more');
	$t->wait_state($told, 'failed', 'a Retry-After beyond give_up_after ends it at once');

	$sim->clear;
	is($t->sql("SELECT msgext.retry_message($tired)"), 't', 'retry_message takes a failed message');
	$row = $t->wait_state($tired, 'accepted');
	is($row->{attempts}, 4, 'attempts go on counting');
	is($sim->count(79990000601), 1, 'it arrives');
};

subtest 'retry_message' => sub {
	for my $id (@rejected[ 0, 3 ])
	{
		is($t->sql("SELECT msgext.retry_message($id)"), 't', 'takes a rejected message');
		$t->wait_state($id, 'accepted');
		is($t->sql("SELECT msgext.retry_message($id)"), 'f', 'but not an accepted one');
	}
	$t->sql("SELECT msgext.pause_server('vk')");
	my $id = $t->send(phone => 79990000701);
	is($t->sql("SELECT msgext.retry_message($id)"), 'f', 'nor a queued one');
	is($t->sql("SELECT msgext.cancel_message($id)"), 't', 'which can be cancelled');
	is($t->sql("SELECT msgext.retry_message($id)"), 'f', 'nor a cancelled one');
	is($t->sql('SELECT msgext.retry_message(4711000)'), 'f', 'nor one that does not exist');
	$t->sql("SELECT msgext.resume_server('vk')");
	$t->wait_state($t->send, 'accepted');
	is($sim->count(79990000701), 0, 'the cancelled one was not sent');

	# The call is part of its transaction.
	$sim->script('devino send match 79990000702 next 1 drop-after');
	$id = $t->send(phone => 79990000702);
	$t->wait_state($id, 'unknown');
	$t->sql("BEGIN; SELECT msgext.retry_message($id); ROLLBACK");
	$t->wait_state($t->send, 'accepted');
	is($t->state($id), 'unknown', 'a rolled-back retry is none');
	is($sim->count(79990000702), 1, 'and sends nothing');
};

subtest 'odd but fine' => sub {
	my @cases = ('trailing-comma', 'delay 300', 'drip 3');

	for my $action (@cases)
	{
		my $phone = $t->new_phone;

		$sim->script("devino send match $phone next 1 $action");
		my $row = $t->wait_state($t->send(phone => $phone), 'accepted', "$action: accepted");

		is($row->{attempts}, 1, 'at the first attempt');
		is($row->{provider_id}, ($sim->ledger($phone))[0]{id}, 'with its id');
	}
};

subtest 'a status of another message' => sub {
	$t->add_server('polled', status_poll => 'on', poll_min_interval => '1 s', poll_max_interval => '1 s');
	$sim->script('devino status next 1 status 200 body '
		  . '{"code":"ok","result":{"providerId":1,"status":"undelivered","statusAt":"2026-01-01 12:00:00"}}');
	my $id = $t->send(server => 'polled', fate => 'sent@1');

	$t->wait_state($id, 'sent');
	ok( $t->wait_sql("SELECT last_error LIKE 'the answer is about message 1,%' FROM msgext.server_status WHERE server = 'polled'"),
		'is noted, and not taken for this one');
};

is($t->server('queued + in_flight', 'vk'), 0, 'nothing hangs');
unlike($t->log, qr/(?:WARNING|ERROR|FATAL|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
