# The provider of the chaos driver as a process of it: see ../peer/peer.c.
package Chaos::Peer;

use strict;
use warnings;

use IO::Socket::INET;

# ledger => file, seed => number
sub new
{
	my ($class, %args) = @_;
	my $self = bless { ledger => $args{ledger} }, $class;
	my $pid = open(my $out, '-|', "$ENV{MSGEXT_BIN}/chaos-peer", $args{ledger}, $args{seed})
	  or die "could not start the peer: $!";
	my $line = readline $out;

	die 'the peer did not start' unless defined $line && $line =~ /^(\d+) (\d+)$/;
	@$self{qw(port control)} = ($1, $2);
	@$self{qw(pid out)} = ($pid, $out);
	return $self;
}

sub pid { return $_[0]->{pid} }
sub url { return "http://127.0.0.1:$_[0]->{port}/$_[1]" }

# One command; its answer.
sub tell
{
	my ($self, $command) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{control})
	  or die "the peer has gone: $@";
	my $answer;

	print $socket "$command\n";
	$answer = readline $socket;
	die "the peer did not answer \"$command\"" unless defined $answer;
	chomp $answer;
	return $answer;
}

# Shares of a thousand; none at all without arguments.
sub faults
{
	my ($self, %shares) = @_;

	$self->tell(join ' ', 'faults', map { "$_=$shares{$_}" } sort keys %shares);
	return;
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	kill 'CONT', $self->{pid};
	kill 'TERM', $self->{pid};
	local $?;
	close $self->{out};
	$self->{pid} = 0;
	return;
}

1;
