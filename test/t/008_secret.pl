# Where credentials must not be found: after every kind of failure, also with a provider
# that echoes them, neither log nor table nor error text holds a password.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MIME::Base64;
use Msgext qw(until_true quote);
use PostgreSQL::Test::Utils;
use Test::More;

# Bytes. Every way to write it ends alike, so that no spelling escapes the search.
my $password = "p/ss\"w\xc3\xb6rd-tail7731";
my $wrong = 'not-the-tail7731';
my $basic = encode_base64("service:$password", '');
my $wrong_basic = encode_base64("service:$wrong", '');
my @needles = ('tail7731', $basic, $wrong_basic, encode_base64($password, ''),
	encode_base64($wrong, ''));

# As a JSON writer puts it: as little as must be, or all that may be.
(my $json = $password) =~ s/"/\\"/g;
(my $timid = $json) =~ s{/}{\\/}g;
$timid =~ s/\xc3\xb6/\\u00f6/g;
(my $timid_basic = $basic) =~ s{/}{\\/}g;

my $t = Msgext->new('secret',
	conf => "log_min_messages = debug1\nlog_error_verbosity = verbose\nmsgext.max_response_size = 1MB\n",
	simulator => [ '--devino-login', 'service', '--devino-password', $password ],
	options => {
		mapping => { login => 'service', password => $password }
	});
my $sim = $t->sim;

sub found
{
	my ($text) = @_;

	return grep { index($text, $_) >= 0 } @needles;
}

sub is_clean
{
	my ($text, $name) = @_;
	my @found = found($text);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar @found, 0, $name)
	  or diag(map { my $at = index($text, $_); substr($text, $at > 200 ? $at - 200 : 0, 400) . "\n" } @found);
	return;
}

# Every row of every table and view, bytes as characters.
sub all_tables
{
	my @tables = split /\n/,
	  $t->sql("SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'msgext'::regnamespace"
		  . " AND relkind IN ('r', 'v')");
	my $rows =
	  $t->sql("SET bytea_output = 'escape';" . join('', map { "SELECT '$_'; SELECT r FROM $_ AS r;" } @tables));

	# Text output of a row doubles quotes and backslashes; bytes are in octal.
	$rows =~ s/\\+(\d{3})/chr(oct $1)/ge;
	$rows =~ s/""/"/g;
	$rows =~ s/\\+/\\/g;
	return $rows;
}

subtest 'the search finds what is there' => sub {
	is(scalar found("x $password x"), 1, 'a password');
	is(scalar found("Authorization: Basic $basic"), 1, 'a header');
	is(scalar found($_), 1, 'a spelling') for $json, $timid;
	$t->sql('CREATE TABLE msgext.probe AS SELECT ' . quote("x$password") . " AS a, decode('"
		  . encode_base64("\x00\xff$basic", '') . "', 'base64') AS b");
	is(scalar(found(all_tables())), 2, 'also in a table, as text and as bytes');
	$t->sql('DROP TABLE msgext.probe');
	is_clean(all_tables(), 'without it there is none');
};

$t->wait_state($t->send(fate => 'sent@1,delivered@1'), 'delivered', 'the password is the right one');

subtest 'echoes' => sub {
	my @echoes = (
		"Authorization: Basic $basic",
		"<html><body>login service, password $password</body></html>",
		qq({"code":"$basic","description":"$json"}),
		qq({"Code":"no","Description":"Basic $basic of service:$json"}),
		qq({"error":"$timid","message":"Authorization: Basic $timid_basic"}),
		qq({"code":"ok","result":{"code":"$json","description":"$basic"}}),
		qq({"code":"ok","result":{"code":"ok","messageId":"$json"}}),
		qq([{"x":"$basic"}]),
		"\x01\x02$password\xff$basic");
	my @ids;

	for my $status (200, 302, 400, 403, 429, 500, 503)
	{
		for my $echo (@echoes)
		{
			my $phone = $t->new_phone;

			$sim->script("devino send match $phone next 1 status $status body $echo");
			push @ids, $t->send(phone => $phone, fate => 'sent@1,delivered@1');

			# 403 pauses: show the reason while it is there.
			next unless $status == 403;
			until_true(sub { $t->server('paused') eq 't' || $t->state($ids[-1]) !~ /^(?:queued|sending)$/ });
			is_clean(all_tables(), 'paused with such a reason');
			$t->sql("SELECT msgext.resume_server('vk')");
		}
	}
	ok( $t->wait_sql("SELECT count(*) FROM msgext.message WHERE state NOT IN ('delivered', 'rejected', 'unknown')", 0),
		'all have an outcome');
	cmp_ok($t->sql("SELECT count(DISTINCT state) FROM msgext.message"), '>=', 3, 'of every kind');
	cmp_ok($t->sql("SELECT count(*) FROM msgext.event WHERE encode(answer, 'escape') LIKE '%****%'"), '>=', 40,
		'what was echoed is masked in the raw answers');
	is_clean(all_tables(), 'nothing of it is in a table');
	is_clean($t->sql("SELECT s::text FROM msgext.message m, msgext.message_status(m.id) AS s"), 'nor in message_status');
	$t->sql("SELECT msgext.retry_message(id) FROM msgext.message WHERE state IN ('unknown', 'rejected')");
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state <> 'delivered'", 0), 'sent again, all arrive');
};

subtest 'echoes in status answers' => sub {
	my $id = $t->send(fate => 'sent@86400000');

	$t->wait_state($id, 'accepted|sent');
	my $queries = $sim->summary->{faults};
	$sim->script(
		"devino status next 1 status 500 body $password",
		"devino status next 1 status 400 body Basic $basic",
		qq(devino status next 1 status 200 body {"code":"system_error","description":"$json"}),
		qq(devino status next 1 status 200 body {"code":"ok","result":{"providerId":1,"status":"$timid","error":"$json","statusAt":"$basic"}}),
		qq(devino status next 1 status 200 body {"code":"ok","result":{"providerId":1,"status":"sent","viberStatus":{"status":"$json","code":"$basic"}}}));
	ok(until_true(sub { $sim->summary->{faults} >= $queries + 5 }), 'all of them were asked');
	$sim->script(qq(devino status next 1 status 403 body {"error":"$json"}));
	ok($t->wait_sql("SELECT paused FROM msgext.server_status WHERE server = 'vk'"), 'and one that pauses');
	is_clean(all_tables(), 'nothing of it is in a table');
	$t->sql("SELECT msgext.resume_server('vk')");
};

subtest 'failures on the way' => sub {
	my @actions = ('drop-after', 'drop-before', 'reset-mid-body', 'hang', 'garbage 200', 'huge 2', 'empty');
	my @ids;

	$t->set_option('vk', timeout => '2 s');
	for my $action (@actions)
	{
		my $phone = $t->new_phone;

		$sim->script("devino send match $phone next 1 $action");
		push @ids, $t->send(phone => $phone);
	}
	$t->wait_state($_, 'unknown') for @ids;
	$t->set_option('vk', timeout => $Msgext::fast{timeout});

	my $absent = Msgext::Simulator->new;
	$t->add_server('absent', url => $absent->url, mapping => { login => 'service', password => $password });
	$absent->stop;
	my $id = $t->send(server => 'absent');
	ok($t->wait_sql("SELECT attempts > 1 FROM msgext.message WHERE id = $id"), 'a closed port');
	$t->add_server('wrong', mapping => { login => 'service', password => $wrong });
	$id = $t->send(server => 'wrong');
	$t->wait_refused('wrong', 'a wrong password');
	$t->add_server('login', mapping => { login => 'service' });
	$id = $t->send(server => 'login');
	ok($t->wait_sql("SELECT error IS NOT NULL OR (detail -> 'waiting') IS NOT NULL FROM msgext.message_status($id)"),
		'no password at all');
	is_clean(all_tables(), 'nothing of it is in a table');
	is_clean($t->sql("SELECT a::text FROM pg_stat_activity AS a WHERE pid <> pg_backend_pid()"), 'nor in pg_stat_activity');
};

subtest 'complaints' => sub {
	my $quoted = quote($password);
	my @statements = (
		"CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'a', passwort $quoted)",
		"CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'a:b$wrong', password $quoted)",
		"CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'a', password E'$wrong\\n')",
		"ALTER SERVER vk OPTIONS (ADD password $quoted)",
		"ALTER SERVER vk OPTIONS (SET timeout $quoted)",
		"ALTER SERVER vk OPTIONS (SET url 'http://service:$wrong\@127.0.0.1/')",
		"ALTER SERVER vk OPTIONS (ADD proxy 'http://service:$wrong\@127.0.0.1/')",
		"ALTER SERVER vk OPTIONS (ADD http_version $quoted)",
		"ALTER SERVER vk OPTIONS (SET rate_limit $quoted)",
		"CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (password_file '$wrong')");

	for my $statement (@statements)
	{
		# The server logs the statement of an error: that is not ours to prevent.
		my $error = $t->error("SET log_min_error_statement = panic; SET client_min_messages = error; $statement");

		(my $shown = $statement) =~ s/'.*//s;
		like($error, qr/HV00D|22023/, "$shown: refused");
		is_clean($error, 'without repeating the value');
	}
};

# A message to server "filed" that the condition becomes true for. Those that are posted
# before the worker has heard of a reload are just sent.
sub post_until
{
	my ($condition, $name) = @_;
	my ($id, $true);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	until_true(
		sub {
			$id = $t->send(server => 'filed');
			until_true(sub { $true = $t->sql("SELECT $condition FROM msgext.message_status($id)") eq 't'; return $true || $t->state($id) eq 'accepted' });
			return $true;
		});
	ok($true, $name);
	return $id;
}

subtest 'files' => sub {
	my $file = "$PostgreSQL::Test::Utils::tmp_check/secret";
	my $write = sub { open my $out, '>', $file or die $!; print $out $_[0]; close $out; return };
	my $id;

	$write->("$password\n");
	$t->add_server('filed', mapping => { login => 'service', password_file => $file }, status_poll => 'off');
	$t->wait_state($t->send(server => 'filed'), 'accepted', 'password_file is used, without its line end');

	$write->("$wrong\n");
	$t->node->reload;
	$id = post_until("(SELECT paused_accounts <> '{}' FROM msgext.server_status WHERE server = 'filed')", 'a reload reads it again');
	$write->($password);
	$t->sql("SELECT msgext.resume_server('filed')");
	$t->wait_state($id, 'accepted', 'so does resume_server');

	unlink $file;
	$t->node->reload;
	$id = post_until("coalesce(detail -> 'waiting' ->> 'for' = 'credentials', false)", 'without its file a message waits');
	like($t->status($id, 'error'), qr/could not read the file of option "password_file"/, 'and says so');

	# It can be opened, and not be read.
	mkdir $file;
	$t->node->reload;
	post_until("coalesce(error ~ 'file of option \"password_file\": Is a directory', false)", 'nor is a folder an empty password');
	rmdir $file;

	$t->sql('CREATE ROLE owner LOGIN; GRANT USAGE ON FOREIGN DATA WRAPPER msgext_devino TO owner');
	$t->sql('SET ROLE owner; CREATE SERVER own FOREIGN DATA WRAPPER msgext_devino OPTIONS (url ' . quote($sim->url) . ')');
	like($t->error("SET ROLE owner; CREATE USER MAPPING FOR owner SERVER own OPTIONS (login 'a', password_file '$file')"),
		qr/42501.*permission denied to set option "password_file"/s, 'only superusers may name files');
	like($t->error("SET ROLE owner; CREATE USER MAPPING FOR owner SERVER own OPTIONS (login 'a', callback_token_file '$file')"),
		qr/42501/, 'any of them');
	$t->sql("CREATE USER MAPPING FOR owner SERVER own OPTIONS (login 'a', password_file '$file')");
	like($t->error("SET ROLE owner; ALTER USER MAPPING FOR owner SERVER own OPTIONS (SET password_file '/etc/passwd')"),
		qr/42501/, 'nor change them');
	is_clean(all_tables(), 'nothing of it is in a table');
};

my $log = $t->log;

cmp_ok(length $log, '>', 10000, 'there is a log to search');
like($log, qr/was paused/, 'with messages of ours');
is_clean($log, 'no secret is in it');
unlike($log, qr/(?:PANIC|TRAP):|signal 11/, 'nothing crashed');

done_testing();
