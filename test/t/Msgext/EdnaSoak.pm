# Messages in edna's packets under fire: some are refused, some sink the packet they are
# in, packets and answers are lost, the worker is killed; then every message is compared
# with the provider's ledger.
package Msgext::EdnaSoak;

use strict;
use warnings;

use JSON::PP ();
use Msgext qw(until_true);
use Msgext::Soak;
use Test::More;
use Time::HiRes qw(time);

use constant FIRST => 76000000000;
use constant BATCH => 250;

# Of 300 messages three are bad, one in each way; code by the word in their text.
my %codes = (
	ADDRESS => 'error-address-format',
	CHARACTER => 'error-syntax',
	NUMBER => 'error-out-message-client-id-format');
my $content = "'text ' || i || CASE (\$from + i) % 300 WHEN 17 THEN ' ADDRESS' WHEN 133 THEN ' CHARACTER'"
  . " WHEN 251 THEN ' NUMBER' ELSE '' END";

sub expected_code
{
	my ($i) = @_;
	my $place = $i % 300;

	return $codes{ $place == 17 ? 'ADDRESS' : $place == 133 ? 'CHARACTER' : $place == 251 ? 'NUMBER' : '' };
}

sub queue_batch
{
	my ($t, $from, $n) = @_;

	(my $text = $content) =~ s/\$from/$from/;
	my $sql = 'SELECT count(msgext.post_message(\'sms\', jsonb_build_object('
	  . "'address', (" . FIRST . " + $from + i)::text, 'content', $text), operation_id => 'soak ' || ($from + i)))"
	  . " FROM generate_series(0, $n - 1) AS i";

	until_true(sub { defined $t->try_sql($sql) }, 120)
	  or die "could not queue messages from $from on";
	return;
}

# True if the kill has hit messages on the wire, which is where they stay meanwhile.
sub kill_under_way
{
	my ($t, $which) = @_;
	my $interrupted = "SELECT count(*) FROM msgext.event WHERE kind = 'interrupted'";
	my $before = $t->sql($interrupted);

	until_true(sub { ($t->try_sql("SELECT in_flight FROM msgext.server_status WHERE server = 'sms'") // 0) > 0 });
	Msgext::Soak::kill_something($t, $which);
	return until_true(sub { ($t->try_sql($interrupted) // 0) > $before }) ? 1 : 0;
}

# The database against the ledger; a list of complaints.
sub account
{
	my ($t, $messages) = @_;
	my (%there, %seen, @complaints);

	for my $line ($t->sim->ledger)
	{
		next unless $line->{outcome} eq 'accepted';
		push @{ $there{ $line->{to} - FIRST } }, $line;
	}
	for my $row (split /\n/,
		$t->sql("SELECT substr(operation_id, 6), id, state, coalesce(code, ''), coalesce(provider_id, ''), key FROM msgext.outbox"))
	{
		my ($i, $id, $state, $code, $provider_id, $key) = split /\|/, $row;
		my $lines = $there{$i} // [];
		my $wrong = expected_code($i);
		my $end = defined $wrong ? 'rejected' : 'accepted';

		$seen{$i}++;
		push @complaints, "message $id is $state ($code), not $end" if $state ne $end;
		push @complaints, "message $id has code $code, not $wrong" if defined $wrong && $code ne $wrong;
		push @complaints, "message $id ($end) is in the ledger " . scalar @$lines . ' times'
		  if @$lines != (defined $wrong ? 0 : 1);
		push @complaints, "message $id has id $provider_id, the ledger $lines->[0]{id}"
		  if @$lines && $lines->[0]{id} ne $provider_id;
		push @complaints, "message $id has clientId $key, the ledger $lines->[0]{body}{client_id}"
		  if @$lines && $lines->[0]{body}{client_id} ne $key;
	}
	for my $i (0 .. $messages - 1)
	{
		push @complaints, "message number $i is in the database " . ($seen{$i} // 0) . ' times'
		  if ($seen{$i} // 0) != 1;
	}
	return @complaints;
}

# messages, kills
sub run
{
	my ($t, %args) = @_;
	my $messages = $args{messages};
	my $kills = $args{kills} // 0;
	my $bad = grep { defined expected_code($_) } 0 .. $messages - 1;
	my $begun = time();
	my ($batches, $killed) = (0, 0);
	my (@complaints, $summary);

	$t->sim->script(
		"edna message match ADDRESS inner $codes{ADDRESS}",
		"edna message match CHARACTER code $codes{CHARACTER}",
		"edna message match NUMBER code $codes{NUMBER}",
		'edna message every 331 inner error-system',
		'edna message every 397 missing',
		'edna send every 7 drop-after',
		'edna send every 19 drop-before',
		'edna send every 23 taken-half',
		'edna send every 29 odd shuffled',
		'edna send every 31 reset-mid-body',
		'edna send every 37 status 503',
		'edna send every 41 taken-status 502');
	for (my $from = 0; $from < $messages; $from += BATCH)
	{
		my $due = $killed < $kills * ($batches + 1) * BATCH / $messages;

		# Answers that do not come leave time to kill what is under way.
		$t->sim->latency(60000) if $due;
		queue_batch($t, $from, $from + BATCH > $messages ? $messages - $from : BATCH);
		$batches++;
		next unless $due;
		$killed += kill_under_way($t, $killed);
		$t->sim->latency(0);
		$t->sim->release;
	}
	ok( until_true(
			sub { ($t->try_sql("SELECT queued + in_flight FROM msgext.server_status WHERE server = 'sms'") // '') eq '0' },
			$args{patience} // 120),
		"$messages messages have been dealt with")
	  or return;
	note(sprintf 'in %.1f s, %d requests', time() - $begun, $t->sim->summary->{requests});
	@complaints = account($t, $messages);
	is(scalar @complaints, 0, "each has its own right end, $bad of them rejected, and the ledger has each accepted one once")
	  or diag(join "\n", splice @complaints, 0, 20);
	$summary = $t->sim->summary;
	is($summary->{accepted}, $messages - $bad, 'the ledger has them and no other');
	cmp_ok($summary->{repeats}, '>', 0, "$summary->{repeats} were sent again and recognised");
	cmp_ok($summary->{faults}, '>', $bad, "$summary->{faults} faults");
	cmp_ok($killed, '>=', $kills, "$killed kills have hit some on the wire");
	is($t->sql("SELECT count(*) FROM msgext.outbox WHERE state = 'unknown'"), 0, 'nothing is unknown');
	is($t->sql('SELECT count(*) FROM msgext.claim'), 0, 'no claim is left over');
	is($t->server('paused', 'sms'), 'f', 'the server was not paused');
	return;
}

1;
