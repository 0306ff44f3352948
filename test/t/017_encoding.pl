# Databases whose encoding is not UTF-8: what goes to the provider is UTF-8 all the same, and
# what it says can be read.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Encode ();
use Msgext qw(until_true quote);
use Msgext::Listener;
use PostgreSQL::Test::Utils;
use Test::More;

# This file and what psql says are bytes of UTF-8.
$ENV{PGCLIENTENCODING} = 'UTF8';

my $login = 'Отправитель';
my $password = 'Пароль-ключ';
my $subject = 'Служба 42';
my $token = 'Секрет-обратных-вызовов';
my $server = 'рассылка';
my $t = Msgext->new('encoding', server => 0,
	conf => "max_worker_processes = 16\n",
	simulator => [ '--devino-login', $login, '--devino-password', $password ]);
my $sim = $t->sim;
my $phone = 79990000000;

# Every encoding of a server that has Cyrillic letters, and how Perl calls it; the last one has
# them in more than a byte each.
my %encodings = (
	WIN1251 => 'cp1251',
	KOI8R => 'koi8-r',
	KOI8U => 'koi8-u',
	ISO_8859_5 => 'iso-8859-5',
	WIN866 => 'cp866',
	EUC_JP => 'euc-jp',
	UTF8 => 'utf-8',
	SQL_ASCII => 'utf-8');

# A text as such a database can hold it.
sub held
{
	my ($encoding, $text) = @_;
	my $name = $encodings{$encoding};

	return $text if $name eq 'utf-8';
	return Encode::encode('UTF-8',
		Encode::decode($name, Encode::encode($name, Encode::decode('UTF-8', $text), sub { '?' })));
}

sub percent
{
	my ($text) = @_;

	return join('', map { sprintf('%%%02X', $_) } unpack('C*', $text));
}

sub send_to
{
	my ($database, $text, %args) = @_;
	my $block = qq({"subject":"$subject","priority":"high","routes":["vk"],"validityPeriod":180,)
	  . qq("phone":"$args{phone}","templateId":1,"templateData":{"имя":"$text","fate":"sent\@86400000"}});

	return $t->sql('SELECT msgext.send_vk(' . quote($server) . ', ' . quote($block)
		  . '::jsonb, operation_id => ' . quote("заказ $args{phone}") . ')', $database);
}

for my $encoding (sort keys %encodings)
{
	subtest $encoding => sub {
		my $database = lc $encoding;
		my ($id, $row, $body, $listener);

		$t->sql("CREATE DATABASE $database ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
		$t->sql('CREATE EXTENSION msgext', $database);
		$t->add_server(qq("$server"), database => $database, status_poll => 'off',
			mapping => { login => $login, password => $password, callback_token => $token });

		# Out.
		$id = send_to($database, 'Съешь ещё этих булок', phone => ++$phone);
		$row = $t->wait_state($id, 'accepted', 'the credentials are what the provider knows', $database);
		($body) = grep { /"to":"$phone"/ } split /\n/, $sim->ledger_text;
		like($body, qr/"имя":\s*"Съешь ещё этих булок"/, 'the text arrives');
		like($body, qr/"subject":\s*"\Q$subject\E"/, 'and the name of the sender');
		is($t->sql('SELECT server FROM msgext.message', $database), $server, 'the server has its name');

		# In: what the encoding lacks costs no other letter.
		$sim->script("devino send match " . ($phone + 1) . ' next 1 code validation_error Ошибка № 7 — 漢字 и ещё');
		$id = send_to($database, 'x', phone => ++$phone);
		$t->wait_state($id, 'rejected', 'a refusal', $database);
		is($t->status($id, 'error', $database), held($encoding, 'Ошибка № 7 — 漢字 и ещё'), 'says why');
		is( $t->sql("SELECT error FROM msgext.message_event WHERE message_id = $id AND kind = 'answer'", $database),
			held($encoding, 'Ошибка № 7 — 漢字 и ещё'), 'also in the timeline');
		ok( $t->wait_sql("SELECT last_error FROM msgext.server_status", held($encoding, 'Ошибка № 7 — 漢字 и ещё'), $database),
			'and of the server');

		# Reports: by a web tier, and by the listener, whose address has the names in it.
		$t->sql("SELECT msgext.receive_callback(" . quote($server) . ", convert_to('[{\"messageId\":$row->{provider_id},"
			  . "\"status\":\"FAILED\",\"error\":\"Абонент отказался\",\"receivedAt\":\"2026-01-01 12:00:00\"}]', 'UTF8'))", $database);
		is($t->status($row->{id}, "detail->'channels'->'vk'->>'error'", $database), 'Абонент отказался', 'a report says why');
		$listener = Msgext::Listener->new($t, database => $database, servers => [qq("$server")]);
		ok( until_true(
				sub {
					my $answer = $listener->post('/' . percent($server) . '/' . percent($token),
						qq([{"messageId":$row->{provider_id},"status":"DELIVERED","receivedAt":"2026-01-01 12:00:01"}]));
					return defined $answer && $answer->[0] == 200;
				}),
			'the listener knows the name and the token');
		is($t->state($row->{id}, $database), 'delivered', 'and takes a report');

		# Said by us.
		$t->sql('SELECT msgext.pause_server(' . quote($server) . ", 'Ремонт')", $database);
		$id = send_to($database, 'x', phone => ++$phone);
		is($t->status($id, "detail->'waiting'->>'for'", $database), 'server is paused: Ремонт', 'a reason to wait');
		$t->sql("SELECT msgext.cancel_message($id, 'Причина')", $database);
		is($t->sql("SELECT reason FROM msgext.message_event WHERE message_id = $id AND kind = 'cancelled'", $database), 'Причина', 'a reason to cancel');
		$id = $t->sql('SELECT msgext.send_vk(' . quote($server) . qq{, '{"поле": 1}', on_invalid => 'record')}, $database);
		is($t->sql("SELECT string_agg(DISTINCT error, '; ') FROM (SELECT error FROM msgext.message WHERE id = $id"
			  . " UNION ALL SELECT error FROM msgext.message_event WHERE message_id = $id) e", $database),
			'vk.поле is not a member of this block', 'why a payload is not valid');
		$t->sql(qq(ALTER SERVER "$server" OPTIONS (SET rate_limit '1/day')), $database);
		$t->sql('SELECT msgext.resume_server(' . quote($server) . ')', $database);
		send_to($database, 'x', phone => ++$phone) for 1 .. 3;
		ok( $t->wait_sql("SELECT DISTINCT waiting FROM msgext.message WHERE waiting IS NOT NULL", "rate_limit of $subject", $database),
			'a limit is that of a sender');
		$t->sql(qq(DROP USER MAPPING FOR PUBLIC SERVER "$server"; ALTER SERVER "$server" OPTIONS (SET rate_limit 'off')), $database);
		like($t->error('SELECT msgext.send_vk(' . quote($server) . ", '{}')", $database),
			qr/user mapping not found for ".*", server "\Q$server\E"/, 'an error names the server');
		unlike($t->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
		$t->sql("DROP DATABASE $database WITH (FORCE)");
	};
}

# A byte that is no letter, of all that can be written to a table.
subtest 'what UTF-8 does not have' => sub {
	my $mapping = "CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password %s)";
	my $error;

	$t->sql("CREATE DATABASE odd ENCODING 'WIN1251' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	$t->sql('CREATE EXTENSION msgext; CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url '
		  . quote($sim->url) . ')', 'odd');
	$error = $t->error(sprintf($mapping, q(E'hidden\\x98')), 'odd');
	like($error, qr/22023: invalid value for option "password"/, 'is no password');
	unlike($error, qr/hidden|0x98/, 'and is not repeated');
	$t->sql("DROP DATABASE odd WITH (FORCE)");
};

$t->node->stop;
done_testing();
