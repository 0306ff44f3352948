# What is to be copied: the README's first message, and the programs of docs/languages, each where
# its client is installed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run qw(run);
use Msgext;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my $dir = PostgreSQL::Test::Utils::tempdir('languages');
my $t = Msgext->new('languages', conf => "listen_addresses = '127.0.0.1'\n");
my $jar = '/usr/share/java/postgresql.jar';

subtest 'README' => sub {
	my ($ok, $out, $err) = answers('psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $t->node->connstr('postgres'),
		'-f', program('README', 'sql', 'first.sql'));
	my $id = $t->sql("SELECT id FROM msgext.message WHERE operation_id = 'shipped-1001'");

	ok($ok, 'its first message can be pasted') or diag($err);
	like($out, qr/\| queued \| queued\b/, 'and its life is shown') or diag($out);
	$t->wait_state($id, 'accepted|sent|delivered', 'it is sent');
	$t->sql('DROP TABLE orders');
};

# Page, language, file, how it is run, and what fails where its client is not there.
my @languages = (
	[ 'psycopg', 'python', 'shipped.py', ['/usr/bin/python3'], [ '-c', 'import psycopg' ] ],
	[ 'node-pg', 'js', 'shipped.js', ['node'], [ '-e', 'require("pg")' ] ],
	[ 'jdbc', 'java', 'Shipped.java', [ 'java', '-cp', $jar ], [ '--describe-module', 'jdk.compiler' ] ]);

# The first block of a page in a language, as a file.
sub program
{
	my ($page, $language, $file) = @_;
	my ($code) = slurp_file("$root/$page.md") =~ /^```$language\n(.*?)^```$/ms or die "$page has no program";

	open my $out, '>', "$dir/$file" or die "$dir/$file: $!";
	print $out $code;
	close $out;
	return "$dir/$file";
}

sub answers
{
	my ($out, $err) = ('', '');
	my $ok = eval { run([@_], '>', \$out, '2>', \$err) };

	return ($ok, $out, $err || $@);
}

for my $language (@languages)
{
	my ($page, $name, $file, $command, $check) = @$language;

	subtest $page => sub {
		my $program = program("docs/languages/$page", $name, $file);
		my $role = "app_$file" =~ tr/./_/r;

		plan skip_all => "the client of $page is not installed"
		  if !(answers(@$command, @$check))[0] || ($page eq 'jdbc' && !-e $jar);
		$t->sql(qq(CREATE TABLE orders AS SELECT 1001 AS id, 'new' AS state; CREATE ROLE "$role" LOGIN;)
			  . qq( GRANT SELECT, UPDATE ON orders TO "$role"; GRANT USAGE ON FOREIGN SERVER vk TO "$role"));
		my ($ok, $out, $err) = do
		{
			local %ENV = (%ENV, PGHOST => '127.0.0.1', PGPORT => $t->node->port, PGDATABASE => 'postgres', PGUSER => $role);
			answers(@$command, $program);
		};
		my ($id) = $out =~ /^queued (\d+)$/m;

		ok($ok && defined $id, 'it queues a message') or return diag($out . $err);
		like($out, qr/\Aqueued $id\nagain $id\nrefused 22023 phone_invalid\nstate (?:queued|sending|accepted|sent|delivered)\n\z/,
			'once, and is told of a bad one');
		is($t->sql('SELECT state FROM orders'), 'shipped', 'its order is written');
		$t->wait_state($id, 'accepted|sent|delivered', 'it is sent');
		$t->sql('DROP TABLE orders');
	};
}

done_testing();
