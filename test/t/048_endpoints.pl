# Many endpoints, of which one is dead and one is slow: none of the others is held up. With
# MSGEXT_SOAK its long form: make soak.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Test::More;
use Time::HiRes qw(sleep);

my ($endpoints, $messages) = $ENV{MSGEXT_SOAK} ? (2000, 100000) : (50, 2000);
my $t = Msgext->new('endpoints', server => 0, conf => "max_wal_size = 4GB\n");
my $sim = $t->sim;
my $well = "server NOT IN ('e1', 'e2')";

# One server an endpoint, as of customers. What is dead takes a request and never answers.
$t->sql(<<"SQL");
DO \$\$
BEGIN
    FOR n IN 1 .. $endpoints LOOP
        EXECUTE format(\$f\$CREATE SERVER e%s FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url '@{[ $sim->url('webhook') ]}/e%s',
            signature 'standard', timeout %L, connect_timeout '30 min', retry_min_delay '50 ms', retry_max_delay '1 s', max_attempts '10000')\$f\$,
            n, n, CASE n WHEN 1 THEN '1 s' ELSE '30 min' END);
        EXECUTE format(\$f\$CREATE USER MAPPING FOR PUBLIC SERVER e%s
            OPTIONS (signing_secret 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')\$f\$, n);
    END LOOP;
END\$\$
SQL

# Messages for all of them, by turns, in one transaction; what the others' took from its commit
# on, as p50, p99 and the last, in seconds.
sub round_of
{
	my ($what) = @_;
	my $first = $t->sql("SELECT min(msgext.send_webhook('e' || 1 + i % $endpoints,"
		  . " CASE i % $endpoints WHEN 0 THEN 'DEAD' WHEN 1 THEN 'SLOW' ELSE 'well' END, jsonb_build_object('i', i)))"
		  . " FROM generate_series(0, $messages - 1) i");
	my $committed = $t->sql('SELECT clock_timestamp()');

	ok( until_true(
			sub {
				sleep($messages / 200000);
				$t->sql("SELECT count(*) FROM msgext.outbox WHERE id >= $first AND $well AND state <> 'delivered'") == 0;
			},
			$Msgext::patience + $messages / 100),
		"$what: all of the others' arrive");
	my @times = split /\|/, $t->sql("SELECT p[1], p[2], p[3] FROM (SELECT percentile_disc(ARRAY[0.5, 0.99, 1])"
		  . " WITHIN GROUP (ORDER BY round(extract(epoch FROM finished_at - '$committed'), 3)) AS p"
		  . " FROM msgext.outbox WHERE id >= $first AND $well) s");

	diag(sprintf("$endpoints endpoints, $messages messages, %s: p50 %s s, p99 %s s, the last after %s s", $what, @times))
	  if $ENV{MSGEXT_SOAK};
	return ($first, @times);
}

my ($first, @before) = round_of('all well');
ok($t->wait_sql('SELECT count(*) = 0 FROM msgext.outbox WHERE finished_at IS NULL'), 'and all the rest');
is($t->sql("SELECT count(*) FROM msgext.outbox WHERE $well AND attempts <> 1"), 0, 'at once');

$sim->script('webhook send match DEAD always hang', 'webhook send match SLOW always delay 86400000');
($first, my @beside) = round_of('one dead, one slow');
is($t->sql("SELECT count(*) FROM msgext.outbox WHERE id >= $first AND $well AND attempts <> 1"), 0,
	'each at the first attempt');
is($t->sql("SELECT string_agg(DISTINCT state, ' ') FROM msgext.outbox WHERE id >= $first AND NOT ($well)"), 'queued',
	'while nothing of these two has');
ok($t->wait_sql("SELECT count(*) > 0 FROM msgext.outbox WHERE id >= $first AND server = 'e1' AND attempts > 0"),
	'the dead one is tried');
cmp_ok($beside[1], '<=', 2 * $before[1] + 1, 'p99 of the others is as before') if $ENV{MSGEXT_SOAK};

# What comes meanwhile for one of the others is as quick as ever.
my $id = $t->sql("SELECT msgext.send_webhook('e3', 'well', '{}')");
$t->wait_state($id, 'delivered', 'what comes meanwhile goes');

$sim->clear;
$sim->release;
ok($t->wait_sql('SELECT count(*) = 0 FROM msgext.outbox WHERE finished_at IS NULL'), 'mended, they get theirs');
is($t->sql("SELECT count(*) FROM msgext.outbox WHERE id >= $first AND state = 'delivered'"), $messages + 1, 'all of it');
is(scalar(grep { $_->{provider} eq 'webhook' } $sim->ledger), 2 * $messages + 1, 'each once') unless $ENV{MSGEXT_SOAK};

done_testing();
