# Personium: what each answer to a message for one target leads to, and that the target has
# it once however often it is sent.
use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Personium;
use Msgext::Soak;
use Test::More;

my $t = Msgext::Personium->new('personium',
	conf => "restart_after_crash = on\n",
	simulator => [
		'--personium-relation', 'friends=https://unit.example/friend1/,https://unit.example/friend2',
		'--personium-relation', 'nobody='
	]);
my $sim = $t->sim;

# One message that the actions are done to, in their order; returns its title and id.
sub post_under
{
	my (@actions) = @_;
	my $title = $t->new_title;

	$sim->script(map { "personium send match $title next 1 $_" } @actions);
	return ($title, $t->post(title => $title));
}

sub first_error
{
	my ($id) = @_;

	return $t->sql("SELECT concat_ws(': ', code, error) FROM msgext.message_event WHERE message_id = $id"
		  . " AND kind = 'answer' ORDER BY at LIMIT 1");
}

# The target has it once, by the id that we know.
sub is_one
{
	my ($title, $id, $name) = @_;
	my @lines = $t->lines($title);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar @lines, 1, $name // 'the target has it once');
	is($lines[0]{id}, $t->status($id, 'provider_id'), 'by the id that our tables have');
	return;
}

subtest 'one target' => sub {
	my $id = $t->post(
		title => 'Письмо 🙂',
		to => 'bob',
		body => "first line\nsecond line \x{1F4E6}",
		more => { Priority => 1, InReplyTo => 'xnKXmd4TTZCw-bfSEw4f0AxnKXmd4TTZ' });
	my $row = $t->wait_state($id, 'delivered');
	my ($line) = $t->lines('Письмо 🙂');

	is_one('Письмо 🙂', $id);
	is($row->{attempts}, 1, 'one attempt');
	is($row->{error}, undef, 'no error');
	is($row->{provider}, 'personium', 'provider');
	like($row->{provider_id}, qr/^[0-9a-f]{32}$/, 'an id of our own making');
	is($line->{to}, 'https://unit.example/bob/', 'to the cell');
	is($line->{body}{From}, $sim->url('personium/mail') . '/', 'from ours');
	is($line->{body}{Body}, "first line\nsecond line \x{1F4E6}", 'the text');
	is($line->{body}{Priority}, 1, 'the priority');
	is($line->{body}{InReplyTo}, 'xnKXmd4TTZCw-bfSEw4f0AxnKXmd4TTZ', 'what it replies to');
	is($line->{body}{request_key}, $id, "our id is in their log's key");
	is_deeply($t->targets($id), { bob => 'delivered' }, 'the detail names the target');
	ok(defined $row->{finished_at}, 'it has ended: nobody asks for it again');
	is($row->{next_attempt_at}, undef, 'ever');
	is($t->sql("SELECT abs(extract(epoch FROM at - reported_at)) < 60 FROM msgext.message_event WHERE message_id = $id AND kind = 'answer'"),
		't', 'the event has the time at which the provider stored it');
	is($sim->summary->{status_queries}, 0, 'nor has asked');
};

# Nobody knows whether it arrived: the same once more, by the same id. Where it had, the
# answer is a 409 without a Result, and what was stored is looked at.
subtest 'may have arrived' => sub {
	my @cases = (
		[ 'taken-status 500', 1, '500' ],
		[ 'taken-status 502', 1, '502' ],
		[ 'taken-status 504', 1, '504' ],
		[ 'taken-status 408', 1, '' ],
		[ 'taken-html', 1, '' ],
		[ 'taken-garbage 300', 1, '' ],
		[ 'reset-mid-body', 1, '' ],
		[ 'drop-after', 1, '' ],
		[ 'hang', 1, 'timed out|timeout' ],
		[ 'huge 80', 1, '' ],
		[ 'drop-before', 0, '' ],
		[ 'code PR408-MC-0001 Request timeout in server.', 0, 'PR408-MC-0001: Request timeout' ],
		[ 'code PR500-SM-0001 Sent Message connection error.', 0, 'PR500-SM-0001: Sent Message connection' ],
		[ 'code PR500-SV-0002 Datastore unknown error.', 0, 'PR500-SV-0002' ],
		[ 'status 500 body Internal error', 0, '500|Internal error' ],
		[ 'html', 0, '' ],
		[ 'garbage 300', 0, '' ],
		[ 'empty', 0, '' ],
		[ 'status 200 body ok', 0, '' ],
		[ 'status 201 body {"d":{"results":[]}}', 0, '' ],
		[ 'status 201 body {"d":{"results":{"__id":5}}}', 0, '' ]);
	my @posted;

	$t->set_option('mail', timeout => '3 s');
	@posted = map { [ post_under($_->[0]) ] } @cases;
	for my $i (0 .. $#cases)
	{
		my ($action, $taken, $error) = @{ $cases[$i] };
		my ($title, $id) = @{ $posted[$i] };
		my $row = $t->wait_state($id, 'delivered', "$action: delivered");

		cmp_ok($row->{attempts}, '<=', 3, 'at the third attempt at most');
		like(first_error($id), qr/$error/, 'the first tells why');
		is_one($title, $id);
		is_deeply($t->targets($id), { $title => 'delivered' }, 'the detail says so');
	}
	$t->set_option('mail', timeout => $Msgext::fast{timeout});
};

subtest 'not now' => sub {
	my @cases = (
		[ 'code PR503-SV-0001 Too many concurrent requests.', 'PR503-SV-0001' ],
		[ 'code PR503-DV-0001 Failed to access', 'PR503-DV-0001' ],
		[ 'code PR409-CM-0001 Cell status is [import failed].', 'PR409-CM-0001' ],
		[ 'code PR409-CM-0002 Because [export] is being executed', 'PR409-CM-0002' ],
		[ 'status 503 retry-after 1', '' ],
		[ 'status 429 retry-after 1', '' ]);
	my @posted = map { [ post_under($_->[0]) ] } @cases;

	for my $i (0 .. $#cases)
	{
		my ($action, $code) = @{ $cases[$i] };
		my ($title, $id) = @{ $posted[$i] };
		my $row = $t->wait_state($id, 'delivered', "$action: delivered");

		is($row->{attempts}, 2, 'at the second attempt');
		like(first_error($id), qr/$code/, 'the first tells why');
		is($t->outbox($id, 'maybe_sent'), 'f', 'it cannot have arrived before');
		is_one($title, $id);
	}
};

subtest 'rejected' => sub {
	my @cases = (
		[ 'code PR400-OD-0006 request body format error. field [Title]', 'PR400-OD-0006', 'Title' ],
		[ 'code PR400-OD-0001 JSON parse error.', 'PR400-OD-0001', 'JSON' ],
		[ 'code PR405-MC-0001 Method not allowed.', 'PR405-MC-0001', 'Method' ],
		[ 'code PR415-OD-0001 Unsupported media type', 'PR415-OD-0001', 'media' ],
		[ 'status 400', undef, '400' ],
		[ 'inner PR400-OD-0014', 'PR400-OD-0014', 'refused' ]);

	for my $case (@cases)
	{
		my ($action, $code, $error) = @$case;
		my ($title, $id) = post_under($action);
		my $row = $t->wait_state($id, 'rejected', "$action: rejected");

		is($row->{code}, $code, 'with its code');
		like($row->{error}, qr/$error/, 'and its text');
		is($row->{attempts}, 1, 'at once');
		is(scalar $t->lines($title), 0, 'nobody has it');
	}
	is($t->server('paused', 'mail'), 'f', 'the server goes on');

	# What only the server can know.
	my $row = $t->wait_state($t->post(relation => 'strangers'), 'rejected', 'a relation that is none');
	is($row->{code}, 'PR400-SM-0001', 'with its code');
	$row = $t->wait_state($t->post(relation => 'nobody'), 'rejected', 'a relation without a cell');
	is($row->{code}, 'PR400-SM-0002', 'with its code');
	$row = $t->wait_state($t->post(more => { BoxBound => JSON::PP::true }), 'rejected', 'a box without an application');
	is($row->{code}, 'PR400-SM-0004', 'with its code');
};

# An id that is known where we have not been before is somebody else's.
subtest 'collisions' => sub {
	my ($title, $id) = post_under('code PR409-OD-0003 The entity already exists.');
	my $row = $t->wait_state($id, 'rejected', 'at the sender, at the first attempt');

	is($row->{code}, 'PR409-OD-0003', 'with its code');
	is($row->{attempts}, 1, 'it is not tried again');
	$title = $t->new_title;
	$sim->script("personium target match /$title/ next 1 status 409 body The entity already exists.");
	$row = $t->wait_state($t->post(title => $title), 'rejected', 'at the target, at the first attempt');
	is($row->{code}, '409', 'with its code');
	is($row->{attempts}, 1, 'it is not tried again');
};

# What the sending cell stored, and what the target made of it, are two things.
subtest 'refused by the target' => sub {
	for my $code (400, 403, 404)
	{
		my $title = $t->new_title;
		my $id;
		my $row;

		$sim->script("personium target match /$title/ next 1 status $code body Unit user access required.");
		$row = $t->wait_state($id = $t->post(title => $title), 'rejected', "$code: rejected, although 201");
		is($row->{code}, $code, 'with its code');
		like($row->{error}, qr/Unit user access/, 'and its reason');
		is_deeply($t->targets($id), { $title => 'failed' }, 'so says the detail');
		is($row->{attempts}, 1, 'at once');
	}
	for my $code (401, 429, 503)
	{
		my $title = $t->new_title;
		my $id;
		my $row;

		$sim->script("personium target match /$title/ next 2 status $code");
		$row = $t->wait_state($id = $t->post(title => $title), 'delivered', "$code: sent again");
		is($row->{attempts}, 3, 'until it is taken');
		is_deeply($t->reached($title), { $title => 1 }, 'once');
	}
};

# Concerns every message of the cell: they wait.
subtest 'paused' => sub {
	my @cases = (
		[ 'code PR403-AU-0002 Necessary privilege is lacking.', 'PR403-AU-0002: Necessary' ],
		[ 'code PR403-AU-0003 no', 'PR403-AU-0003' ],
		[ 'code PR403-AU-0007 scope', 'PR403-AU-0007' ],
		[ 'code PR404-DV-0003 Cell not found.', 'PR404-DV-0003: Cell' ],
		[ 'code PR404-MC-0001 URI is not recognized.', 'PR404-MC-0001' ],
		[ 'status 403', '403' ],
		[ 'status 404', '404' ]);

	for my $case (@cases)
	{
		my ($action, $reason) = @$case;
		my ($title, $id) = post_under($action);

		ok($t->wait_sql("SELECT paused FROM msgext.server_status WHERE server = 'mail'"), "$action: paused");
		like($t->server('pause_reason', 'mail'), qr/\Q$reason\E/, 'the reason is told');
		is($t->state($id), 'queued', 'the message stays queued');
		$t->sql("SELECT msgext.resume_server('mail')");
		$t->wait_state($id, 'delivered', 'and goes when the server is resumed');
		is_one($title, $id);
	}
};

subtest 'answers lost, worker killed' => sub {
	my $title = $t->new_title;
	my $id;

	$sim->script("personium send match $title next 1 hang", "personium send match $title next 2 drop-after",
		'personium status next 2 drop-after');
	$t->set_option('mail', timeout => '60 s');
	$id = $t->post(title => $title);
	ok(until_true(sub { $t->lines($title) }), 'the message has arrived, the answer has not');
	Msgext::Soak::kill_something($t, 0);
	ok(Msgext::Soak::wait_until_up($t), 'the worker is killed and comes back');
	my $row = $t->wait_state($id, 'delivered', 'after several lost answers it is delivered');
	is_one($title, $id);
	is($t->sql("SELECT string_agg(DISTINCT kind, ' ') FROM msgext.message_event WHERE message_id = $id"
			  . " AND kind = 'interrupted'"), 'interrupted', 'the kill is in the timeline');
	$t->set_option('mail', timeout => $Msgext::fast{timeout});
	$sim->clear;
};

subtest 'equal messages and operation_id' => sub {
	my @ids = map { $t->post(title => 'twice') } 1 .. 2;

	$t->wait_state($_, 'delivered') for @ids;
	is_deeply($t->reached('twice'), { twice => 2 }, 'two equal messages, posted on purpose, are two');

	my %args = (title => 'order51', operation_id => "'order 51'");
	my $id = $t->post(%args);

	is($t->post(%args), $id, 'a second call with an operation id returns the first message');
	$t->wait_state($id, 'delivered');
	is($t->post(%args), $id, 'also when it was sent');
	like($t->error('SELECT ' . Msgext::Personium::post_sql(%args, body => 'other')), qr/23505/,
		'with another text it is an error');
	is_one('order51', $id);
	like(($t->lines('order51'))[0]{id}, qr/^[0-9a-f]{32}$/, 'the id is ours, not the operation id');
};

# Undocumented as it is, "__id" may be off, or go away.
subtest 'client_message_id off' => sub {
	my ($id, $row);

	$t->add_cell('plain', client_message_id => 'off', timeout => '3 s');
	$row = $t->wait_state($id = $t->post(title => 'plain1', server => 'plain'), 'delivered');
	is_one('plain1', $id);
	for my $action ('drop-after', 'taken-status 500', 'hang', 'code PR500-SM-0001 Sent Message connection error.')
	{
		my $title = $t->new_title;

		$sim->script("personium send match $title next 1 $action");
		$row = $t->wait_state($id = $t->post(title => $title, server => 'plain'), 'unknown', "$action: unknown");
		is($row->{attempts}, 1, 'and not repeated');
		cmp_ok(scalar $t->lines($title), '<=', 1, 'the target has it at most once');
	}
	my ($title, $retry) = ($t->new_title);
	$sim->script("personium send match $title next 1 status 503 retry-after 1");
	$t->wait_state($t->post(title => $title, server => 'plain'), 'delivered', 'what was not taken is repeated');
	is(scalar $t->lines($title), 1, 'once');
	is($t->server('unknown', 'plain'), 4, 'server_status counts them');
	$t->add_cell('brave', client_message_id => 'off', on_unknown => 'resend');
	$title = $t->new_title;
	$sim->script("personium send match $title next 1 drop-after");
	$t->wait_state($t->post(title => $title, server => 'brave'), 'delivered', "on_unknown 'resend'");
	is(scalar $t->lines($title), 2, 'has it sent twice: that was the order');

	# Which is taken back before the second time has come.
	$t->add_cell('meek', client_message_id => 'off', on_unknown => 'resend', retry_min_delay => '1 h', retry_max_delay => '1 h');
	$title = $t->new_title;
	$sim->script("personium send match $title next 1 drop-after");
	$id = $t->post(title => $title, server => 'meek');
	ok($t->wait_sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($id)", 'repeat'), 'it is to be repeated');
	$t->set_option('meek', on_unknown => 'hold');
	bring_forward('meek', $id);
	$t->wait_state($id, 'unknown', "and with on_unknown 'hold' it is not");
	is(scalar $t->lines($title), 1, 'the target has it once');

	# The same where it has been set aside for another reason meanwhile.
	$t->add_cell('timid', client_message_id => 'off', on_unknown => 'resend', retry_min_delay => '1 h', retry_max_delay => '1 h');
	$title = $t->new_title;
	$sim->script("personium send match $title next 1 drop-after");
	$id = $t->post(title => $title, server => 'timid');
	ok($t->wait_sql("SELECT waiting FROM msgext.message WHERE id = $id", 'repeat'), 'another one is to be repeated');
	$t->sql('DROP USER MAPPING FOR PUBLIC SERVER timid');
	bring_forward('timid', $id);
	ok($t->wait_sql("SELECT waiting LIKE '%credentials' FROM msgext.message WHERE id = $id"), 'its sender has no account then');
	$t->set_option('timid', on_unknown => 'hold');
	$t->sql('CREATE USER MAPPING FOR PUBLIC SERVER timid OPTIONS ('
		  . Msgext::options_text(%Msgext::Personium::by_password) . ')');
	$t->wait_state($id, 'unknown', 'he gets one, and it is not repeated');
	is(scalar $t->lines($title), 1, 'the target has it once');
};

# Its time has come.
sub bring_forward
{
	my ($server, $id) = @_;

	$t->sql("SELECT msgext.pause_server('$server')");
	$t->sql("UPDATE msgext.outbox SET next_attempt_at = now() WHERE id = $id;"
		  . " UPDATE msgext.reminder r SET at = next_attempt_at FROM msgext.outbox o WHERE r.id = $id AND o.id = $id;"
		  . " SELECT msgext.resume_server('$server')");
	return;
}

subtest 'a server that does not heed our id' => sub {
	my $own = Msgext::Simulator->new(Msgext::Personium::simulator('--personium-message-id', 'off'));
	my ($title, $id, $row, $lost);
	my $early = $t->new_title;

	# So late that it is brought forward by hand.
	$t->add_cell('deaf', sim => $own, retry_min_delay => '1 h', retry_max_delay => '1 h');
	$own->script("personium send match $early next 1 drop-after");
	$lost = $t->post(title => $early, server => 'deaf');
	ok($t->wait_sql("SELECT detail->'waiting'->>'for' FROM msgext.message_status($lost)", 'repeat'), 'an answer is lost before anybody knows');
	$row = $t->wait_state($id = $t->post(title => 'deaf1', server => 'deaf'), 'delivered', 'it delivers');
	is($row->{provider_id}, ($t->lines('deaf1', $own))[0]{id}, 'by an id of its own, which we know');
	bring_forward('deaf', $lost);
	$t->wait_state($lost, 'unknown', 'a repeat that would not be known as one is not sent');
	is(scalar $t->lines($early, $own), 1, 'the target has it once');
	$title = $t->new_title;
	$own->script("personium send match $title next 1 drop-after");
	$row = $t->wait_state($id = $t->post(title => $title, server => 'deaf'), 'unknown',
		'from then on a lost answer is not repeated');
	is($row->{attempts}, 1, 'not even once');
	is(scalar $t->lines($title, $own), 1, 'the target has it once');

	# It is no passing fancy of the worker's.
	Msgext::Soak::kill_something($t, 0);
	ok(Msgext::Soak::wait_until_up($t), 'a worker that is killed comes back');
	$title = $t->new_title;
	$own->script("personium send match $title next 1 drop-after");
	$t->wait_state($t->post(title => $title, server => 'deaf'), 'unknown', 'and remembers it');
	is(scalar $t->lines($title, $own), 1, 'the target has it once');
	$own->stop;
};

# Odd answers are told as far as they can be read, and stored without harm.
subtest 'hostile answers' => sub {
	my $deep = 100000;
	my $many = join(',', ('{"To":"https://unit.example/x/","Code":"201","Reason":"y"}') x 5000);
	my %cases = (
		nul => '{"code":"PR400-OD-0006","message":{"lang":"en","value":"a\u0000b\u0007 field [Body]"}}',
		deep => ('[' x $deep) . (']' x $deep),
		deeper => '{"code":"PR400-OD-0006","message":' . ('{"a":' x $deep) . '1' . ('}' x ($deep + 1)),
		latin1 => "{\"code\":\"PR400-OD-0006\",\"message\":{\"lang\":\"de\",\"value\":\"Schlie\xdflich ung\xfcltig\"}}",
		surrogate => '{"code":"PR400-OD-0006","message":{"lang":"en","value":"\ud83d and \udc00 alone"}}',
		twice => '{"code":"PR400-OD-0006","code":"PR400-OD-0001","message":{"value":["not","a","text"]}}',
		long => '{"code":"' . ('PR400-' x 50000) . '","message":{"value":"' . ('v' x 200000) . '"}}');

	for my $name (sort keys %cases)
	{
		my $title = $t->new_title;
		my ($id, $row);

		# Bytes, as they are: the script is no text of ours.
		$sim->script("personium send match $title next 1 status 400 body $cases{$name}");
		$row = $t->wait_state($id = $t->post(title => $title), 'rejected', "$name: 400 is a refusal");
		unlike($row->{error} // '', qr/\x{0}/, 'its text can be read');
		cmp_ok(length($row->{error} // ''), '<', 3000, 'and has an end');
		like($row->{code} // '', qr/^(?:PR400-|$)/, 'the code is the one given');
	}
	my $title = $t->new_title;
	my $id;

	$sim->script("personium send match $title next 1 status 201 body {\"d\":{\"results\":{\"Result\":[$many]}}}");
	$t->wait_state($id = $t->post(title => $title), 'delivered', 'results of cells that were not asked for');
	is_deeply($t->targets($id), { $title => 'delivered' }, 'are none of ours');
	is_deeply($t->reached($title), { $title => 1 }, 'ours has it');

	$title = $t->new_title;
	$sim->script("personium target match /$title/ next 1 status 403 body nul \\u0000 and \x01 and \"");
	my $row = $t->wait_state($t->post(title => $title), 'rejected', 'an odd reason');
	is($t->server('paused', 'mail'), 'f', 'the server goes on');
	is($t->sql('SELECT count(*) FROM msgext.message WHERE detail::text IS NULL'),
		$t->sql('SELECT count(*) FROM msgext.message WHERE detail IS NULL'), 'every detail is jsonb');
};

is($t->server('queued + in_flight + unknown', 'mail'), 0, 'nothing hangs, nothing is unknown');
unlike($t->log, qr/(?:WARNING|ERROR|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
