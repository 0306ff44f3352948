# The listener: what it takes, what it answers, and what it tells nobody.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Listener;
use Test::More;
use Time::HiRes qw(time);

my $token = 'Hook-4711-of-the-vk';
my $other_token = 'Second-hook-0815';
my $file_token = 'From-a-file-2342';
my $t = Msgext->new('listen',
	options => {
		status_poll => 'off',
		mapping => { login => 'tester', password => '111111', callback_token => $token }
	});
my $l = Msgext::Listener->new($t);
my $path = "/vk/$token";

sub report
{
	my ($provider_id, $status, $time) = @_;

	$time //= '2026-01-01 12:00:00';
	return qq({"messageId":$provider_id,"status":"$status","receivedAt":"$time"});
}

# A message that the provider has accepted and tells nothing about; returns both ids.
sub accepted
{
	my $id = $t->send(fate => 'sent@86400000');
	my $row = $t->wait_state($id, 'accepted');

	return ($id, $row->{provider_id});
}

sub status
{
	my ($answer) = @_;

	return defined $answer ? $answer->[0] : 'none';
}

ok($l->wait, 'it listens');

subtest 'a push' => sub {
	my ($id, $provider_id) = accepted();
	my $answer = $l->post($path, '[' . report($provider_id, 'SENT') . ']');

	is(status($answer), 200, 'is answered with 200');
	is($answer->[1], '', 'and nothing else');
	is($t->state($id), 'sent', 'and by then it is in the tables');
	is(status($l->post($path, '[' . report($provider_id, 'DELIVERED') . ',' . report(42, 'READ') . ']')), 200,
		'with the id of a stranger too');
	is($t->state($id), 'delivered', 'which costs the others nothing');
	is($t->sql("SELECT count(*) FROM msgext.callback WHERE provider_id = '42' AND message_id IS NULL"), 1, 'and is kept');
	is(status($l->post($path, '[]')), 200, 'an empty list is fine');

	# Again, alone and twice in one body.
	is(status($l->post($path, report($provider_id, 'DELIVERED'))), 200, 'a repeated one is taken');
	is( status($l->post($path, '[' . join(',', (report($provider_id, 'DELIVERED')) x 3) . ']')), 200,
		'so are three in one body');
	is($t->sql("SELECT repeats FROM msgext.callback WHERE provider_id = '$provider_id' ORDER BY repeats DESC LIMIT 1"),
		4, 'they are counted');
	is($t->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id AND kind = 'callback'"), 2,
		'and change nothing');
};

subtest 'before its message' => sub {
	my $early;

	$t->sim->script('devino send match 79990000401 delay 60000');
	my $id = $t->send(phone => 79990000401, fate => 'sent@86400000');
	ok(until_true(sub { $t->sim->count(79990000401) }), 'the provider has it, and has not answered');
	$early = ($t->sim->ledger(79990000401))[0]{id};
	is(status($l->post($path, report($early, 'DELIVERED'))), 200, 'a report of it is taken');
	is($t->state($id), 'sending', 'while it is still being sent');
	$t->sim->release;
	$t->wait_state($id, 'delivered', 'with the answer it is found');
	$t->sim->clear;
};

subtest 'what is no push' => sub {
	my $length = length $token;
	my @strangers = (
		'/', '/vk', '/vk/', '/vk/x', "/vk/${token}x", '/vk/' . substr($token, 0, $length - 1),
		"/vk/$token/", "/vk//$token", "//vk/$token", '/vk/' . lc $token, "/nowhere/$token", "/VK/$token",
		"/vk%2F$token", "/vk%2F/$token", "/vk/$token%00", "/vk%00/$token", "/vk/%", "/vk/%4", "/vk/%zz",
		"/$token", "/$token/vk", '/health', '/' . 'a' x 3000 . "/$token", '/vk/' . 'a' x 3000, '/*/*', "/vk/$token;a");
	my $stranger = $l->post('/nowhere/nothing', '[]');
	my ($head) = map { s/^Date:.*\r\n//mr } $stranger->[2];

	is(status($stranger), 404, 'an unknown server is not found');
	is($stranger->[1], '', 'without a word');
	for my $wrong (@strangers)
	{
		my $answer = $l->post($wrong, '[]');
		my $shown = length $wrong > 60 ? substr($wrong, 0, 20) . '...' : $wrong;

		$shown =~ s/\Q$token\E/TOKEN/;
		is_deeply([ $answer->[0], $answer->[1], $answer->[2] =~ s/^Date:.*\r\n//mr ], [ 404, '', $head ],
			"$shown looks the same");
	}
	for my $method (qw(GET HEAD PUT DELETE OPTIONS PATCH TRACE CONNECT BREW))
	{
		for my $where ($path, '/nowhere/nothing')
		{
			is(status($l->request($method, $where)), 405, "$method is not allowed " . ($where eq $path ? 'here' : 'there'));
		}
	}
	is(join(' ', @{ $l->request('GET', '/health') }[ 0, 1 ]), "200 ok\n", 'health is good, and says no more');
	is(status($l->request('GET', '/health?x=y')), 200, 'whatever is asked');
	is(status($l->post("$path?a=b&c", '[]')), 200, 'arguments say nothing');
	is(status($l->post('/vk/' . join('', map { sprintf '%%%02x', ord } split //, $token), '[]')), 200,
		'a path may be written in percents');
};

subtest 'tokens' => sub {
	my $file = $t->node->basedir . '/hook';

	# Several of one server, in a file, of a server with an odd name.
	open my $out, '>', $file or die $!;
	print $out "$file_token\n";
	close $out;
	chmod 0600, $file;
	$t->sql("CREATE ROLE alice; CREATE ROLE bob; CREATE ROLE carol;"
		  . "CREATE USER MAPPING FOR alice SERVER vk OPTIONS (login 'a', password 'bbbb', callback_token '$other_token');"
		  . "CREATE USER MAPPING FOR bob SERVER vk OPTIONS (login 'a', password 'bbbb');"
		  . "CREATE USER MAPPING FOR carol SERVER vk OPTIONS (login 'a', password 'bbbb', callback_token_file '$file')");
	$t->add_server('"Odd/Name ü"', mapping => { login => 'a', password => 'bbbb', callback_token => 'a/b c%, and sixteen' });
	$t->sql('GRANT USAGE ON FOREIGN SERVER "Odd/Name ü" TO hooks');
	is(status($l->post("/vk/$other_token", '[]')), 404, "a sender's own token opens nothing");
	$t->sql('GRANT USAGE ON FOREIGN SERVER vk TO alice, bob, carol');
	is(status($l->post("/vk/$other_token", '[]')), 404, 'nor does USAGE alone make it count');
	$t->sql('GRANT EXECUTE ON FUNCTION msgext.receive_callback(name, bytea, jsonb) TO alice, carol');
	ok(until_true(sub { status($l->post("/vk/$other_token", '[]')) eq '200' }),
		'of a role that may receive callbacks it does');
	is(status($l->post("/vk/$file_token", '[]')), 200, 'so does one in a file');
	is(status($l->post($path, '[]')), 200, 'and the first one still');
	is(status($l->post('/Odd%2fName%20%c3%bc/a/b%20c%25,%20and%20sixteen', '[]')), 200, 'a server of any name can be reached');
	is(status($l->post("/Odd%2fName%20%c3%bc/$token", '[]')), 404, 'by its own token only');

	# Changed, they count at once; a file's after a reload.
	$t->sql("ALTER USER MAPPING FOR alice SERVER vk OPTIONS (SET callback_token 'Third-hook-990099')");
	is(status($l->post('/vk/Third-hook-990099', '[]')), 200, 'a new token counts at once');
	is(status($l->post("/vk/$other_token", '[]')), 404, 'and the old one no more');
	open $out, '>', $file or die $!;
	print $out 'Fourth-hook-770077';
	close $out;
	$t->sql('SELECT pg_reload_conf()');
	ok(until_true(sub { status($l->post('/vk/Fourth-hook-770077', '[]')) eq '200' }), "a file's counts after a reload");
	is(status($l->post("/vk/$file_token", '[]')), 404, 'and the old one no more');
	unlink $file;
	$t->sql('SELECT pg_reload_conf()');
	ok(until_true(sub { status($l->post('/vk/Fourth-hook-770077', '[]')) eq '404' }), 'a file that is gone opens nothing');
	is(status($l->post($path, '[]')), 200, 'and the others still open');
	like($t->log, qr/WARNING: .*callback token could not be read: could not read the file of option "callback_token_file"/,
		'the log says so');
	open $out, '>', $file or die $!;
	print $out 'Fifth-hook-660066';
	close $out;
	ok(until_true(sub { status($l->post('/vk/Fifth-hook-660066', '[]')) eq '200' }), 'it is looked for again');
	$t->sql('REVOKE EXECUTE ON FUNCTION msgext.receive_callback(name, bytea, jsonb) FROM alice');
	is(status($l->post('/vk/Third-hook-990099', '[]')), 404, 'it ends with the right');
	$t->sql('CREATE ROLE receivers; GRANT receivers TO alice;'
		  . 'GRANT EXECUTE ON FUNCTION msgext.receive_callback(name, bytea, jsonb) TO receivers');
	is(status($l->post('/vk/Third-hook-990099', '[]')), 200, 'comes back by membership');
	$t->sql('REVOKE receivers FROM alice');
	is(status($l->post('/vk/Third-hook-990099', '[]')), 404, 'and goes with it');
	$t->sql('GRANT EXECUTE ON FUNCTION msgext.receive_callback(name, bytea, jsonb) TO alice');
	open $out, '>', $file or die $!;
	print $out 'Short-hook';
	close $out;
	$t->sql('SELECT pg_reload_conf()');
	ok(until_true(sub { $t->log =~ /callback token could not be read: it has less than 16 characters/ }),
		'a short one in a file is told of');
	is(status($l->post('/vk/Short-hook', '[]')), 404, 'and does not count');
	is(status($l->post('/vk/Third-hook-990099', '[]')), 200, 'others do');
	$t->sql('DROP USER MAPPING FOR alice SERVER vk; DROP SERVER "Odd/Name ü" CASCADE');
	is(status($l->post('/vk/Third-hook-990099', '[]')), 404, 'a dropped mapping opens nothing');
	is(status($l->post('/Odd%2fName%20%c3%bc/a/b%20c%25,%20and%20sixteen', '[]')), 404, 'nor does a dropped server');
	unlink $file;
	$t->sql('DROP USER MAPPING FOR carol SERVER vk');
};

subtest 'what cannot be read' => sub {
	my ($id, $provider_id) = accepted();
	my $good = report($provider_id, 'SENT');
	my @broken = (
		'', 'hello', '{', "[$good", "[$good] and more", '[{"status":"DELIVERED"}]', qq([{"messageId":$provider_id}]),
		"\x00", "\xff\xfe", '[' x 100000);

	for my $body (@broken)
	{
		my $shown = length $body > 40 ? substr($body, 0, 20) . '...' : $body;
		my $hex = unpack('H*', $body);

		$shown =~ s/[^ -~]/?/g;
		is(status($l->post($path, $body)), 400, "\"$shown\" is answered with 400");
		is( $t->sql("SELECT count(*) FROM msgext.callback WHERE report = '\\x$hex' AND error <> ''"
				  . ' AND provider_id IS NULL AND message_id IS NULL AND repeats = 0'), 1, 'and kept as it came')
		  if length $body < 40;
	}
	is($t->state($id), 'accepted', 'nothing was applied');
	is(status($l->post($path, 'hello')), 400, 'it can come again');
	is($t->sql("SELECT repeats FROM msgext.callback WHERE report = 'hello'"), 1, 'which is counted');
	is(status($l->post($path, $good)), 200, 'a good one counts');
	is($t->state($id), 'sent', 'and moves the message');
};

# What is kept for a person shows no secret, and is no store for strangers' bytes.
subtest 'what is kept' => sub {
	my $secret = '111111';
	my $body = "hello login=tester&password=$secret&token=$token " . 'ж' x 6000;

	is(status($l->post($path, $body)), 400, 'a long one, with secrets in it');
	is($t->sql("SELECT count(*) FROM msgext.callback WHERE position('$secret'::bytea IN report) > 0"
			  . " OR position('$token'::bytea IN report) > 0"), 0, 'the secrets are not kept');
	is($t->sql("SELECT convert_from(report, 'UTF8') ~ '^hello login=tester&password=[*]{6}&token=[*]+ ж+\$'"
			  . " AND length(report) BETWEEN 8190 AND 8192 FROM msgext.callback WHERE report LIKE 'hello login%'"),
		't', 'the rest is, up to 8 kB and a whole character');
	is(status($l->post($path, $body . 'x')), 400, 'one that differs behind that');
	is(status($l->post($path, $body)), 400, 'and the first one again');
	is($t->sql("SELECT string_agg(repeats::text, ',' ORDER BY repeats) FROM msgext.callback WHERE report LIKE 'hello login%'"),
		'0,1', 'are told apart');
};

subtest 'so many are kept' => sub {
	my ($id, $provider_id) = accepted();
	my $kept = $t->sql("SELECT count(*) FROM msgext.callback JOIN pg_foreign_server AS s ON s.oid = server_oid"
		  . " WHERE srvname = 'vk' AND message_id IS NULL");
	my $room = sub {
		$t->sql("ALTER SYSTEM SET msgext.max_unmatched_callbacks = $_[0]");
		$t->node->reload;
	};
	my $stranger = 990000;

	$room->($kept + 3);
	is(status($l->post($path, report(980001, 'SENT'))), 200, 'there is room for a stranger');
	is(status($l->post($path, 'no more of this')), 400, 'and for one that cannot be read');

	# The listener hears of the setting, and counts, a little later.
	ok(until_true(sub { status($l->post($path, report(++$stranger, 'SENT'))) eq '503' }), 'then one is refused');
	is(status($l->post($path, 'nor of this')), 503, 'one that cannot be read as well');
	is(status($l->post($path, 'no more of this')), 400, 'but not a repeat');
	is(status($l->post($path, report(980001, 'SENT'))), 200, 'neither of a report');
	is(status($l->post($path, '[' . report($provider_id, 'SENT') . ',' . report(++$stranger, 'SENT') . ']')), 503,
		'one that is a stranger in part is to come again');
	is($t->state($id), 'sent', 'though what it knew has been taken');
	is(status($l->post($path, report($provider_id, 'DELIVERED'))), 200, 'what matches is always taken');
	is($t->state($id), 'delivered', 'and counts');
	cmp_ok($t->sql("SELECT count(*) FROM msgext.callback JOIN pg_foreign_server AS s ON s.oid = server_oid"
				  . " WHERE srvname = 'vk' AND message_id IS NULL"), '<=', $kept + 3, 'no more are kept');
	like($t->log, qr/WARNING: .*too many callbacks of server "vk" match no message/, 'the log tells of it');
	$t->sql('ALTER SYSTEM RESET msgext.max_unmatched_callbacks');
	$t->node->reload;
	ok(until_true(sub { status($l->post($path, report($stranger, 'SENT'))) eq '200' }), 'with more room it is taken');
};

# Whoever has the token may report for ever: he is told that it was taken, and fills no table.
subtest 'so many of one message' => sub {
	my ($id, $provider_id) = accepted();
	my $events = sub { $t->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id AND kind = 'callback'") };
	my $rows = sub {
		$t->sql("SELECT count(*) || ' ' || sum(repeats) FROM msgext.callback WHERE message_id = $id");
	};
	my $many = sub {
		my ($minute) = @_;

		'[' . join(',', map { report($provider_id, 'SENT', sprintf('2026-01-01 12:%02d:%02d', $minute, $_)) } 0 .. 59) . ']';
	};

	is(status($l->post($path, $many->(1))), 200, 'sixty reports');
	is($events->(), 60, 'are kept');
	is(status($l->post($path, $many->($_))), 200, 'sixty more are taken') for 2 .. 4;
	is($events->(), 100, 'of which a hundred are kept in all');
	is($rows->(), '101 139', 'and the others counted');
	is(status($l->post($path, $many->(1))), 200, 'those that are there may be repeated');
	is($rows->(), '101 199', 'and are counted themselves');
	is(status($l->post($path, report($provider_id, 'READ'))), 200, 'one that moves the message');
	is($events->(), 101, 'is kept');
	is($t->state($id), 'read', 'and applied');
};

subtest 'rights' => sub {
	my ($id, $provider_id) = accepted();
	my $body = report($provider_id, 'DELIVERED');

	$t->sql('REVOKE USAGE ON FOREIGN SERVER vk FROM hooks');
	is(status($l->post($path, $body)), 503, 'without USAGE on the server nothing is taken');
	$t->sql('GRANT USAGE ON FOREIGN SERVER vk TO hooks; REVOKE EXECUTE ON FUNCTION msgext.receive_callback FROM hooks');
	is(status($l->post($path, $body)), 503, 'nor without EXECUTE on the function');
	is($t->state($id), 'accepted', 'so nothing has changed');
	$t->sql('GRANT EXECUTE ON FUNCTION msgext.receive_callback TO hooks');
	is(status($l->post($path, $body)), 200, 'repeated when both are there, it is');
	is($t->state($id), 'delivered', 'and counts');
	like($t->log, qr/ERROR: .*permission denied for foreign server vk/, 'the log says what was missing');

	$t->sql('ALTER ROLE hooks SUPERUSER');
	is(status($l->post($path, $body)), 503, 'a superuser may not take them');
	$t->sql('ALTER ROLE hooks NOSUPERUSER');
	is(status($l->post($path, $body)), 200, 'hooks may again');
	is($t->sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'hooks'"), 'f', 'and cannot log in');
	$t->sql('ALTER ROLE hooks RENAME TO gone');
	is(status($l->post($path, $body)), 503, 'nor is anything taken as a role that is gone');
	$t->sql('ALTER ROLE gone RENAME TO hooks');
};

subtest 'rows that others hold' => sub {
	my ($held, $held_at) = accepted();
	my @free = map { [ accepted() ] } 1 .. 5;
	my $session = $t->node->background_psql('postgres', on_error_stop => 0);
	my $start;

	$session->query_safe("BEGIN; SELECT id FROM msgext.outbox WHERE id = $held FOR UPDATE");

	# All at once, so that some come into one transaction.
	my @sockets = map {
		my $socket = $l->connect;
		my $body = report($_, 'DELIVERED');

		$l->write($socket, "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
		$socket;
	} ($held_at, map { $_->[1] } @free);
	my @answers = map { status($l->read_answer($_)) } @sockets;

	is($answers[0], 503, 'a report of a row that is held comes again');
	is(join(' ', @answers[ 1 .. 5 ]), '200 200 200 200 200', 'the others are taken');
	is($t->state($_->[0]), 'delivered', 'and applied') for @free;
	$session->query_safe('ROLLBACK');
	$session->quit;
	is(status($l->post($path, report($held_at, 'DELIVERED'))), 200, 'released, it is taken');
	is($t->state($held), 'delivered', 'and applied');
};

subtest 'requests of all forms' => sub {
	my ($id, $provider_id) = accepted();
	my $head = "POST $path HTTP/1.1\r\nHost: x\r\n";
	my $chunked = sub {
		my ($size, $body) = @_;

		return $head . "Transfer-Encoding: chunked\r\n\r\n"
		  . join('', map { sprintf("%x\r\n%s\r\n", length $_, $_) } unpack("(a$size)*", $body)) . "0\r\n\r\n";
	};
	my $socket = $l->connect;

	$l->write($socket, $chunked->(7, '[' . report($provider_id, 'SENT') . ']'));
	is(status($l->read_answer($socket)), 200, 'a chunked body');
	is($t->state($id), 'sent', 'is read as one');

	# The same connection goes on, with several requests at a time.
	my @statuses = qw(ENQUEUED SENT DELIVERED READ);
	my $text = '';

	for my $n (0 .. 39)
	{
		my $body = report($provider_id, $statuses[ $n % 4 ], sprintf('2026-01-01 12:01:%02d', $n));

		$text .= $n % 3 == 0 ? $chunked->(11, $body) : $head . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
	}
	$l->write($socket, $text);
	is(join(' ', $l->read_statuses($socket, 40)), join(' ', (200) x 40), 'forty requests in one piece are answered, each');
	is($t->sql("SELECT count(*) FROM msgext.message_event WHERE message_id = $id AND kind = 'callback'"), 41, 'and none is lost');
	is($t->state($id), 'read', 'the message was read');
	close $socket;

	# Nothing more to send, and an answer to be waited for.
	$socket = $l->connect;
	$l->write($socket, $head . "Content-Length: 2\r\n\r\n[]");
	shutdown($socket, 1);
	is(join(' ', $l->read_statuses($socket)), '200', 'who has sent everything may close his side');

	$socket = $l->connect;
	$l->write($socket, "POST $path HTTP/1.0\r\nContent-Length: 2\r\n\r\n[]");
	is(join(' ', $l->read_statuses($socket)), '200', 'HTTP/1.0, after which the connection is closed');

	# Byte by byte, with a pause at an odd place.
	$socket = $l->connect;
	$socket->sockopt(Socket::TCP_NODELAY(), 1);
	$l->write($socket, $_) for split //, $head . "Content-Length: 2\r\n\r\n[]";
	is(status($l->read_answer($socket)), 200, 'byte by byte');
	$l->write($socket, $head . "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	ok(until_true(sub { my $r = ''; vec($r, fileno($socket), 1) = 1; select($r, undef, undef, 0) > 0 }), 'who asks first');
	$l->write($socket, '[]');
	is(status($l->read_answer($socket)), 200, 'is told to go on');
};

subtest 'sizes' => sub {
	my $before = $l->pid;

	$l->set(listen_max_header_size => '4kB', listen_max_body_size => '16kB');
	ok($l->wait($before), 'a change of its settings brings another listener');
	is(status($l->post($path, '[]', 'X-Long: ' . 'x' x 3000)), 200, 'a long header');
	like(status($l->post($path, '[]', 'X-Long: ' . 'x' x 12000)), qr/^4\d\d$/, 'has a limit');
	like(status($l->post('/vk/' . 'x' x 12000, '[]')), qr/^4\d\d$/, 'so has a path');
	is(status($l->post($path, '[' . ' ' x 16382 . ']')), 200, 'a long body');
	is(status($l->post($path, '[' . ' ' x 16383 . ']')), 413, 'has a limit');
	is(status($l->post($path, '[' . ' ' x 1000000 . ']')), 413, 'however long it is');
	is(status($l->post($path, '[]', 'Content-Length: 1000000000000')), 413, 'or says it is');
	is(status($l->post($path, '', 'Content-Length: 99999999', 'Expect: 100-continue')), 413, 'who asks first is told at once');
	my $chunks = sprintf("%x\r\n%s\r\n", 1000, ' ' x 1000);
	is(status($l->post($path, $chunks x 17 . "0\r\n\r\n", 'Transfer-Encoding: chunked')), 413, 'in chunks too');
	is(status($l->post($path, '[]' . $chunks x 16 . "0\r\n\r\n", 'Transfer-Encoding: chunked')), 400, 'which must be chunks');
	is($t->sql('SELECT count(*) FROM msgext.callback WHERE length(report) > 16384'),
		$t->sql("SELECT count(*) FROM msgext.callback WHERE report = convert_to(repeat('[', 100000), 'UTF8')"), 'nothing of them is kept');
};

subtest 'slow ones' => sub {
	my $before = $l->pid;
	my (@sockets, $socket, $start);
	my $head = "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";

	$l->set(
		listen_max_header_size => undef,
		listen_max_body_size => undef,
		listen_idle_timeout => '2s',
		listen_request_timeout => '3s');
	ok($l->wait($before), 'with short times');
	is(status($l->post($path, '[' . ' ' x 20000 . ']')), 200, 'and the old sizes again');

	# Half open at every stage.
	@sockets = map { my $s = $l->connect; $l->write($s, $_); $s } ('', 'P', substr($head, 0, 30), $head, "$head\[");
	$start = time();
	is(join(' ', map { $l->read_statuses($_) } @sockets), '', 'idle connections are closed without an answer');
	cmp_ok(time() - $start, '<', 9, 'before the usual ten seconds');

	# A byte now and then keeps no connection for ever: in the line, the header, the body.
	@sockets = map { my $s = $l->connect; $l->write($s, $_); $s } ('POST /', "POST $path HTTP/1.1\r\nX-Long: ", $head);
	$socket = $l->connect;
	$start = time();
	my @open = @sockets;
	my @times;
	my $bytes = 0;
	my $took;

	until_true(
		sub {
			select(undef, undef, undef, 0.1);
			$bytes++;
			@open = grep {
				my $ready = '';
				vec($ready, fileno($_), 1) = 1;
				$l->write($_, 'x') && select($ready, undef, undef, 0) == 0;
			} @open;
			return 1 if !@open;

			# Meanwhile, one that is no slower than it may be.
			if ($bytes % 7 == 0)
			{
				$l->write($socket, "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]");
				push @times, status($l->read_answer($socket));
			}
			return 0;
		});
	$took = time() - $start;
	is(scalar @open, 0, 'dripping ones are cut');
	cmp_ok($took, '<', 20, 'in time');
	cmp_ok($took, '>', 2.9, 'not for being idle');
	for (1 .. 3)
	{
		select(undef, undef, undef, 0.5);
		$l->write($socket, "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]");
		push @times, status($l->read_answer($socket));
	}
	is(join(' ', @times), join(' ', (200) x @times), 'a kept connection may grow old');
};

subtest 'numbers of connections' => sub {
	my $before = $l->pid;
	my @sockets;

	$l->set(
		listen_idle_timeout => undef,
		listen_request_timeout => undef,
		listen_max_connections_per_address => 5,
		listen_max_connections => 8);
	ok($l->wait($before), 'with low limits');
	@sockets = map { $l->connect } 1 .. 5;
	$l->write($_, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n") for @sockets;
	is(status($l->read_answer($_)), 200, 'five are answered') for @sockets;
	ok(!defined $l->request('GET', '/health'), 'the sixth of an address is closed');
	close pop @sockets;
	ok(until_true(sub { status($l->request('GET', '/health')) eq '200' }), 'until another one has gone');
	$before = $l->pid;
	close $_ for @sockets;
	$l->set(listen_max_connections_per_address => undef);
	ok($l->wait($before), 'any number of an address');
	@sockets = map { $l->connect } 1 .. 12;
	$l->write($_, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n") for @sockets;
	is(status($l->read_answer($_)), 200, 'those above the limit') for @sockets[ 0 .. 7 ];
	close $_ for @sockets[ 0 .. 7 ];
	is(status($l->read_answer($_)), 200, 'have to wait') for @sockets[ 8 .. 11 ];
	close $_ for @sockets[ 8 .. 11 ];
};

subtest 'secrets' => sub {
	my @secrets = ($token, $other_token, $file_token, 'Third-hook', 'Fourth-hook', 'Fifth-hook');
	my $activity = $t->sql('SELECT string_agg(a::text, E\'\n\') FROM pg_stat_activity a'
		  . " WHERE backend_type LIKE 'msgext%'");
	my $rows = $t->sql("SELECT coalesce(string_agg(convert_from(report, 'LATIN1') || coalesce(error, ''), ' '), '')"
		  . " FROM msgext.callback WHERE position('\\x00'::bytea IN report) = 0")
	  . $t->sql("SELECT coalesce(string_agg(e::text, ' '), '') FROM msgext.event e");
	my $title = `cat /proc/@{[ $l->pid ]}/cmdline | tr '\\0' ' '`;

	like($activity, qr/msgext listener/, 'the listener can be seen');
	like($title, qr/msgext listener/, 'by its title too');
	for my $secret (@secrets)
	{
		unlike($t->log, qr/\Q$secret\E/, 'no token is in the log');
		unlike("$activity $title $rows", qr/\Q$secret\E/, 'nor where it can be seen');
	}
};

unlike($t->log, qr/(?:FATAL|PANIC):/, 'the log has no complaint of ours');

done_testing();
