# "A bad night" in docs/operations.md, done as it says by a role that has what it says: its
# SQL is taken from there.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Test::More;

my $t = Msgext->new('night', options => { max_attempts => 1, on_unknown => 'hold' });
my $sim = $t->sim;

open(my $file, '<', "$FindBin::RealBin/../../docs/operations.md") // die "no operations.md: $!";
my $text = do { local $/; <$file> };
my ($section) = $text =~ /\n## A bad night\n(.*?)\n## /s;
my ($grants) = $section =~ /```\n(.*?)```/s;
my @blocks = $section =~ /```sql\n(.*?)```/gs;
is(scalar @blocks, 7, 'there are seven blocks');

$t->sql("CREATE ROLE shop LOGIN; CREATE ROLE anna LOGIN; $grants GRANT USAGE ON FOREIGN SERVER vk TO shop; "
	  . 'CREATE TABLE corrections (order_id int, phone text); GRANT SELECT ON corrections TO anna');

# What the next block answers, run by Anna.
sub anna
{
	my $sql = shift @blocks;
	my ($status, $out, $err) = $t->node->psql('postgres', $sql,
		extra_params => [ '-U', 'anna' ], on_error_stop => 1);

	is("$status$err", '0', 'Anna does as it says') or diag($sql);
	return $out;
}

sub shop
{
	my ($order, %args) = @_;

	return $t->sql('SET ROLE shop; SELECT msgext.post_message(\'vk\', jsonb_build_object(\'vk\', '
		  . Msgext::quote(Msgext::vk_block(%args)) . '::jsonb), ref => \'{"order": ' . $order . '}\''
		  . ($args{later} ? ", send_after => now() + interval '1 day'" : '') . ')');
}

sub count
{
	my ($condition) = @_;

	return $t->sql("SELECT count(*) FROM msgext.message WHERE $condition");
}

# The provider is away: five fail, two are queued behind them.
my $url = $sim->url;
$t->set_option('vk', url => 'http://127.0.0.1:1');
my @failed = map { shop(1100 + $_, phone => 79990000100 + $_) } 1 .. 5;
ok($t->wait_sql("SELECT count(*) = 5 FROM msgext.message WHERE state = 'failed'"), 'messages fail');
my $out = anna();
like($out, qr/^vk\|failed\|.*\|5\|.*connect/im, 'she sees what has failed, and why');
my @queued = map { shop(1200 + $_, phone => 79990000200 + $_) } 1 .. 2;
is(count("state = 'queued'"), 2, 'nothing more fails');

# It is back.
$t->set_option('vk', url => $url);
anna();
ok($t->wait_sql("SELECT count(*) = 3 FROM msgext.message WHERE state = 'delivered'"),
	'one is tried, and what is new goes out');
is(count("state = 'failed'"), 4, 'the others wait for her');
is(anna(), "vk|failed||4\nvk|failed||4", 'she sends again what had failed');
ok($t->wait_sql("SELECT count(*) = 7 FROM msgext.message WHERE state = 'delivered'"), 'and it arrives');
is(scalar(grep { $sim->count(79990000100 + $_) == 1 } 1 .. 5), 5, '… each once');

# Wrong numbers.
$sim->script("devino send match 7999000030$_ inner phone_invalid") for 1 .. 2;
my ($rejected) = map { shop(1300 + $_, phone => 79990000300 + $_) } 1 .. 2;
shop(1303, phone => 79990000303, fate => 'sent,undelivered');
ok($t->wait_sql("SELECT count(*) = 3 FROM msgext.message WHERE state IN ('rejected', 'undelivered')"),
	'three have wrong numbers');
is(scalar(split /\n/, anna()), 3, 'she sees them');
$t->sql("INSERT INTO corrections VALUES (1301, '79990000311'), (1302, '79990000312')");
$out = anna();
like($out, qr/^vk\|undelivered\|.*\|1$/m, 'she gives up what cannot be mended');
ok($t->wait_sql("SELECT count(*) = 2 FROM msgext.message WHERE recipient LIKE '7999000031_' AND state = 'delivered'"),
	'corrected copies arrive');
is($t->sql("SELECT string_agg(kind || ' ' || message_id, ', ' ORDER BY kind) FROM msgext.event WHERE related = $rejected "
		  . "OR message_id = $rejected AND related IS NOT NULL"),
	'replayed ' . $rejected . ', replays ' . $t->sql("SELECT id FROM msgext.message WHERE recipient = '79990000311'"),
	'… and each names the other');

# A refund.
shop(1003, phone => 79990000401);
ok($t->wait_sql("SELECT state = 'delivered' FROM msgext.message WHERE recipient = '79990000401'"), 'one has left');
shop(1003, phone => 79990000402, later => 1);
$out = anna();
like($out, qr/^vk\|queued\|\|1\n/, 'what was to come is cancelled');
is(count(q(ref @> '{"order": 1003}' AND state = 'cancelled')), 1, '… and stays so');
is(count(q(ref @> '{"order": 1003}' AND state = 'delivered')), 1, 'what has left has left');

$out = anna();
unlike($out, qr/^vk\|(failed|rejected|undelivered)/m, 'nobody is waited for any more');
like($out, qr/\|paused\|anna\|Devino is down, ticket 4711\n.*\|resumed\|anna\|Devino is back/s, 'who paused it, and why');
is(() = $out =~ /\|retried\|anna\|ticket 4711/g, 4, 'who sent it again, and why');
like($out, qr/\|cancelled\|anna\|refunded/, 'who cancelled it');

done_testing();
