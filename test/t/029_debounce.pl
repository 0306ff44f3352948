# A debounced message that is on its way when another one comes: should its endpoint turn it
# away, it does not come after that.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Socket::INET;
use Msgext qw(until_true);
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
my $listen = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "could not listen: $!";
my $port = $listen->sockport;

# The endpoint: writes down what comes. Word "slow" is answered with 503 when it is told to.
sub answer
{
	my ($from) = @_;
	my ($len, $body) = (0, '');

	while (defined(my $line = <$from>))
	{
		$len = $1 if $line =~ /^content-length: *(\d+)/i;
		last if $line =~ /^\r?\n$/;
	}
	read $from, $body, $len;
	my ($word) = $body =~ /"word": ?"(\w+)"/;
	my $slow = $word eq 'slow' && !-e "$folder/turned";

	append_to_file("$folder/came", "$word\n");
	until_true(sub { -e "$folder/go" }) if $slow;
	append_to_file("$folder/turned", 'x') if $slow;
	print $from 'HTTP/1.1 ', $slow ? '503 Busy' : '200 OK', "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	close $from;
	return;
}

my $endpoint = fork() // die "could not fork: $!";

if ($endpoint == 0)
{
	# Each by a process of its own: who is slow holds up nobody.
	local $SIG{CHLD} = 'IGNORE';

	while (my $from = $listen->accept)
	{
		next if fork() // die "could not fork: $!";
		answer($from);
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

sub came { return -e "$folder/came" ? slurp_file("$folder/came") =~ s/\n/ /gr : '' }

my $t = Msgext->new('debounce', server => 0);

$t->sql(<<SQL);
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:$port/', retry_min_delay '1 s',
    retry_max_delay '1 s', timeout '5 min');
CREATE USER MAPPING FOR PUBLIC SERVER hook;
CREATE TABLE word (id text, word text);
SELECT msgext.create_template('word', 'hook', '{"type": "word", "data": {"word": "{{new.word}}"}}',
    operation_id => '{{new.id}}', debounce => '100 ms');
CREATE TRIGGER word AFTER INSERT OR UPDATE ON word FOR EACH ROW EXECUTE FUNCTION msgext.notify('word');
INSERT INTO word VALUES ('one', 'slow');
SQL

my $first = $t->sql('SELECT max(id) FROM msgext.message');
ok(until_true(sub { came() eq 'slow ' }), 'a message is on its way');
$t->sql("UPDATE word SET word = 'next'");
my $next = $t->sql('SELECT max(id) FROM msgext.message');
ok($t->wait_sql("SELECT state FROM msgext.message WHERE id = $next", 'delivered'), 'another one comes, and is sent');
append_to_file("$folder/go", 'x');
ok($t->wait_sql("SELECT state FROM msgext.message WHERE id = $first", 'cancelled'), 'turned away, the first one ends');
is($t->sql("SELECT string_agg(kind, ' ' ORDER BY at, id) FROM msgext.message_event WHERE message_id = $first"),
	'queued replaced answer cancelled', 'as is told');
is(came(), 'slow next ', 'and was not sent again');

# Nor does what a person has queued again, here by hand, end so.
$t->sql("SELECT msgext.pause_server('hook')");
$t->sql("UPDATE msgext.outbox SET state = 'failed', problem = 'failed', tried_at = now() WHERE id = $first");
is($t->sql("SELECT msgext.retry_message($first)"), 't', 'queued again by a person');
$t->sql("UPDATE msgext.outbox SET tried_at = now() WHERE id = $first; SELECT msgext.resume_server('hook')");
ok($t->wait_sql("SELECT state FROM msgext.message WHERE id = $first", 'delivered'), 'it is sent, whatever came meanwhile');
is(came(), 'slow next slow ', 'each as often as it should');

# Without a key there is none that could have taken its place.
unlink "$folder/came", "$folder/go", "$folder/turned";
$t->sql("INSERT INTO word VALUES (NULL, 'slow')");
$first = $t->sql('SELECT max(id) FROM msgext.message');
ok(until_true(sub { came() eq 'slow ' }), 'one without a key is on its way');
append_to_file("$folder/go", 'x');
ok($t->wait_sql("SELECT state FROM msgext.message WHERE id = $first", 'delivered'), 'turned away, it is sent again');
is(came(), 'slow slow ', 'once');

kill 'KILL', $endpoint;
waitpid $endpoint, 0;
unlike($t->log, qr/PANIC:|TRAP:|signal 11/, 'nothing crashed');
$t->node->stop;
done_testing();
