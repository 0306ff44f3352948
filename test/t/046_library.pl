# A provider in a library of its own: built against what is installed, loaded in every way that
# there is, and missing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd ();
use File::Copy qw(copy);
use Msgext;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = "$FindBin::RealBin/../modules/msgext_example";
my $dir = PostgreSQL::Test::Utils::tempdir('library');

# Builds the example in a folder of its own; returns the library's path, without .so.
sub build
{
	my ($name, $change) = @_;
	my $here = Cwd::getcwd();

	mkdir "$dir/$name" or die "$dir/$name: $!";
	copy($_, "$dir/$name") or die "$_: $!" for glob "$source/*";
	if (defined $change)
	{
		my $code = slurp_file("$dir/$name/msgext_example.c");

		$code = $change->($code);
		open my $file, '>', "$dir/$name/msgext_example.c" or die "$dir/$name: $!";
		print $file $code;
		close $file;
	}
	delete local @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
	chdir "$dir/$name" or die "$dir/$name: $!";
	ok(!system('make -s PG_CONFIG=pg_config > make.log 2>&1'), "$name is built") or die(slurp_file('make.log'));
	chdir $here or die "$here: $!";
	return "$dir/$name/msgext_example";
}

my $library = build('example');
my $newer = build('newer', sub { $_[0] =~ s/= MSG_PROVIDER_ABI,/= MSG_PROVIDER_ABI + 1,/r });
my $twin = build('twin', sub { $_[0] =~ s/\.name = "example"/.name = "webhook"/r });
my $t = Msgext->new('library', server => 0);
my $node = $t->node;
my $script = slurp_file("$source/msgext_example--1.0.sql") =~ s/\@extschema\@/msgext_example/gr;
my $post = q(SELECT msgext.post_message('api', '{"to": "ann", "text": "Hello"}') AS id);
my $status = "SELECT detail->'waiting'->>'for' FROM msgext.message_status(%d)";

# What this session loads is no other's.
my $id = $t->sql("LOAD '$library'; CREATE SCHEMA msgext_example; $script"
	  . "CREATE SERVER api FOREIGN DATA WRAPPER msgext_example OPTIONS (url '" . $t->sim->url('webhook/in') . "');"
	  . "CREATE USER MAPPING FOR PUBLIC SERVER api OPTIONS (token 'a-token-of-the-api'); $post");

like($id, qr/\A\d+\z/, 'a session that has loaded it queues a message');
like($t->error("LOAD '$library'; SELECT msgext.post_message('api', '{\"to\": 1}')"), qr/22023.*bad_recipient/s,
	'and is told of a bad one');
like($t->error("LOAD '$library'; ALTER SERVER api OPTIONS (ADD tokn 'x')"), qr/tokn/, 'its options are checked');
like($t->error($post), qr/55000: provider "example" of server "api" is not loaded.*HINT:.*shared_preload_libraries/s,
	'another session is told what is missing');
like($t->error("ALTER SERVER api OPTIONS (ADD timeout '1 s')"), qr/55000: .*no provider that is loaded/,
	'also when it changes an option');
ok($t->wait_sql(sprintf($status, $id), 'provider "example" is not loaded'), 'the message waits, and says for what');
ok(Msgext::until_true(sub { $t->log =~ /messages of server "api" wait: its provider "example" is not loaded/ }),
	'and so does the log');
is($t->sql("SELECT state FROM msgext.message WHERE id = $id"), 'queued', 'it stays queued');

# Who watches sees the server all the same, and why nothing goes; its owner and its users too.
my $see = "SELECT provider, paused, pause_reason, queued FROM msgext.server_status WHERE server = 'api'";
my $paused = q(SELECT m[1] FROM regexp_matches(msgext.metrics(), 'msgext_paused\{server="api"\} (\d)') m);
is($t->sql($see), 'example|t|provider "example" is not loaded|1', 'server_status says so too');
is($t->sql($paused), 1, '… and the metrics');
is($t->sql(q(SELECT strpos(msgext.metrics(), 'msgext_server_info{server="api",provider="example"} 1') > 0)), 't', '… which name it');
is($t->sql("SELECT count(*) FROM msgext.pg_stat_msgext WHERE server = 'api'"), 1, '… and pg_stat_msgext');
is($t->sql("CREATE ROLE stranger; SET ROLE stranger; $see"), '', 'a stranger sees nothing of it');
is($t->sql("GRANT USAGE ON FOREIGN SERVER api TO stranger; SET ROLE stranger; $see"),
	'example|t|provider "example" is not loaded|1', 'who may send through it does');
is($t->sql("LOAD '$library'; $see"), 'example|t|provider "example" is not loaded by the worker|1',
	'a session that has loaded it learns that the worker has not');
is($t->sql("LOAD '$library'; " . sprintf($status, $id)), 'provider "example" is not loaded by the worker', '… of a message too');
$node->safe_psql('postgres', "LOAD '$library'; CALL msgext.dispatch('1 hour')");
pass('… and dispatch() waits for nothing that the worker cannot do');
like($t->error("LOAD '$newer'"), qr/55000: provider "example" was built for another version.*MSG_PROVIDER_ABI is \d+/s,
	'one that was built for another version is refused');
like($t->error("LOAD '$twin'"), qr/provider "webhook" cannot be registered/, 'and one by the name of another');

# In shared_preload_libraries, in whichever order, the worker has it too.
$node->append_conf('postgresql.conf', "shared_preload_libraries = '$library, msgext'\n");
$node->restart;
$t->wait_state($id, 'delivered', 'preloaded, it sends what has waited');
$id = $t->sql($post);
$t->wait_state($id, 'delivered', 'and what is new');
is($t->sql("SELECT paused FROM msgext.server_status WHERE server = 'api'"), 'f', 'nothing holds it up any more');
is($t->sql("SELECT status, headers->>'content-type' FROM msgext.response($id)"), '200|application/json',
	'with the answer');

# Without a worker, by sessions alone.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\nsession_preload_libraries = '$library'\n");
$node->restart;
$id = $t->sql($post);
$t->sql('CALL msgext.dispatch()');
is($t->sql("SELECT state FROM msgext.message WHERE id = $id"), 'delivered', 'loaded by each session, it works in dispatch()');
unlike($t->log, qr/(?:PANIC|TRAP|server process)/, 'nothing crashed');

done_testing();
