# edna: what each answer to a packet leads to, for the messages in it one by one, and that
# a message is one message there however often it is sent.
use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Edna;
use Msgext::Soak;
use Test::More;

my $t = Msgext::Edna->new('edna',
	conf => "restart_after_crash = on\nmsgext.max_response_size = 1MB\n",
	options => { status_poll => 'off' });
my $sim = $t->sim;
my $next_address = 79990001000;

# The other side has it once, and by the id that we know.
sub is_one
{
	my ($address, $id, $repeats) = @_;
	my @lines = $t->lines($address);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar @lines, 1, "$address: one message in the ledger");
	is($lines[0]{id}, $t->status($id, 'provider_id'), 'with the id that our tables have');
	is($lines[0]{body}{client_id}, $t->outbox($id, 'key'), 'and our clientId');
	is($lines[0]{repeats} // 0, $repeats, "repeated $repeats times") if defined $repeats;
	return;
}

# n messages in one packet that the actions are done to; address => id
sub post_under
{
	my ($n, @actions) = @_;
	my $first = $next_address;
	my (%ids, @ids);

	$next_address += $n;
	$sim->script(map { "edna send match $first next 1 $_" } @actions);
	@ids = $t->post_many($n, $first);
	@ids{ $first .. $first + $n - 1 } = @ids;
	return %ids;
}

# The error of the first answer.
sub first_error
{
	my ($id) = @_;

	return $t->sql("SELECT concat_ws(' ', code, error) FROM msgext.message_event WHERE message_id = $id"
		  . " AND kind = 'answer' ORDER BY at LIMIT 1");
}

subtest 'one message' => sub {
	my $text = "Заказ №1 <b>\"a\" & 'b'</b> ]]> &amp;\ttab\r\nline\n \x{1F600} end ";
	my $id = $t->post(
		address => '+79990000001',
		content => $text,
		more => {
			subject => 'A&O',
			priority => 'realtime',
			contentType => 'text',
			startTime => '2030-01-02 03:04:05',
			validityPeriodMinutes => 60,
			comment => '<order 1>'
		});
	my $row = $t->wait_state($id, 'accepted');
	my ($line) = $t->lines(79990000001);

	is_one(79990000001, $id, 0);
	is($line->{body}{content}, $text, 'every character arrives');
	is($line->{body}{subject}, 'A&O', 'subject');
	is($line->{body}{priority}, 'realtime', 'priority');
	is($line->{body}{contentType}, 'text', 'contentType');
	is($line->{body}{startTime}, '2030-01-02 03:04:05', 'startTime');
	is($line->{body}{validityPeriodMinutes}, '60', 'validityPeriodMinutes');
	is($line->{body}{comment}, '<order 1>', 'comment');
	is($row->{attempts}, 1, 'one attempt');
	is($row->{provider}, 'edna', 'provider');
	is($row->{error}, undef, 'no error');
	like($line->{body}{client_id}, qr/^\d{18}$/, 'a clientId of 18 digits');
};

subtest 'packets' => sub {
	my $before = $sim->summary->{requests};
	my $mark = $t->mark;
	my @ids = $t->post_many(100, 79990000100);

	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE id >= $ids[0] AND state = 'accepted'", 100),
		'100 messages of one transaction are accepted');
	my $there = $sim->counts;
	is(scalar(grep { ($there->{$_} // 0) == 1 } 79990000100 .. 79990000199), 100, 'each is there once');
	cmp_ok($sim->summary->{requests} - $before, '<=', 5, 'they took few requests');
	is($t->sql("SELECT max(attempts) FROM msgext.message WHERE id >= $ids[0]"), 1, 'at the first attempt');
	is($t->sql("SELECT count(DISTINCT provider_id) FROM msgext.message WHERE id >= $ids[0]"), 100, 'ids of their own');

	# The raw answer of a message is its own part of the packet.
	my $key = $t->outbox($ids[50], 'key');
	like($t->sql("SELECT convert_from(answer, 'UTF8') FROM msgext.message_event WHERE message_id = $ids[50] AND kind = 'answer'"),
		qr/\A<outMessage [^>]*clientId="$key"[^>]*>.*<\/outMessage>\s*\z/s, 'the raw answer is its own part');

	$t->sql("ALTER SERVER sms OPTIONS (ADD batch_size '7')");
	$mark = $t->mark;
	@ids = $t->post_many(30, 79990000200);
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE id >= $ids[0] AND state = 'accepted'", 30), 'smaller packets');
	my $packets = $t->packets($mark);
	is(scalar(grep { $_ > 7 } values %$packets), 0, 'none has more than batch_size');
	cmp_ok(scalar keys %$packets, '<=', 10, 'and they are filled');
	$t->sql('ALTER SERVER sms OPTIONS (DROP batch_size)');
	is($sim->summary->{in_flight_max}, 1, 'one packet at a time');
};

# What a code pauses, and the reason that is told.
sub wait_paused
{
	my ($code) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $t->wait_refused('sms', "$code: the account is paused")
	  if $code =~ /^error-(?:auth|unauthorized|account-locked)$/;
	ok($t->wait_sql("SELECT paused FROM msgext.server_status WHERE server = 'sms'"), "$code: paused");
	return $t->server('pause_reason', 'sms');
}

# Two senders are two logins, whose messages never share a packet.
subtest 'senders' => sub {
	$t->sql('CREATE ROLE other LOGIN; GRANT USAGE ON FOREIGN SERVER sms TO other;'
		  . " CREATE USER MAPPING FOR other SERVER sms OPTIONS (login 'other', password 'wrong')");
	$t->sql("SELECT msgext.pause_server('sms')");
	my $bad = $t->sql("SET ROLE other; SELECT " . Msgext::Edna::post_sql(address => 79990000301));
	my $good = $t->post(address => 79990000302);
	$t->sql("SELECT msgext.resume_server('sms')");
	like($t->wait_refused('sms', 'a wrong password pauses the account'), qr/error-auth/, 'and the code tells why');
	is($t->server('paused_accounts', 'sms'), '{other}', 'it is told whose');
	$t->wait_state($good, 'accepted', 'the server goes on for others');
	is($t->state($bad), 'queued', 'its message is still queued');
	is($t->outbox($bad, 'failures'), 0, 'no attempt is used up');
	$t->sql("ALTER USER MAPPING FOR other SERVER sms OPTIONS (SET login 'tester', SET password '111111')");
	$t->wait_state($bad, 'accepted', 'put right, it goes');
	is_one(79990000301, $bad);
	is_one(79990000302, $good);
	isnt(($t->lines(79990000301))[0]{body}{packet}, ($t->lines(79990000302))[0]{body}{packet}, 'not in one packet');
};

# The example of the answer's page: clientId 1 accepted, 2 refused, with a providerId all the same.
subtest 'one accepted, one rejected' => sub {
	$sim->script('edna send match 79990000402 next 1 odd rejected-ids',
		'edna message match 79990000402 next 1 inner error-address-format');
	my @ids = $t->post_many(2, 79990000401);
	my $row = $t->wait_state($ids[0], 'accepted');

	is_one(79990000401, $ids[0], 0);
	$row = $t->wait_state($ids[1], 'rejected');
	is($row->{code}, 'error-address-format', 'with its code');
	is($row->{attempts}, 1, 'at once');
	is(scalar $t->lines(79990000402), 0, 'nobody has it');
	is($t->server('paused', 'sms'), 'f', 'the server goes on');
};

# Of single messages: the others in the packet are not concerned.
subtest 'codes of messages' => sub {
	my @rejected = (qw(error-address-unknown error-subject-unknown error-content-format not-viber-user
		  error-not-template-match something-new), 'ok-but-not-quite');
	my @retried = qw(error-system);
	my @pausing = qw(error-insufficient-balance error-system-blocked error-account-locked error-permission);
	my $address = 79990000500;

	for my $code (@rejected)
	{
		my $first = $address += 3;

		$sim->script("edna message match $first next 1 inner $code");
		my @ids = $t->post_many(3, $first);
		is($t->wait_state($ids[0], 'rejected', "$code: rejected")->{code}, $code, 'verbatim');
		$t->wait_state($_, 'accepted', 'the others are taken') for @ids[ 1, 2 ];
	}
	for my $code (@retried)
	{
		my $first = $address += 3;

		$sim->script("edna message match $first next 2 inner $code");
		my @ids = $t->post_many(3, $first);
		my $row = $t->wait_state($ids[0], 'accepted', "$code: sent again");
		is($row->{attempts}, 3, 'until it is taken');
		is($t->outbox($ids[0], 'maybe_sent'), 'f', 'it cannot have arrived before');
		is($t->wait_state($_, 'accepted')->{attempts}, 1, 'the others were taken at once') for @ids[ 1, 2 ];
		is_one($first, $ids[0], 0);
	}
	for my $code (@pausing)
	{
		my $first = $address += 3;

		$sim->script("edna message match $first next 1 inner $code");
		my @ids = $t->post_many(3, $first);
		like(wait_paused($code), qr/\Q$code\E/, 'the reason is told');
		is($t->state($ids[0]), 'queued', 'it stays queued');
		is($t->outbox($ids[0], 'failures'), 0, 'no attempt is used up');
		is($t->state($_), 'accepted', 'what was taken is accepted') for @ids[ 1, 2 ];
		$t->sql("SELECT msgext.resume_server('sms')");
		$t->wait_state($ids[0], 'accepted', 'resumed, it goes');
		is_one($first, $ids[0], 0);
	}
};

# Of whole packets: nobody in it was taken.
subtest 'codes of packets' => sub {
	for my $code (qw(error-auth error-unauthorized error-permission error-account-locked error-system-blocked))
	{
		my %ids = post_under(3, "code $code");
		my ($address) = sort keys %ids;

		like(wait_paused($code), qr/\Q$code\E/, 'the reason is told');
		is($t->sql('SELECT count(*) FROM msgext.outbox WHERE id IN (' . join(',', values %ids)
				  . ") AND state = 'queued' AND failures = 0"), 3, 'all stay queued, no attempt is used up');
		my $later = $t->post(address => $next_address++);
		$t->sql("SELECT msgext.resume_server('sms')");
		$t->wait_state($_, 'accepted', 'resumed, they go') for values %ids, $later;
		is_one($address, $ids{$address}, 0);
	}
	my %ids = post_under(3, 'code error-system', 'code error-system');
	my ($first) = sort keys %ids;

	for my $address (sort keys %ids)
	{
		my $row = $t->wait_state($ids{$address}, 'accepted', 'error-system: sent again');

		# They need not share a packet the second time, and the rules look for the first of them.
		like($row->{attempts}, $address eq $first ? qr/^3$/ : qr/^[23]$/, 'until it is taken');
		is($t->outbox($ids{$address}, 'maybe_sent'), 'f', 'it cannot have arrived before');
		is_one($address, $ids{$address}, 0);
	}
	for my $status ('status 429 retry-after 1', 'status 503 retry-after 1', 'status 429')
	{
		%ids = post_under(2, $status);
		is($t->wait_state($_, 'accepted', "$status: sent again")->{attempts}, 2, 'at the second attempt') for values %ids;
	}

	# No code is looked for in what is no answer of the application.
	%ids = post_under(1, 'status 500 body <consumeOutMessageResponse><header/><payload><code>error-syntax</code></payload></consumeOutMessageResponse>');
	$t->wait_state($_, 'accepted', 'HTTP 500: a code in its body counts for nothing') for values %ids;
};

# Nobody knows whether it arrived: the same packet's messages by the same ids once more.
subtest 'may have arrived' => sub {
	my @cases = (
		[ 'drop-after', 1 ],
		[ 'reset-mid-body', 1 ],
		[ 'hang', 1, 'timed out|timeout' ],
		[ 'huge 2', 1, 'max_response_size' ],
		[ 'taken-half', 1 ],
		[ 'taken-garbage 300', 1 ],
		[ 'taken-html', 1 ],
		[ 'taken-status 500', 1, '500' ],
		[ 'taken-status 504', 1, '504' ],
		[ 'odd doctype', 1, 'DOCTYPE|document type' ],
		[ 'odd wrong-case', 1 ],
		[ 'odd no-list', 1 ],
		[ 'odd contradicting', 1 ],
		[ 'drop-before', 0 ],
		[ 'garbage 300', 0 ],
		[ 'html', 0 ],
		[ 'empty', 0 ],
		[ 'status 200 body <consumeOutMessageResponse><header/><payload>', 0 ],
		[ 'status 200 body <provideOutMessageDlvStatusResponse><header/><payload><code>ok</code></payload></provideOutMessageDlvStatusResponse>', 0 ],
		[ 'status 200 body {"code":"ok"}', 0 ]);

	for my $case (@cases)
	{
		my ($action, $taken, $error) = @$case;
		my %ids;

		$t->set_option('sms', timeout => '2 s') if $action eq 'hang';
		%ids = post_under(2, $action);

		for my $address (sort keys %ids)
		{
			my $row = $t->wait_state($ids{$address}, 'accepted', "$action: accepted");

			is($row->{attempts}, 2, 'at the second attempt');
			is($row->{provider_id} =~ /forged/ ? 1 : 0, 0, 'with the true id');
			like(first_error($ids{$address}), qr/$error/i, 'the first tells why') if defined $error;
			isnt(first_error($ids{$address}), '', 'the first was no success');
			is_one($address, $ids{$address}, $taken);
		}
		$t->set_option('sms', timeout => $Msgext::fast{timeout}) if $action eq 'hang';
	}
};

# The answer was lost, and what refuses the repeat is no word about the message: they have it.
subtest 'the repeat is refused' => sub {
	for my $refusal ('inner error-address-unknown', 'inner error-subject-unknown', 'status 400')
	{
		my ($address, $id) = %{ { post_under(1, 'drop-after', $refusal) } };

		is($t->wait_state($id, 'unknown', "$refusal: unknown")->{attempts}, 2, 'at the second attempt');
		is(scalar $t->lines($address), 1, 'for the other side has it');
		is($t->sql("SELECT msgext.retry_message($id)"), 't', 'a person may send it again');
		$t->wait_state($id, 'accepted');
	}
};

subtest 'odd and readable' => sub {
	my ($address, @ids);

	for my $oddity (qw(shuffled spaced unasked rejected-ids))
	{
		my %ids = post_under(20, "odd $oddity");

		for $address (sort keys %ids)
		{
			is($t->wait_state($ids{$address}, 'accepted', "$oddity: accepted")->{attempts}, 1, 'at the first attempt');
			is_one($address, $ids{$address}, 0);
		}
	}
};

subtest 'left out of the answer' => sub {
	$sim->script('edna message match 79990000602 next 1 missing');
	my @ids = $t->post_many(3, 79990000601);

	is($t->wait_state($ids[1], 'accepted', 'sent again')->{attempts}, 2, 'at the second attempt');
	is_one(79990000602, $ids[1], 1);
	for my $i (0, 2)
	{
		is($t->wait_state($ids[$i], 'accepted')->{attempts}, 1, 'the others were not');
		is_one(79990000601 + $i, $ids[$i], 0);
	}
};

# "Not unique" is a success only if we may have sent it before.
subtest 'collision' => sub {
	$t->sql("SELECT msgext.pause_server('sms')");
	my @ids = $t->post_many(3, 79990000701);
	my $key = $t->outbox($ids[1], 'key');

	like($t->stranger($key, 79990000799), qr/<code>ok<\/code><\/outMessage>/, 'somebody else has used its clientId');
	$t->sql("SELECT msgext.resume_server('sms')");
	my $row = $t->wait_state($ids[1], 'rejected', 'a message whose clientId was used by another is rejected');
	is($row->{code}, 'error-out-message-client-id-not-unique', 'by its code');
	like($row->{error}, qr/msgext\.node/, 'and it says what to do');
	$t->wait_state($_, 'accepted', 'the others are taken') for @ids[ 0, 2 ];
	is(scalar $t->lines(79990000702), 0, 'nobody has it');

	is($t->sql("SELECT msgext.retry_message($ids[1])"), 't', 'sent again by a person');
	$t->wait_state($ids[1], 'accepted', 'it is taken');
	isnt($t->outbox($ids[1], 'key'), $key, 'with another clientId');
	is_one(79990000702, $ids[1], 0);
};

# By its clientId the provider knows what it may have.
subtest 'retry of what may have arrived' => sub {
	my $key;

	$t->sql("ALTER SERVER sms OPTIONS (ADD max_attempts '1')");
	$sim->script('edna send match 79990000711 next 1 drop-after');
	my $id = $t->post(address => 79990000711);
	$t->wait_state($id, 'unknown', 'an answer is lost');
	$key = $t->outbox($id, 'key');
	is($t->sql("SELECT msgext.retry_message($id)"), 't', 'sent again by a person');
	$t->wait_state($id, 'accepted', 'it is known');
	is($t->outbox($id, 'key'), $key, 'by the clientId it had');
	is_one(79990000711, $id);
	$t->sql('ALTER SERVER sms OPTIONS (DROP max_attempts)');
};

subtest 'operation_id' => sub {
	my %args = (address => 79990000801, operation_id => "'order 1'");
	my $id = $t->post(%args);

	is($t->post(%args), $id, 'a second call with it returns the first message');
	$t->wait_state($id, 'accepted');
	is($t->post(%args), $id, 'also when it was sent');
	like($t->error('SELECT ' . Msgext::Edna::post_sql(%args, content => 'another')), qr/23505/, 'with another text it is an error');
	is_one(79990000801, $id, 0);
};

subtest 'worker killed' => sub {
	my @addresses = 79990000901 .. 79990000920;
	my @ids;

	$t->set_option('sms', timeout => '60 s');
	$sim->script('edna send match 79990000901 next 1 hang', 'edna send match 79990000901 next 1 drop-after');
	@ids = $t->post_many(20, $addresses[0]);
	ok(until_true(sub { my $counts = $sim->counts; return !grep { !$counts->{$_} } @addresses }), 'the provider has them, and has not answered');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE id >= $ids[0] AND state = 'sending'"), 20, 'they are on the way');
	Msgext::Soak::kill_something($t, 0);
	ok(Msgext::Soak::wait_until_up($t), 'the worker is killed and comes back');
	$t->wait_state($_, 'accepted') for @ids;
	is_one($addresses[$_], $ids[$_]) for 0 .. $#ids;
	is($t->sql("SELECT count(*) FROM msgext.message_event WHERE kind = 'interrupted'"), 20, 'the kill is in the timelines');
	$t->set_option('sms', timeout => $Msgext::fast{timeout});
};

is($t->server('queued + in_flight + unknown', 'sms'), 0, 'nothing hangs, nothing is unknown');
is($t->sql("SELECT count(*) FROM msgext.message WHERE state NOT IN ('accepted', 'rejected')"), 0, 'everything has its end');
is(scalar(grep { $_ != 1 } values %{ $sim->counts }), 0, 'the ledger holds each accepted message once');
is($sim->summary->{in_flight_max}, 1, 'never two packets at a time');
unlike($t->log, qr/(?:WARNING|ERROR|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
