# Messages for a thousand cells each, over a provider in a bad mood: answers lost after
# reading, requests broken off half way, tokens that end under way, workers killed. Every
# target has each message once in the end, and the tables say so.
package Msgext::Multitude;

use strict;
use warnings;

use Msgext qw(until_true);
use Msgext::Personium;
use Msgext::Soak;
use Test::More;
use Time::HiRes qw(sleep time);

use constant TARGETS => 1000;

# The middle of a title tells what is done to the message.
our @moods = (

	# Nobody knows which targets it has reached.
	'personium target match /lossy every 2999 drop-before',
	'personium target match /lossy every 3989 drop-after',
	'personium send match lossy every 5 drop-after',
	'personium send match lossy every 7 status 503 retry-after 1',
	'personium send match lossy every 11 reset-mid-body',

	# It is told which it has not: in the answer, or there is none and nothing was sent.
	'personium target match /busy every 61 status 503 body Busy',
	'personium target match /busy every 397 status 429',
	'personium send match busy every 7 code PR503-SV-0001 Too many concurrent requests.');

# target => how often, of every message: title => {...}; the ledger is long
sub deliveries
{
	my ($t) = @_;
	my %reached;

	for my $line (split /\n/, $t->sim->ledger_text)
	{
		$reached{$2}{$1}++
		  if $line =~ m{"to":"[^"]*/([^/"]+)/","outcome":"accepted".*"Title":"([^"]+)"};
	}
	return \%reached;
}

# What is wrong with a message; a list of complaints.
sub account
{
	my ($t, $title, $id, $reached) = @_;
	my $row = $t->status($id);
	my $told = $t->targets($id);
	my @complaints;

	push @complaints, "$title is $row->{state}" if $row->{state} ne 'delivered';
	for my $n (1 .. TARGETS)
	{
		my $target = $title . "n$n";

		push @complaints, "$target was reached " . ($reached->{$target} // 0) . ' times'
		  if ($reached->{$target} // 0) != 1;
		push @complaints, "$target is told to be " . ($told->{$target} // 'nothing')
		  if ($told->{$target} // '') ne 'delivered';
	}
	push @complaints, "$title was sent to " . keys(%$reached) . ' targets, ' . keys(%$told) . ' are told'
	  if keys %$reached != TARGETS || keys %$told != TARGETS;
	return @complaints;
}

sub post_all
{
	my ($t, $mood, $messages) = @_;

	return map {
		my $title = $mood . $_;

		$title => $t->post(title => $title, to => [ map { $title . "n$_" } 1 .. TARGETS ])
	} 1 .. $messages;
}

sub all_ended
{
	my ($t, %ids) = @_;
	my $list = join(',', values %ids);

	return ($t->try_sql("SELECT count(*) FROM msgext.message WHERE id IN ($list) AND finished_at IS NULL") // '') eq '0';
}

# Tokens end all the while, but not before the one before has been of use: one that is
# refused at once pauses the server.
sub wait_until_ended
{
	my ($t, $mood, %ids) = @_;
	my $expired = time();

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok( until_true(
			sub {
				sleep(0.1);
				if (time() > $expired + 3)
				{
					$t->sim->expire;
					$expired = time();
				}
				return all_ended($t, %ids);
			},
			60 * keys %ids),
		"$mood: all come to their end")
	  or diag(map { "$_: " . $t->state($ids{$_}) . "\n" . $t->events($ids{$_}) . "\n" } sort keys %ids);
	return;
}

# $t has a server "mail"; messages of each mood, kills of the worker
sub run
{
	my ($t, %args) = @_;
	my $under_way = "SELECT in_flight FROM msgext.server_status WHERE server = 'mail'";
	my (%lossy, %busy, %ids);
	my @complaints;

	$t->sim->reset;
	$t->sim->script(@moods);
	$t->sim->latency(100);
	%lossy = post_all($t, 'lossy', $args{messages});
	for (1 .. $args{kills})
	{
		sleep(rand(0.5));
		until_true(sub { ($t->try_sql($under_way) // 0) > 0 || all_ended($t, %lossy) });
		Msgext::Soak::kill_something($t, 0);
	}
	wait_until_ended($t, 'lossy', %lossy);
	%busy = post_all($t, 'busy', $args{messages});
	wait_until_ended($t, 'busy', %busy);
	%ids = (%lossy, %busy);
	$t->sim->clear;
	$t->sim->latency(0);

	my $reached = deliveries($t);

	push @complaints, account($t, $_, $ids{$_}, $reached->{$_} // {}) for sort keys %ids;
	is(scalar @complaints, 0, 2 * $args{messages} . ' messages for ' . TARGETS . ' targets each: every target was reached once, and is told so')
	  or diag(join "\n", splice @complaints, 0, 20);

	my $summary = $t->sim->summary;

	cmp_ok($summary->{faults}, '>', 10 * $args{messages}, "in spite of $summary->{faults} faults");
	cmp_ok($summary->{logins}, '>', 1, "and $summary->{logins} tokens");
	return;
}

1;
