# Two databases on two clusters that send over one account, each with its number and half of
# the rate, while both are killed at random; then the provider's ledger is looked at.
package Msgext::Nodes;

use strict;
use warnings;

use Msgext qw(until_true densest);
use Msgext::Edna;
use Msgext::Soak;
use Test::More;

use constant { FIRST => 76000000000, RATE => 50 };

# Kills a worker, or one time in four the whole cluster.
sub kill_one
{
	my ($t) = @_;

	Msgext::Soak::kill_something($t, rand() < 0.25 ? 3 : 0);
	return;
}

# messages, kills, seed; window => seconds in which no more than the rate may arrive
sub run
{
	my (%args) = @_;
	my $half = $args{messages} / 2;
	my %options = (status_poll => 'off', rate_limit => RATE . '/s', rate_share => '1/2');
	my $one = Msgext::Edna->new('one', conf => "restart_after_crash = on\n", options => \%options);
	my $two = Msgext::Edna->new('two', conf => "restart_after_crash = on\n", options => \%options, sim => $one->sim);
	my @nodes = ($one, $two);
	my $killed = 0;

	diag("seed $args{seed}");
	srand($args{seed});
	for my $i (0, 1)
	{
		$nodes[$i]->sql('ALTER DATABASE postgres SET msgext.node = ' . ($i + 1));
		delete $nodes[$i]->{session};
		$nodes[$i]->post_many($half, FIRST + $i * $half);
	}
	while ($killed < $args{kills})
	{
		my $due = ++$killed * $args{messages} / ($args{kills} + 1);

		until_true(sub { $one->sim->summary->{accepted} >= $due }, 60 + $args{messages} / RATE)
		  or last;
		kill_one($nodes[ int rand 2 ]);
	}
	for my $t (@nodes)
	{
		ok( until_true(
				sub { ($t->try_sql("SELECT count(*) FROM msgext.message WHERE state = 'accepted'") // 0) == $half },
				60 + $args{messages} / RATE),
			'all messages are accepted')
		  or diag($t->sql('SELECT state, code, count(*) FROM msgext.message GROUP BY 1, 2'));
	}

	my @lines = grep { $_->{outcome} eq 'accepted' } $one->sim->ledger;
	my @times = sort { $a <=> $b } map { $_->{at} / 1000 } @lines;
	my %recipients = map { $_->{to} => 1 } @lines;
	my %keys = map { $_->{body}{client_id} => 1 } @lines;
	my %by_node = map { substr($_, -2) => 1 } keys %keys;

	is(scalar @lines, $args{messages}, 'each arrived once');
	is(scalar keys %recipients, $args{messages}, 'at its own recipient');
	is(scalar keys %keys, $args{messages}, 'under a key of its own');
	is(join(' ', sort keys %by_node), '01 02', 'which ends with the number of its node');
	cmp_ok(densest($args{window}, @times), '<=', RATE, "and never more than the account's rate");
	return;
}

1;
