# The console's API: who gets in, as whom, what he sees and may do, and how it ends.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Console;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = Msgext->new('console', options => { status_poll => 'off' });
my $node = $t->node;
my %me;

sub as
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", extra_params => [ '-U', $role ]);

	return $status == 0 ? $out : $err;
}

# An act on one message, without its dry run.
sub ids
{
	return { filter => { id => [ map { "$_" } @_ ] }, reason => 'by the test' };
}

$t->sql(<<'SQL');
CREATE ROLE app LOGIN;
CREATE ROLE other LOGIN;
CREATE ROLE looker LOGIN;
GRANT CREATE ON DATABASE postgres TO looker;
CREATE ROLE operator LOGIN;
CREATE ROLE support NOLOGIN;
CREATE ROLE anna LOGIN IN ROLE support;
GRANT USAGE ON FOREIGN SERVER vk TO app, other, operator, support;
GRANT EXECUTE ON FUNCTION msgext.can_read() TO looker, operator, support;
GRANT EXECUTE ON FUNCTION msgext.can_operate() TO operator, support;
SQL

like(as('app', 'SELECT msgext.open_console()'), qr/42501.*permission denied for function open_console/s, 'nobody may open it');
$t->sql('GRANT EXECUTE ON FUNCTION msgext.open_console(interval) TO app, other, looker, operator, support');
like(as('app', 'SELECT msgext.open_console()'), qr/55000.*this database has no console/s, 'nor is there one');

my $c = Msgext::Console->new($t);
ok($c->wait, 'there is one where there is a port');

subtest 'a link' => sub {
	my $begun = time();
	my ($link, $token) = $c->link('app');
	my ($answer, $age);

	is($link, "http://127.0.0.1:$c->{port}/#$token", 'it is of this host, its token behind #');
	is($c->exchange($token =~ tr/0-9a-f/1-9a-f0/r)->[0], 401, 'another token is none');
	is($c->exchange(substr($token, 1))->[0], 401, 'nor is a part of it');
	is($c->exchange([$token])->[0], 401, 'nor is something else');
	is($c->exchange($token, headers => ['Origin: http://evil.example'])->[0], 403, 'another page cannot use it');
	$answer = $c->exchange($token, headers => ["Origin: http://127.0.0.1:$c->{port}"]);
	is($answer->[0], 201, 'it is exchanged for a session');
	($age) = $answer->[2] =~ /^Set-Cookie: msgext_$c->{port}=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=(\d+)\r$/m;
	ok(defined $age, 'whose cookie no script and no other site has');
	cmp_ok($age, '<=', 8 * 3600, 'for eight hours');
	cmp_ok($age, '>=', 8 * 3600 - (time() - $begun) - 2, 'from when the link was made');
	$me{app} = Msgext::Console::session_of($answer);
	is($c->get($me{app}, '/api/me')->[1]->{role}, 'app', 'and which is his');
	like($c->get($me{app}, '/api/me')->[1]->{$_}, qr/^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/, "$_ is a time as JSON has it")
		for qw(now ends_at);
	is($c->exchange($token)->[0], 401, 'once');
	is($t->sql("SELECT count(*) FROM msgext.console_session AS s WHERE s::text ~ '"
			  . join('|', $token, $me{app}->{key}, $me{app}->{cookie} =~ s/.*=//r) . "'"), 0, 'no secret is in the table');
	unlike(slurp_file($node->logfile), qr/$token|$me{app}->{key}/, 'nor in the log');
	like(as('app', 'SELECT * FROM msgext.console_session'), qr/42501/, 'which is nobody\'s to read');
	(undef, $token) = $c->link('app');
	$t->sql("UPDATE msgext.console_session SET created_at = created_at - interval '10 min' WHERE key_hash IS NULL");
	is($c->exchange($token)->[0], 401, 'after ten minutes it is too old');
	like(as('app', "SELECT msgext.open_console('30 s')"), qr/22023/, 'its session is not too short');
	like(as('app', "SELECT msgext.open_console('31 days')"), qr/22023/, 'nor too long');
	is(as('app', "SELECT msgext.open_console(NULL) IS NULL"), 't', 'null is null');
	like(as('app', 'BEGIN READ ONLY; SELECT msgext.open_console()'), qr/25006/, 'it writes');
	$c->link('other') for 1 .. 25;
	is($t->sql("SELECT count(*) FROM msgext.console_session WHERE role_oid = 'other'::regrole"), 20, 'a role has so many');
};

subtest 'who opens it and does not commit' => sub {
	my $open = $node->background_psql('postgres', extra_params => [ '-U', 'other' ]);
	my $link;

	$t->sql('UPDATE msgext.console_session SET ends_at = now()');
	$open->query_safe('BEGIN; SELECT msgext.open_console()');
	$link = as('app', "SET lock_timeout = '20s'; SELECT msgext.open_console()");
	like($link, qr/#[0-9a-f]{64}\z/, 'holds up nobody who opens it, too');
	$open->query_safe('ROLLBACK');
	$open->quit;
	$me{app} = Msgext::Console::session_of($c->exchange($link =~ /(\w+)\z/));
};

subtest 'whose' => sub {
	my $session;

	$me{anna} = $c->sign_in('anna', 'SET ROLE support; ');
	is($c->get($me{anna}, '/api/me')->[1]->{role}, 'support', 'of the role that was set');
	is($c->get($me{anna}, '/api/me')->[1]->{login}, 'anna', 'of who logged in');
	$t->sql(<<'SQL');
CREATE FUNCTION trap() RETURNS text SECURITY DEFINER LANGUAGE sql AS 'SELECT msgext.open_console()';
SQL
	like(as('looker', 'SELECT trap()'), qr/42501.*within a security-definer function/s, 'a function cannot give away its owner\'s');
	as('looker', 'CREATE SCHEMA mine; CREATE TABLE mine.t (a int);'
		  . "CREATE FUNCTION mine.f(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN a; END';"
		  . 'INSERT INTO mine.t VALUES (1); CREATE INDEX i ON mine.t (mine.f(a));'
		  . "CREATE OR REPLACE FUNCTION mine.f(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM msgext.open_console(); RETURN a; END'");
	like($t->error('REINDEX TABLE mine.t'), qr/42501.*security-restricted operation/s, 'nor an index make a superuser vouch for its owner');
	like($t->error("SET SESSION AUTHORIZATION support; SELECT msgext.open_console()"), qr/42501.*must be able to log in/s,
		'who cannot log in has none');
	$t->sql('REVOKE support FROM anna');
	is($c->get($me{anna}, '/api/me')->[0], 401, 'who cannot be the role any more has no session of it');
	$t->sql('GRANT support TO anna');
	is($c->get($me{anna}, '/api/me')->[0], 200, 'until he can again');
	$t->sql('ALTER ROLE anna NOLOGIN');
	is($c->get($me{anna}, '/api/me')->[0], 401, 'nor has who cannot log in');
	$t->sql('ALTER ROLE anna LOGIN; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO app');
	is($c->get($me{anna}, '/api/me')->[0], 401, 'to this database');
	is($c->get($me{app}, '/api/me')->[0], 200, 'others have');
	$t->sql('GRANT CONNECT ON DATABASE postgres TO PUBLIC; REVOKE EXECUTE ON FUNCTION msgext.open_console(interval) FROM support');
	is($c->get($me{anna}, '/api/me')->[0], 401, 'nor whose role may not open it any more');
	$t->sql('GRANT EXECUTE ON FUNCTION msgext.open_console(interval) TO support');
	$me{looker} = $c->sign_in('looker');
	$me{operator} = $c->sign_in('operator');
	$me{other} = $c->sign_in('other');
};

subtest 'what a browser may not be made to do' => sub {
	my %mine = %{ $me{app} };
	my $port = $c->{port};

	is($c->get({ cookie => $mine{cookie} }, '/api/me')->[0], 403, 'a cookie alone is nothing');
	is($c->get({ key => $mine{key} }, '/api/me')->[0], 401, 'nor is a key');
	is($c->get({ %mine, key => $me{looker}->{key} }, '/api/me')->[0], 403, 'nor one of another session');
	is($c->act({ cookie => $mine{cookie} }, '/api/pause', { server => 'vk' })->[0], 403, 'nor for acts');
	for my $origin ("http://127.0.0.1:1", 'http://evil.example', 'null', "https://127.0.0.1:$port")
	{
		is($c->get($me{app}, '/api/me', "Origin: $origin")->[0], 403, "not from a page of $origin");
	}
	is($c->get($me{app}, '/api/me', 'Sec-Fetch-Site: same-site')->[0], 403, 'nor of another port');
	is($c->get($me{app}, '/api/me', "Origin: http://127.0.0.1:$port", 'Sec-Fetch-Site: same-origin')->[0], 200, 'from our own');
	for my $host ("evil.example:$port", 'evil.example', "127.0.0.1.evil.example:$port", "localhost.evil.example", '[::1', '')
	{
		is($c->send('GET', '/', host => $host)->[0], 421, "by the name \"$host\" there is no page");
		is($c->send('GET', '/api/me', host => $host, headers => [ Msgext::Console::head_of($me{app}) ])->[0], 421, 'and no answer');
	}
	is($c->send('GET', '/', host => $_)->[0], 200, "by $_ there is") for "localhost:$port", '127.0.0.1', "[::1]:$port";
	is($c->send('POST', '/api/pause', body => 'server=vk',
			headers => [ Msgext::Console::head_of($me{app}), "Content-Type: $_" ])->[0], 415, "no form: $_")
	  for 'application/x-www-form-urlencoded', 'text/plain';
	is($c->send('OPTIONS', '/api/pause', headers => ['Origin: http://evil.example'])->[0], 405, 'nobody is allowed to ask');
	is($c->get($me{app}, '/api/pause?server=vk')->[0], 405, 'nothing acts by GET');
	is($c->act($me{app}, '/api/me', {})->[0], 405, 'or looks by POST');
	like($c->send('GET', $_)->[2], qr/^Content-Security-Policy: default-src 'none'; script-src 'self'; (?!.*unsafe).*frame-ancestors 'none'\r$/m,
		"the answer for $_ lets nothing in") for '/', '/api/me', '/nowhere';
	is($c->send('GET', $_)->[0], 404, "nothing is at $_") for '/../postgresql.conf', '/%2e%2e/x', '/api', '/api/', '//', '/index.html/';
	for my $body ('', '[]', '{', '{"server": "vk"}}', "{\"server\": \"\xff\"}", '{"a":' x 5000)
	{
		is($c->send('POST', '/api/pause', body => $body,
				headers => [ Msgext::Console::head_of($me{app}), 'Content-Type: application/json' ])->[0], 400,
			'no object: ' . substr($body, 0, 20));
	}
	is($c->get($me{app}, "/api/messages?$_")->[0], 400, "no question: $_")
	  for 'id=x', 'nothing=1', 'code=%zz', 'code=%00', 'code=%ff', 'id=99999999999999999999', 'created_after=then', 'ref=%7B', 'before=x',
		'state=typo', 'state=queued,typo', 'state=', 'problem=typo', 'problem=queued';
	like($c->get($me{app}, '/api/messages?state=typo')->[1]->{error}, qr/"typo" is no state of a message/, 'it is said why');
	is($c->get($me{app}, "/api/$_")->[0], 400, "none either: $_")
	  for 'message', 'message?id=', 'message?id=x', 'message?id=1&x=1', 'payload', 'push', 'template', 'template?version=1', 'inbox?sever=vk', 'inbox?before=x',
		'server_events?sever=vk', map { "$_?server=vk" } qw(me servers dead_letters worker handlers templates stats);
	like($c->get($me{app}, '/api/message')->[1]->{error}, qr{/api/message needs "id"}, 'it is said what is missing');
	like($c->get($me{app}, '/api/inbox?sever=vk')->[1]->{error}, qr{/api/inbox takes no "sever"}, 'and what is too much');
	is($c->act($me{operator}, "/api/$_->[0]", $_->[1])->[0], 400, "nor is $_->[0] of " . join(' ', %{ $_->[1] }))
	  for [ pause => {} ], [ pause => { server => undef } ], [ resume => { reason => 'x' } ], [ pause => { server => 'vk', raeson => 'x' } ], [ cancel => {} ],
		[ retry => { filter => { state => 'failed' }, dryrun => \1 } ], [ close => { filter => { state => 'typo' } } ],
		[ cancel => { filter => { state => 'queued' }, dry_run => 'maybe' } ], [ replay => { id => '1' } ], [ replay => { message => '{}' } ];
};

subtest 'what each sees' => sub {
	my $payload = '<img src=x onerror=alert(1)>';
	my $mine = as('app', 'SELECT ' . Msgext::send_sql(phone => 79990000001, operation_id => "'order-1'", data => { name => $payload }));
	my $his = as('other', 'SELECT ' . Msgext::send_sql(phone => 79990000002));
	my $all;

	$t->wait_state($mine, 'accepted');
	$all = $c->get($me{app}, '/api/messages')->[1];
	is(join(',', map { $_->{id} } @{ $all->{messages} }), $mine, 'a sender his own messages');
	is($all->{next}, undef, 'which are all');
	is(join(',', sort map { $_->{id} } @{ $c->get($me{looker}, '/api/messages')->[1]->{messages} }), join(',', sort $mine, $his),
		'who can read, all');
	is($c->get($me{other}, "/api/message?id=$mine")->[1]->{message}, undef, 'another not his');
	$all = $c->get($me{app}, "/api/message?id=$mine")->[1];
	is($all->{message}->{recipient}, '79990000001', 'a message');
	is(ref $all->{events}, 'ARRAY', 'with events');
	is($all->{events}->[0]->{kind}, 'queued', 'in order');
	like($all->{events}->[1]->{answer}, qr/^[A-Za-z0-9+\/]+=*$/, 'and what was answered');
	like($c->get($me{app}, "/api/payload?id=$mine")->[1]->{payload}, qr/\Q$payload\E/, 'its payload, as it is');
	is($c->get($me{looker}, "/api/payload?id=$mine")->[1]->{payload}, undef, 'which is not for who may read messages alone');
	is(scalar @{ $c->get($me{looker}, '/api/servers')->[1]->{servers} }, 0, 'nor are servers');
	ok($c->get($me{operator}, '/api/servers')->[1]->{servers}->[0]->{may_operate}, 'an operator operates');
	ok(!$c->get($me{app}, '/api/servers')->[1]->{servers}->[0]->{may_operate}, 'a sender does not');
	$t->sql(q{ALTER SCHEMA msgext RENAME TO "o'her ""s"""});
	ok($c->get($me{operator}, '/api/servers')->[1]->{servers}->[0]->{may_operate}, 'whatever the schema is called');
	$t->sql(q{ALTER SCHEMA "o'her ""s""" RENAME TO msgext});
	is($c->get($me{operator}, "/api/$_")->[0], 200, "there are $_")
	  for qw(dead_letters worker handlers inbox server_events stats templates push?id=1 template?name=x);
	for my $find ('operation_id=order-1', 'recipient=79990000001', 'server=vk&state=accepted', "id=$mine",
		'created_after=2000-01-01&created_before=2100-01-01', 'state=queued,accepted&recipient=79990000001')
	{
		is(join(',', map { $_->{id} } @{ $c->get($me{app}, "/api/messages?$find")->[1]->{messages} }), $mine, "found by $find");
	}
	is(scalar @{ $c->get($me{app}, "/api/messages?$_")->[1]->{messages} }, 0, "not by $_")
	  for 'recipient=%27%20OR%20true--', 'state=queued', 'server=x', 'problem=failed', 'ref=%7B%22order%22%3A1%7D', 'created_before=2000-01-01';
};

subtest 'templates' => sub {
	my $markup = '<img src=x onerror=alert(1)>';
	my $of = sub { return join(' ', map { "$_->{name} $_->{version} $_->{server} $_->{owner}" } @{ $c->get($_[0], '/api/templates')->[1]->{templates} }) };
	my $found;

	is(as('app', "SELECT msgext.create_template('paid', 'vk', '{\"vk\": {\"subject\": \"$markup\"}}', operation_id => 'paid-{{new.id}}',"
			  . " lookup => 'SELECT 1 AS a WHERE \$1.id > 0', skip_when_null => '{ref.a}', debounce => '5 min')"), 1, 'a template');
	is(as('app', "SELECT msgext.alter_template('paid', priority => 1)"), 2, 'of two versions');
	is($of->($me{app}), 'paid 2 vk app', 'its owner sees it, as its latest version');
	is($of->($me{$_}), '', "$_ does not") for qw(other looker operator anna);
	$found = $c->get($me{app}, '/api/template?name=paid')->[1];
	like($found->{template}->{message}, qr/\Q$markup\E/, 'one with its message, as it is');
	is($found->{template}->{lookup}, 'SELECT 1 AS a WHERE $1.id > 0', 'its lookup');
	is_deeply($found->{template}->{skip_when_null}, ['ref.a'], 'its filter');
	is($found->{template}->{debounce}, '00:05:00', 'its times');
	is(join(' ', map { $_->{version} } @{ $found->{versions} }), '2 1', 'and its versions, the newest first');
	is(join(' ', map { $c->get($me{app}, "/api/template?name=paid&version=$_")->[1]->{template}->{priority} } 1, 2), '3 1', 'each as it was');
	is($c->get($me{app}, '/api/template?name=paid&version=3')->[1]->{template}, undef, 'not one that is none');
	is($c->get($me{app}, '/api/template?name=paid&version=x')->[0], 400, 'nor no number');
	is_deeply($c->get($me{$_}, '/api/template?name=paid')->[1], { template => undef, versions => [] }, "$_ sees neither")
	  for qw(other looker operator anna);
	$t->sql('GRANT app TO other');
	is($of->($me{other}), 'paid 2 vk app', 'who has the privileges of its owner does');
	$t->sql('REVOKE app FROM other');
	as('app', "SELECT msgext.drop_template('paid')");
	is($of->($me{app}), '', 'dropped, it is gone');
};

subtest 'pushes' => sub {
	my ($id, $text, $push);

	$t->sql(<<'SQL');
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook
    OPTIONS (url 'http://127.0.0.1:1', callback_signature 'none');
GRANT USAGE ON FOREIGN SERVER hook TO app, other;
GRANT EXECUTE ON FUNCTION msgext.can_consume() TO app;
SELECT msgext.receive_callback('hook', '{"type": "a.b", "n": 1.50}', '{"webhook-id": "1", "x-echo": "<b>"}');
SELECT msgext.receive_callback('hook', 'n=1', '{"webhook-id": "2"}');
SQL
	($text, $id) = map { $_->{id} } @{ $c->get($me{app}, '/api/inbox?server=hook')->[1]->{pushes} };
	$push = $c->get($me{app}, "/api/push?id=$id")->[1]->{push};
	is("$push->{server} $push->{push_id} $push->{type}", 'hook 1 a.b', 'who may consume them sees one');
	like($push->{payload}, qr/"n": 1\.50/, 'with its payload');
	like($push->{headers}, qr/"x-echo": "<b>"/, 'and its header');
	is($c->get($me{app}, "/api/push?id=$text")->[1]->{push}->{body}, 'bj0x', 'what is not JSON as bytes');
	is(scalar @{ $c->get($me{$_}, '/api/inbox')->[1]->{pushes} }, 0, "$_ has none") for qw(other looker);
	is($c->get($me{$_}, "/api/push?id=$id")->[1]->{push}, undef, "$_ sees none by its id") for qw(other looker);
	$t->sql('DROP SERVER hook CASCADE');
};

subtest 'pages' => sub {
	my (@ids, @times);
	my $next;

	as('app', 'SELECT ' . Msgext::send_sql(phone => 79990000003) . ' FROM generate_series(1, 120)');
	for my $times (0, 1)
	{
		my @found;

		$next = undef;
		do
		{
			my $page = $c->get($me{app}, '/api/messages?' . ($times ? 'created_after=2000-01-01' : 'recipient=79990000003')
				  . (defined $next ? '&before=' . $next =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord $1)/ger : ''))->[1];

			push @found, map { $_->{id} } @{ $page->{messages} };
			$next = $page->{next};
		} while (defined $next && @found < 1000);
		is(scalar @found, $times ? 121 : 120, 'all of them come');
		is(join(',', @found), join(',', sort { $b <=> $a } @found), 'the newest first');
	}
};

subtest 'who may look does not act' => sub {
	for my $act ([ 'retry', ids(1) ], [ 'cancel', ids(1) ], [ 'close', ids(1) ], [ 'pause', { server => 'vk' } ],
		[ 'resume', { server => 'vk' } ], [ 'replay', { id => '1', message => '{}' } ])
	{
		is($c->act($me{looker}, "/api/$act->[0]", $act->[1])->[0], 403, "no $act->[0]");
	}
	ok(!$c->get($me{looker}, '/api/me')->[1]->{may_act}, 'and is told so');
	is($c->act($me{app}, '/api/pause', { server => 'vk' })->[0], 403, 'a sender does not pause');
	like($c->act($me{app}, '/api/pause', { server => 'vk' })->[1]->{error}, qr/must be owner of foreign server vk/, 'and is told why');
	is($t->server('paused'), 'f', 'nothing was paused');
};

subtest 'acts' => sub {
	my ($id, $other, $answer);

	$answer = $c->act($me{anna}, '/api/pause', { server => 'vk', reason => 'ticket 1' });
	is($answer->[0], 200, 'an operator pauses') or diag(explain($answer));
	is($t->server('pause_reason'), 'ticket 1', 'why');
	is($t->sql("SELECT actor FROM msgext.server_event WHERE kind = 'paused'"), 'anna', 'and who did it is known');
	$id = as('app', 'SELECT ' . Msgext::send_sql(phone => 79990000004));
	$other = as('other', 'SELECT ' . Msgext::send_sql(phone => 79990000004));
	is($c->act($me{other}, '/api/cancel', ids($id))->[1]->{messages}, 0, 'another does not cancel his');
	$answer = $c->act($me{app}, '/api/cancel', { %{ ids($id, $other) }, dry_run => \1 })->[1];
	is($answer->{messages}, 1, 'a dry run tells how many it would be');
	is($t->state($id), 'queued', 'and leaves them');
	$answer = $c->act($me{app}, '/api/cancel', { filter => { state => 'queued', recipient => '79990000004' }, reason => 'wrong' })->[1];
	is($answer->{messages}, 1, 'all that fit are cancelled, of his own') or diag(explain($answer));
	is($t->state($id), 'cancelled', 'this one');
	is($t->state($other), 'queued', 'not that one');
	is($t->sql("SELECT actor || ': ' || reason FROM msgext.message_event WHERE message_id = $id AND kind = 'cancelled'"),
		'app: wrong', 'by him');
	is($c->act($me{anna}, '/api/resume', { server => 'vk' })->[0], 200, 'resumed');
	$t->wait_state($other, 'accepted');
	$t->sim->script('devino send match 79990000005 inner phone_invalid');
	$id = as('app', 'SELECT ' . Msgext::send_sql(phone => 79990000005));
	$t->wait_state($id, 'rejected');
	is($c->get($me{operator}, '/api/dead_letters')->[1]->{dead_letters}->[0]->{example}, $id, 'what was rejected is a dead letter');
	is($c->get($me{operator}, '/api/messages?problem=rejected&code=phone_invalid')->[1]->{messages}->[0]->{id}, $id, 'and found by it');
	$t->sim->script('clear');
	is($c->act($me{app}, '/api/retry', ids($id))->[1]->{messages}, 1, 'its sender sends it again');
	$t->wait_state($id, 'accepted');
	$t->sim->script('devino send match 79990000007 inner phone_invalid');
	$id = as('app', 'SELECT ' . Msgext::send_sql(phone => 79990000007));
	$t->wait_state($id, 'rejected');
	$answer = $c->act($me{app}, '/api/replay', { id => "$id", message => '{"vk": {}}' });
	is($answer->[0], 400, 'a copy that is not valid is an error');
	is($answer->[1]->{sqlstate}, '22023', 'as it is in psql') or diag(explain($answer));
	$answer = $c->act($me{app}, '/api/replay', { id => "$id", reason => 'a new number',
		message => $c->get($me{app}, "/api/payload?id=$id")->[1]->{payload} =~ s/79990000007/79990000008/r });
	$t->wait_state($answer->[1]->{id}, 'accepted');
	is($c->get($me{app}, "/api/message?id=$id")->[1]->{events}->[-1]->{related}, $answer->[1]->{id}, 'the old one names the copy');
	is($c->act($me{app}, '/api/nothing', {})->[0], 404, 'there are no other acts');
	is($c->act($me{app}, '/api/cancel', { filter => {} })->[0], 400, 'an empty filter is an error');
	is($c->act($me{app}, '/api/resume', { server => 'none' })->[0], 400, 'as is a server that is none');
};

subtest 'numbers' => sub {
	$t->sql("SELECT setval('msgext.outbox_id_seq', 9007199254740993)");
	my $id = as('app', 'SELECT ' . Msgext::send_sql(phone => 79990000006));

	cmp_ok($id, '>', 9007199254740992, 'an id that no double holds');
	like($c->send('GET', "/api/messages?id=$id", headers => [ Msgext::Console::head_of($me{app}) ])->[1], qr/"id": ?"$id"/, 'is a text');
	$t->wait_state($id, 'accepted');
	is($c->act($me{app}, '/api/cancel', ids($id))->[0], 200, 'and may be one in a filter');
};

subtest 'who keeps others waiting' => sub {
	my @idle = map { $c->connect } 1 .. 20;
	my $slow = $c->connect;
	my $lock = $node->background_psql('postgres');

	$c->write($slow, "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
	is($c->get($me{app}, '/api/me')->[0], 200, 'who is slow, or says nothing, holds up nobody');
	$lock->query_safe('BEGIN; LOCK TABLE msgext.outbox');
	is($c->get($me{app}, '/api/messages')->[0], 503, 'who has a lock holds up a request for a moment');
	is($c->send('GET', '/')->[0], 200, 'and what needs nothing of it not at all');
	subtest 'many at once' => sub {
		my @asked = map { $c->connect } 1 .. 12;
		my $asking = "SELECT count(*) = 1 FROM pg_stat_activity WHERE query = '/api/messages' AND state = 'active'";

		$c->write($_, "GET /api/messages HTTP/1.1\r\nHost: localhost\r\n" . join('', map { "$_\r\n" } Msgext::Console::head_of($me{app})) . "\r\n")
		  for @asked;
		ok($t->wait_sql($asking), 'who asks for many slow things at once');
		is($c->get($me{other}, '/api/templates')->[0], 200, 'holds up another one');
		ok($t->wait_sql($asking), 'for one of them, and the others still wait');
	};
	$lock->query_safe('ROLLBACK');
	$lock->quit;
	is($c->get($me{app}, '/api/messages')->[0], 200, 'it goes on');
	ok($t->wait_sql("SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'msgext console' AND xact_start IS NOT NULL"),
		'no transaction is left open');
};

subtest 'the end' => sub {
	my $session = $c->sign_in('app');
	my $pid = $c->pid;

	is($c->act($session, '/api/end', {})->[0], 200, 'a session is ended');
	is($c->get($session, '/api/me')->[0], 401, 'and is none any more');
	is($c->get($me{app}, '/api/me')->[0], 200, 'another of the role goes on');
	like(as('other', "SELECT msgext.close_console('app')"), qr/42501/, 'nobody ends somebody else\'s');
	is(as('app', 'SELECT msgext.close_console()'), 1, 'his own he does');
	is($c->get($me{app}, '/api/me')->[0], 401, 'all of them');
	$t->sql("UPDATE msgext.console_session SET ends_at = now() WHERE role_oid = 'operator'::regrole");
	is($c->get($me{operator}, '/api/me')->[0], 401, 'time ends one');
	$t->sql('DROP OWNED BY looker; DROP ROLE looker');
	is($c->get($me{looker}, '/api/me')->[0], 401, 'and DROP ROLE');
	$c->set(console_url => 'https://console.example');
	ok($c->wait($pid), 'a setting counts at once');
	is($c->send('GET', '/', host => 'console.example')->[0], 200, 'it has another name');
	like(($c->link('anna', 'SET ROLE support; '))[0], qr/^https:\/\/console\.example\/#/, 'which links have');
	like($c->exchange(($c->link('anna', 'SET ROLE support; '))[1], host => 'console.example',
			headers => ['Origin: https://console.example'])->[2], qr/; Secure\r$/m, 'and its cookie is for TLS alone');
	$c->set(console_port => undef);
	ok($c->wait_closed, 'without a port there is none');
	unlike($t->log, qr/TRAP|PANIC|segfault|still has refcount/, 'nothing is wrong in the log');
};

done_testing();
