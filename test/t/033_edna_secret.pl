# edna's login and password travel in every packet: they must be written into XML rightly,
# and be found nowhere afterwards.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MIME::Base64;
use Msgext qw(until_true quote);
use Msgext::Edna;
use Test::More;

# Bytes. Every way to write it ends alike, so that no spelling escapes the search.
my $login = 'ser&vice<1>';
my $password = "p&ss<\"w\xc3\xb6rd'>]]>-tail7731";
my $wrong = 'not&the-tail7731';
my $needle = 'tail7731';

# As XML writers put it.
(my $escaped = $password) =~ s/&/&amp;/g;
$escaped =~ s/</&lt;/g;
$escaped =~ s/>/&gt;/g;
(my $timid = $escaped) =~ s/"/&quot;/g;
$timid =~ s/'/&apos;/g;
(my $numeric = $timid) =~ s/\xc3\xb6/&#246;/;
(my $cdata = "<![CDATA[$password]]>") =~ s/\]\]>-/]]]]><![CDATA[>-/;

my $t = Msgext::Edna->new('edna_secret',
	conf => "log_min_messages = debug1\nlog_error_verbosity = verbose\n",
	simulator => [ '--edna-login', $login, '--edna-password', $password ],
	options => {
		mapping => { login => $login, password => $password }
	});
my $sim = $t->sim;

sub is_clean
{
	my ($text, $name) = @_;
	my $at = index($text, $needle);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($at, -1, $name)
	  or diag(substr($text, $at > 200 ? $at - 200 : 0, 400));
	return;
}

# Every row of every table and view, bytes as characters.
sub all_tables
{
	my @tables = split /\n/,
	  $t->sql("SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'msgext'::regnamespace"
		  . " AND relkind IN ('r', 'v')");

	return $t->sql("SET bytea_output = 'escape';" . join('', map { "SELECT '$_'; SELECT r FROM $_ AS r;" } @tables));
}

subtest 'the search finds what is there' => sub {
	$t->sql("CREATE TABLE msgext.probe AS SELECT decode('" . encode_base64("\x00$escaped", '') . "', 'base64') AS b");
	cmp_ok(index(all_tables(), $needle), '>', 0, 'in a table, as bytes');
	$t->sql('DROP TABLE msgext.probe');
	is_clean(all_tables(), 'without it there is none');
};

$t->wait_state($t->post(fate => 'sent@1,delivered@1'), 'delivered', 'login and password arrive as they are');
is($sim->summary->{unauthorized}, 0, 'none was refused');

subtest 'echoes' => sub {
	my @echoes = (
		"<html><body>login $login, password $password</body></html>",
		"<header><auth><login>x</login><password>$escaped</password></auth></header>",
		"<consumeOutMessageResponse><header/><payload><code>$escaped</code></payload></consumeOutMessageResponse>",
		"<consumeOutMessageResponse><header/><payload><code>error-x $timid</code></payload></consumeOutMessageResponse>",
		"<consumeOutMessageResponse><header><password>$numeric</password></header><payload><code>ok</code></payload></consumeOutMessageResponse>",
		"<consumeOutMessageResponse><header/><payload><code>error-auth $cdata</code></payload></consumeOutMessageResponse>",
		"\x01\x02$password\xff");
	my @ids;

	for my $status (200, 302, 400, 403, 500, 503)
	{
		for my $echo (@echoes)
		{
			my $address = $t->new_phone;

			$sim->script("edna send match $address next 1 status $status body $echo");
			push @ids, $t->post(address => $address, fate => 'sent@1,delivered@1');
			until_true(sub { $t->server("paused OR paused_accounts <> '{}'", 'sms') eq 't'
				  || $t->sql("SELECT count(*) FROM msgext.event WHERE message_id = $ids[-1] AND kind = 'answer'") > 0 });
			is_clean(all_tables(), "$status: not in a table") if $status == 403;
			$t->sql("SELECT msgext.resume_server('sms')");
		}
	}
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state NOT IN ('delivered', 'rejected')", 0), 'all have an end');
	is_clean(all_tables(), 'nothing of it is in a table');
	is_clean($t->sql("SELECT s::text FROM msgext.message m, msgext.message_status(m.id) AS s"), 'nor in message_status');
};

subtest 'refused' => sub {
	$t->add_sms('wrong', mapping => { login => $login, password => $wrong });
	my $address = $t->new_phone;

	(my $echo = $wrong) =~ s/&/&amp;/;
	$sim->script("edna send match $address next 1 status 200 body <consumeOutMessageResponse><header/><payload>"
		  . "<code>error-auth</code><password>$echo</password></payload></consumeOutMessageResponse>");
	my $id = $t->post(server => 'wrong', address => $address);

	$t->wait_refused('wrong', 'a wrong password pauses the account');
	is($t->state($id), 'queued', 'the message waits');
	is($t->outbox($id, 'failures'), 0, 'no attempt is used up');
	is_clean(all_tables(), 'the password is in no table');
	$t->sql("SELECT msgext.resume_server('wrong')");
	ok(until_true(sub { $sim->summary->{unauthorized} == 1 }), 'the simulator has seen it itself');
	$t->wait_refused('wrong', 'again');
	$t->sql('ALTER USER MAPPING FOR PUBLIC SERVER wrong OPTIONS (SET password ' . quote($password) . ')');
	$t->sql("SELECT msgext.resume_server('wrong')");
	$t->wait_state($id, 'delivered', 'with the right one it goes');
};

my $log = $t->log;

cmp_ok(length $log, '>', 5000, 'there is a log to search');
like($log, qr/was paused/, 'with messages of ours');
is_clean($log, 'no secret is in it');
is_clean($sim->ledger_text, 'nor in the ledger');
unlike($log, qr/(?:PANIC|TRAP):|signal 11/, 'nothing crashed');

done_testing();
