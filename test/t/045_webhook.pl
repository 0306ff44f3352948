# Webhooks: what an endpoint that looks at signatures takes, what its answers lead to, which
# addresses are never connected to, and pushes that are signed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64 decode_base64);
use Msgext qw(quote);
use Msgext::Listener;
use Msgext::Session;
use Test::More;

my $secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $new_secret = 'whsec_' . encode_base64('a secret of thirty-two bytes ...', '');
my $stranger = 'whsec_' . encode_base64('another secret of some bytes', '');
my $token = 'Hook-4711-of-the-webhook';
my $t = Msgext->new('webhook',
	server => 0,
	conf => "msgext.max_response_size = 1MB\n",
	simulator => [ '--webhook-secret' => $secret, '--webhook-secret' => $new_secret ]);
my $sim = $t->sim;

# A server with fast settings and a mapping for PUBLIC; mapping => {...}
sub add_hook
{
	my ($name, %options) = @_;
	my $mapping = delete $options{mapping} // { signing_secret => $secret };
	my %fast = %Msgext::fast;

	delete $fast{$_} for qw(poll_min_interval poll_max_interval recipient_limit);
	%options = (%fast, url => $sim->url('webhook/in'), signature => 'standard', %options);
	$t->sql("CREATE SERVER $name FOREIGN DATA WRAPPER msgext_webhook OPTIONS ("
		  . Msgext::options_text(%options) . ");\n"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ("
		  . Msgext::options_text(%$mapping) . ')');
	return;
}

sub post
{
	my ($call) = @_;

	return $t->sql("SELECT msgext.$call");
}

# The ledger's lines of a message: its webhook-id is made of its time and its id.
sub lines_of
{
	my ($id) = @_;
	my $end = sprintf('%016x', $id);

	return grep { ($_->{id} // '') =~ /\Amsg_[0-9a-f]{16}$end\z/ } $sim->ledger(undef, $end);
}

add_hook('hook', headers => '{"X-Shop": "ru"}');

subtest 'an event' => sub {
	my $id = post(q(send_webhook('hook', 'order.paid', '{"id": 1001}', operation_id => 'paid-1001')));
	my $row = $t->wait_state($id, 'delivered');
	my @lines = lines_of($id);

	is(scalar @lines, 1, 'has arrived, by its own id');
	is($lines[0]{code}, 'ok', 'and is signed');
	is($lines[0]{to}, '/webhook/in', 'where the url says');
	is($lines[0]{body}{method}, 'POST', 'by POST');
	is($lines[0]{body}{type}, 'application/json', 'as JSON');
	is($lines[0]{body}{shop}, 'ru', 'with the field of the server');
	is_deeply($lines[0]{body}{body}, { type => 'order.paid', data => { id => 1001 } }, 'as it is');
	is($row->{provider_id}, undef, 'there is no id but ours');
};

# Many a server knows one of the two alone.
subtest 'a slash at the end of the url' => sub {
	add_hook('slashed', url => $sim->url('webhook/'));
	add_hook('bare', url => $sim->url('webhook'));
	for my $server (qw(slashed bare))
	{
		my $id = post("send_webhook('$server', 'order.paid', '{}')");
		my $below = post("send_http('$server', path => '/below')");

		$t->wait_state($_, 'delivered') for $id, $below;
		is((lines_of($id))[0]{to}, $server eq 'slashed' ? '/webhook/' : '/webhook', "$server, as it stands");
		is((lines_of($below))[0]{to}, '/webhook/below', 'and below it');
	}
};

subtest 'a row of a table' => sub {
	$t->sql(<<'SQL');
CREATE TABLE orders (id int PRIMARY KEY, total numeric);
CREATE FUNCTION order_hook() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM msgext.send_webhook('hook', 'order.new', to_jsonb(NEW)); RETURN NEW; END $$;
CREATE TRIGGER order_hook AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION order_hook();
INSERT INTO orders VALUES (7, 99.90);
SQL
	my $id = $t->sql("SELECT id FROM msgext.message ORDER BY id DESC LIMIT 1");

	$t->wait_state($id, 'delivered');
	is((lines_of($id))[0]{body}{body}{data}{id}, 7, 'is posted by a trigger');
};

subtest 'requests of the caller\'s own' => sub {
	my $put = post(q(send_http('hook', 'PUT', '/orders/10 01', '{"a": null}', headers => '{"X-Shop": "de"}')));
	my $get = post(q(send_http('hook', 'GET', '/orders')));
	my $delete = post(q(send_http('hook', 'DELETE', '/orders/1')));
	my $patch = post(q(send_http('hook', 'PATCH', '/orders/1', "text" => 'привет')));

	$t->wait_state($_, 'delivered') for $put, $get, $delete, $patch;
	my ($line) = lines_of($put);
	is($line->{body}{method}, 'PUT', 'PUT');
	is($line->{to}, '/webhook/in/orders/10 01', 'a path below the url');
	is($line->{body}{shop}, 'de', 'the message\'s field goes before the server\'s');
	is((lines_of($get))[0]{body}{method}, 'GET', 'GET');
	is((lines_of($delete))[0]{body}{method}, 'DELETE', 'DELETE');
	($line) = lines_of($patch);
	is($line->{body}{method}, 'PATCH', 'PATCH');
	is($line->{body}{type}, 'text/plain; charset=utf-8', 'a text');
	is($line->{body}{body}, "\x{43f}\x{440}\x{438}\x{432}\x{435}\x{442}", 'in UTF-8');
};

subtest 'CloudEvents' => sub {
	add_hook('events', format => 'cloudevents', source => '/shop');
	add_hook('binary_events', format => 'cloudevents-binary');
	my $id = post(q(send_webhook('events', 'order.paid', '{"id": 1}', subject => 'o/1')));
	my $binary = post(q(send_webhook('binary_events', 'order.paid', '{"id": 2}')));

	$t->wait_state($_, 'delivered') for $id, $binary;
	my ($line) = lines_of($id);
	like($line->{body}{type}, qr{^application/cloudevents\+json}, 'structured');
	is($line->{body}{body}{source}, '/shop', 'with its source');
	is($line->{body}{body}{subject}, 'o/1', 'its subject');
	is($line->{body}{body}{id}, $line->{id}, 'the id of the webhook');
	($line) = lines_of($binary);
	is($line->{body}{ce_type}, 'order.paid', 'binary: its type is a field');
	is($line->{body}{ce_id}, $line->{id}, 'and so is its id');
	is_deeply($line->{body}{body}, { id => 2 }, 'its data the body');
};

subtest 'lost and refused' => sub {
	my %ids;

	$sim->script(
		'webhook send match LOST next 1 drop-after',
		'webhook send match EARLY next 1 drop-before',
		'webhook send match BUSY next 1 status 429 retry-after 1',
		'webhook send match DOWN next 2 status 503',
		'webhook send match WRONG next 1 status 422 body no');
	$ids{$_} = post("send_webhook('hook', '$_', '{}')") for qw(LOST EARLY BUSY DOWN WRONG);
	$t->wait_state($ids{$_}, 'delivered') for qw(LOST EARLY BUSY DOWN);
	$t->wait_state($ids{WRONG}, 'rejected', '422 is an end');
	is((lines_of($ids{LOST}))[0]{repeats}, 1, 'a lost answer: the same id again');
	is(scalar(lines_of($ids{$_})), 1, "$_ arrived once") for qw(LOST EARLY BUSY DOWN);
	cmp_ok($t->sql("SELECT extract(epoch FROM max(at) - min(at)) FROM msgext.message_event"
			  . " WHERE message_id = $ids{BUSY} AND kind = 'answer'"), '>=', 1, 'Retry-After is heeded');
	$sim->clear;
};

# Its status has come, and what it says beside is nobody's concern.
subtest 'an answer that is too large' => sub {
	my ($id, $row);

	$sim->script('webhook send match LARGE huge 2');
	$id = post("send_webhook('hook', 'LARGE', '{}')");
	$row = $t->wait_state($id, 'delivered', 'is one');
	is($row->{attempts}, 1, 'at the first attempt');
	is((lines_of($id))[0]{repeats} // 0, 0, 'and the receiver gets no other');
	is($t->sql("SELECT status, length(body) FROM msgext.response($id)"), '200|8192', 'its beginning is kept');
	$sim->clear;
};

subtest 'the answer' => sub {
	$sim->script('webhook send match TEAPOT next 1 status 418 echo Bearer=of-some-length body short and stout');
	$t->sql("ALTER USER MAPPING FOR PUBLIC SERVER hook OPTIONS (ADD authorization 'Bearer=of-some-length')");
	my $id = post("send_webhook('hook', 'TEAPOT', '{}')");
	my $response = sub {
		$t->sql('SELECT ' . shift() . " FROM msgext.response($id)");
	};

	$t->wait_state($id, 'rejected');
	is($response->("status, convert_from(body, 'UTF8'), attempt"), '418|short and stout|1', 'is told');
	is($response->("headers->>'content-type'"), 'text/plain; charset=utf-8', 'with its header fields');
	like($response->("headers->>'x-echo'"), qr/\A\*+\z/, 'in which a secret is masked');
	$t->sql("SELECT msgext.retry_message($id)");
	$t->wait_state($id, 'delivered');
	is($response->("status, convert_from(body, 'UTF8'), attempt"), '200|{"ok":true}|2', 'and the next one');
	is($t->sql("SELECT msgext.webhook_id($id)"), (lines_of($id))[0]{id}, 'the receiver\'s id is known');
	$t->sql('ALTER USER MAPPING FOR PUBLIC SERVER hook OPTIONS (DROP authorization)');
	add_hook('nobody', url => 'http://127.0.0.1:1');
	my $lost = post("send_webhook('nobody', 'a', '{}')");
	ok($t->wait_sql("SELECT status IS NULL AND error <> '' FROM msgext.response($lost)"), 'or why there was none');
	$t->sql('CREATE ROLE stranger');
	is($t->sql("SET ROLE stranger; SELECT count(*), msgext.webhook_id($id) IS NULL FROM msgext.response($id)"),
		'0|t', 'to nobody else');
	$sim->clear;
};

subtest 'an endpoint that is gone' => sub {
	add_hook('gone', url => $sim->url('webhook/gone'));
	$sim->script('webhook send match GONE next 1 status 410');
	my $id = post("send_webhook('gone', 'GONE', '{}')");

	ok($t->wait_sql("SELECT paused FROM msgext.server_status WHERE server = 'gone'"), '410 pauses the server');
	is($t->sql("SELECT pause_reason FROM msgext.server_status WHERE server = 'gone'"), 'HTTP status 410', 'and is the reason');
	is($t->state($id), 'queued', 'the message waits');
	$t->sql("SELECT msgext.resume_server('gone')");
	$t->wait_state($id, 'delivered', 'until it is resumed');
};

subtest 'secrets' => sub {
	add_hook('keys', mapping => { signing_secret => $stranger });
	my $id = post("send_webhook('keys', 'a', '{}')");

	ok($t->wait_sql("SELECT 'PUBLIC' = ANY (paused_accounts) FROM msgext.server_status WHERE server = 'keys'"),
		'401 pauses the account');
	is($t->sql("SELECT detail #>> '{waiting,for}' FROM msgext.message_status($id)"),
		'account is paused: HTTP status 401', 'and is what the message waits for');
	ok($t->wait_sql("SELECT last_error FROM msgext.server_status WHERE server = 'keys'", 'HTTP status 401'),
		'the server tells it, too');
	$t->sql('ALTER USER MAPPING FOR PUBLIC SERVER keys OPTIONS (SET signing_secret '
		  . quote("$new_secret $secret") . ", ADD authorization 'Bearer of-some-length')");
	$t->wait_state($id, 'delivered', 'a new secret is tried at once');
	my ($line) = grep { $_->{code} eq 'ok' } lines_of($id);
	is($line->{body}{signatures}, 2, 'while one is changed, both sign');
	ok($line->{body}{authorized}, 'and the mapping has an Authorization');
	is($t->sql("SELECT count(*) FROM msgext.message_event e WHERE e::text ~ '(MfKQ9r|of-some-length)'"), 0,
		'no event tells a secret');
};

subtest 'addresses that are not public' => sub {
	my $port = $sim->port;
	my %urls = (
		literal => "http://127.0.0.1:$port/webhook",
		name => "http://localhost:$port/webhook",
		decimal => "http://2130706433:$port/webhook",
		octal => "http://0177.0.0.1:$port/webhook",
		short => "http://127.1:$port/webhook",
		mapped => "http://[::ffff:127.0.0.1]:$port/webhook",
		any => "http://0.0.0.0:$port/webhook",
		metadata => 'http://169.254.169.254/latest');
	my %ids;
	my $before = $sim->summary->{requests};

	for my $name (sort keys %urls)
	{
		add_hook("deny_$name", url => $urls{$name}, deny_private => 'on');
		$ids{$name} = post("send_webhook('deny_$name', 'a', '{}')");
	}
	for my $name (sort keys %urls)
	{
		ok($t->wait_sql("SELECT count(*) > 0 FROM msgext.message_event WHERE message_id = $ids{$name}"
				  . " AND error ~ 'deny_private'"), "$name: is not connected to");
	}
	is($sim->summary->{requests}, $before, 'nothing has reached the endpoint');

	# A connection that is kept for a server that may is none for one that may not.
	my $open = post("send_webhook('hook', 'a', '{}')");
	$t->wait_state($open, 'delivered');
	my $id = post("send_webhook('deny_literal', 'b', '{}')");
	ok($t->wait_sql("SELECT count(*) > 0 FROM msgext.message_event WHERE message_id = $id"
			  . " AND error ~ 'deny_private'"), 'nor by a connection that is open');
	is(scalar(lines_of($id)), 0, 'it has not arrived');
};

# Pushes.
add_hook('inbound',
	mapping => { signing_secret => $secret, callback_secret => "$stranger $secret", callback_token => $token });
add_hook('slack',
	callback_signature => 'slack',
	mapping => { signing_secret => $secret, callback_secret => 'a signing secret', callback_token => $token });
my $l = Msgext::Listener->new($t, servers => [ 'inbound', 'slack' ]);
ok($l->wait, 'it listens');

sub push_to
{
	my ($server, $body, %headers) = @_;
	my $answer = $l->post("/$server/$token", $body, map { "$_: $headers{$_}" } sort keys %headers);

	return $answer // ['none'];
}

sub signed
{
	my ($id, $body, %args) = @_;
	my $at = $args{at} // time();
	my $key = decode_base64(substr($args{secret} // $secret, 6));

	return (
		'webhook-id' => $id,
		'webhook-timestamp' => $at,
		'webhook-signature' => 'v1,' . encode_base64(hmac_sha256("$id.$at.$body", $key), ''));
}

subtest 'a signed push' => sub {
	my $body = '{"type": "invoice.paid", "data": {"id": 5}}';

	is(push_to('inbound', $body, signed('msg_1', $body))->[0], 200, 'is taken');
	is($t->sql('SELECT push_id, type, payload->\'data\'->>\'id\' FROM msgext.inbox'), 'msg_1|invoice.paid|5',
		'and is a row by then');
	is(push_to('inbound', $body, signed('msg_1', $body))->[0], 200, 'a repeat too');
	is($t->sql('SELECT count(*) FROM msgext.inbox'), 1, 'which changes nothing');
	is(push_to('inbound', $body, signed('msg_2', $body, secret => $stranger))->[0], 200, 'by either secret');
	is(push_to('inbound', $body, signed('msg_3', $body, secret => $new_secret))->[0], 401, 'not by another');
	is(push_to('inbound', "$body ", signed('msg_3', $body))->[0], 401, 'nor for another body');
	is(push_to('inbound', $body, signed('msg_3', $body), 'webhook-id' => 'msg_4')->[0], 401, 'nor by another id');
	is(push_to('inbound', $body, signed('msg_3', $body, at => time() - 400))->[0], 401, 'nor long ago');
	is(push_to('inbound', $body, signed('msg_3', $body, at => time() + 400))->[0], 401, 'nor in future');
	is(push_to('inbound', $body)->[0], 401, 'nor without a signature');
	is($t->sql("SELECT string_agg(push_id, ' ' ORDER BY id) FROM msgext.inbox"), 'msg_1 msg_2', 'two rows in all');
	is($t->sql("SELECT count(*) FROM msgext.inbox WHERE headers::text ~ 'v1,'"), 0, 'no signature is kept');
	is($t->sql("SELECT count(*) FROM msgext.take_pushes('inbound')"), 2, 'they are taken');
	is($t->sql("SELECT count(*) FROM msgext.take_pushes('inbound')"), 0, 'once');
};

subtest 'a handler of pushes' => sub {
	$t->sql(<<'SQL');
CREATE ROLE shop;
GRANT EXECUTE ON FUNCTION msgext.can_consume() TO shop;
GRANT USAGE ON FOREIGN SERVER inbound TO shop;
CREATE SCHEMA shop AUTHORIZATION shop;
SET ROLE shop;
CREATE TABLE shop.got (n serial, push jsonb, who text);
CREATE TABLE shop.bad (push_id text);
CREATE FUNCTION shop.on_push(push jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.got (push, who) VALUES (push, current_user);
    IF EXISTS (SELECT FROM shop.bad WHERE push_id = push->>'push_id') THEN
        RAISE EXCEPTION 'no stock for %', push->>'push_id';
    END IF;
END $$;
SQL
	my $handler = q(SET ROLE shop; SELECT msgext.on_event('hooks', 'shop.on_push(jsonb)', '{"kind": "push", "server": "inbound"}'));
	my $done = "SELECT count(*) FROM msgext.inbox WHERE done_at IS NOT NULL AND push_id LIKE 'in_%'";
	my $body = '{"type": "stock.low", "data": {"amount": 1.50}}';
	my $come = sub { push_to('inbound', $body, signed($_, $body)) for @_ };

	$come->('in_1', 'in_2');
	$t->sql("INSERT INTO shop.bad VALUES ('in_2'), ('in_4')");
	$t->sql($handler);
	ok($t->wait_sql("SELECT last_error = 'no stock for in_2' FROM msgext.handler WHERE handler = 'hooks' AND failures > 0"),
		'one that cannot be worked on is told');
	is($t->sql($done), 1, 'what an error undoes is not done');
	$come->('in_3', 'in_4', 'in_5');
	is($t->sql("SELECT unread, oldest_unread_at IS NOT NULL FROM msgext.handler WHERE handler = 'hooks'"), '4|t',
		'those behind it wait');
	$t->sql("DELETE FROM shop.bad WHERE push_id = 'in_2'");
	ok($t->wait_sql("SELECT last_error = 'no stock for in_4' FROM msgext.handler WHERE handler = 'hooks'"),
		'it is tried again, and goes on');
	ok($t->wait_sql("SELECT msgext.events_done('hooks', failed_position) FROM msgext.handler WHERE handler = 'hooks'"),
		'one can be passed');
	ok($t->wait_sql($done, 5), 'then all are done');
	is($t->sql("SELECT string_agg(push->>'push_id', ' ' ORDER BY n) FROM shop.got"), 'in_1 in_2 in_3 in_5',
		'each once, in their order');
	is($t->sql("SELECT DISTINCT who, push->>'type', push->'payload'->'data'->>'amount', push->>'server', push ? 'headers' FROM shop.got"),
		'shop|stock.low|1.50|inbound|t', 'as the owner of the function, with what was pushed');
	is($t->sql("SELECT count(*) FROM msgext.take_pushes('inbound')"), 0, 'nobody else gets them');

	$t->sql('REVOKE USAGE ON FOREIGN SERVER inbound FROM shop');
	$come->('in_6', 'in_7');
	is($t->sql("SELECT unread FROM msgext.handler WHERE handler = 'hooks'"), 0, 'without the right there are none for it');

	# Whoever is at work on one keeps the handler from it, and from no other.
	my $busy = Msgext::Session->new($t->node);
	$busy->must('BEGIN');
	is($busy->must("SELECT push_id FROM msgext.take_pushes('inbound', 1)"), 'in_6', 'somebody works on one');
	$t->sql('GRANT USAGE ON FOREIGN SERVER inbound TO shop');
	ok($t->wait_sql($done, 6), 'the handler, with the right again, takes the other');

	# Each time the function of the other one is run, the feeder has looked at this one, too.
	$t->sql(<<'SQL');
CREATE SEQUENCE ticks;
CREATE FUNCTION tick(event jsonb) RETURNS void LANGUAGE sql AS $$ SELECT nextval('public.ticks') $$;
SELECT msgext.on_event('ticks', 'tick(jsonb)', '{"kind": "cancelled"}');
SQL
	my $version = "SELECT xmin, ctid, started_at IS NULL FROM msgext.feed WHERE name = 'hooks'";
	my $written = $t->sql($version);
	for my $n (1 .. 3)
	{
		$t->sql("SELECT msgext.cancel_message(msgext.send_webhook('inbound', 'tick', '{}', send_after => now() + interval '1 day'))");
		ok($t->wait_sql('SELECT last_value FROM ticks WHERE is_called', $n), "the feeder comes by, $n");
	}
	is($t->sql($version), $written, 'where somebody works on all that there is, nothing is written');
	like($written, qr/\|t$/, '… and it is not run');
	is($t->sql("SELECT unread FROM msgext.handler WHERE handler = 'hooks'"), 1, 'it is still to come');
	$t->sql("SELECT msgext.drop_consumer('ticks')");
	$busy->must('ROLLBACK');
	ok($t->wait_sql($done, 7), 'and that one when it is given back');
	is($t->sql('SELECT count(*) FROM shop.got'), 6, 'each once');

	# Its function may take more of them itself: those are no more to come. Its runs are counted.
	$t->sql('REVOKE USAGE ON FOREIGN SERVER inbound FROM shop');
	$come->('in_8', 'in_9', 'in_10');
	$t->sql(<<'SQL');
SET ROLE shop;
CREATE SEQUENCE shop.runs;
CREATE OR REPLACE FUNCTION shop.on_push(push jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.got (push) SELECT to_jsonb(p) FROM msgext.take_pushes('inbound') p
    UNION ALL SELECT push || jsonb_build_object('run', nextval('shop.runs'))
$$;
SQL
	$t->sql('GRANT USAGE ON FOREIGN SERVER inbound TO shop');
	ok($t->wait_sql($done, 10), 'what the function takes is done too');
	is($t->sql('SELECT (SELECT count(*) FROM shop.got), (SELECT last_value FROM shop.runs)'), '9|1', 'once');
};

subtest 'Slack' => sub {
	my $body = '{"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY"}';
	my $at = time();
	my %headers = (
		'X-Slack-Request-Timestamp' => $at,
		'X-Slack-Signature' => 'v0=' . hmac_sha256_hex("v0:$at:$body", 'a signing secret'));
	my $answer = push_to('slack', $body, %headers);

	is($answer->[0], 200, 'the challenge is taken');
	is($answer->[1], '3eZbrw1aBm2rZgRNFdxV2595E9CY', 'and answered');
	$headers{'X-Slack-Signature'} =~ tr/0-9a-f/1-9a-f0/;
	$answer = push_to('slack', $body, %headers);
	is($answer->[0], 401, 'not for a stranger');
	is($answer->[1], '', 'who learns nothing');
};

unlike($t->log, qr/(?:PANIC|TRAP|server process)/, 'nothing crashed');

done_testing();
