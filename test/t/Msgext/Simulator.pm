# The simulator as a process of the test: see test/simulator/README.md.
package Msgext::Simulator;

use strict;
use warnings;

use Carp;
use HTTP::Tiny;
use JSON::PP ();
use PostgreSQL::Test::Cluster;

my @running;

# Arguments are those of the simulator's command line. Its port is one that nobody else gets
# while it is stopped: neither another test nor, below the kernel's own range, a client.
sub new
{
	my ($class, @args) = @_;
	my $self =
	  bless { args => \@args, port => PostgreSQL::Test::Cluster::get_free_port() }, $class;

	push @running, $self;
	$self->start;
	return $self;
}

# On the port it had before.
sub start
{
	my ($self) = @_;
	my $out;
	my $pid =
	  open($out, '-|', $ENV{MSGEXT_SIMULATOR}, '--port', $self->{port}, @{ $self->{args} })
	  or croak "could not start the simulator: $!";
	my $line = readline $out;

	croak 'the simulator did not start'
	  unless defined $line && $line =~ /^listening on 127\.0\.0\.1:(\d+)$/;
	$self->{pid} = $pid;
	$self->{out} = $out;
	$self->{port} = $1;
	$self->{http} = HTTP::Tiny->new(timeout => 30);
	return;
}

# Its messages and its ledger are gone afterwards.
sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	kill 'TERM', $self->{pid};
	local $?;
	close $self->{out};
	$self->{pid} = 0;
	return;
}

sub port { return $_[0]->{port} }
sub url { return "http://127.0.0.1:$_[0]->{port}/" . ($_[1] // 'devino') }

sub request
{
	my ($self, $method, $path, $body) = @_;
	my $answer = $self->{http}->request($method, "http://127.0.0.1:$self->{port}$path",
		defined $body ? { content => $body } : {});

	croak "simulator: $method $path: $answer->{status} $answer->{content}"
	  unless $answer->{success};
	return $answer->{content};
}

# Rules are added to those in force.
sub script
{
	my ($self, @rules) = @_;

	$self->request('POST', '/control/script', join("\n", @rules) . "\n");
	return;
}

sub clear { $_[0]->request('POST', '/control/script', ''); return }
sub reset { $_[0]->request('POST', '/control/reset', ''); return }
sub down { $_[0]->request('POST', '/control/down', ''); return }
sub up { $_[0]->request('POST', '/control/up', ''); return }
sub release { $_[0]->request('POST', '/control/release', ''); return }
sub expire { $_[0]->request('POST', '/control/expire', ''); return }
sub latency { $_[0]->request('POST', '/control/latency', $_[1]); return }

# A JSON text of settings.
sub callbacks
{
	my ($self, $settings) = @_;

	$self->request('POST', '/control/callbacks', $settings);
	return;
}

# One callback body, while no url is set; '' or '[]' when there is nothing to report.
sub take_callback
{
	my ($self, $max) = @_;

	return $self->request('GET', '/control/callbacks' . ($max ? "?max=$max" : ''));
}

# The ledger as it is written: ids stay text.
sub ledger_text { return $_[0]->request('GET', '/ledger') }

# Lines as hashes, of one recipient if a phone is given, or only those that contain a text,
# for to read a line takes far longer than to look for one. Ids are strings.
sub ledger
{
	my ($self, $phone, $text) = @_;
	my @lines;

	$text = "\"to\":\"$phone\"" if defined $phone;
	for my $line (split /\n/, $self->ledger_text)
	{
		next if defined $text && index($line, $text) < 0;
		my ($id) = $line =~ /\A\{[^{]*"id":(\d+)/;
		my $entry = JSON::PP->new->utf8->decode($line);

		# As it is written: a number would lose digits.
		$entry->{id} = $id if defined $id;
		push @lines, $entry if !defined $phone || ($entry->{to} // '') eq $phone;
	}
	return @lines;
}

# How often a recipient was written to; 0 too for what was rejected.
sub count
{
	my ($self, $phone) = @_;

	return scalar grep { $_->{outcome} eq 'accepted' } $self->ledger($phone);
}

# phone => how often, of all that was accepted; cheap for long ledgers.
sub counts
{
	my ($self) = @_;
	my $text = $self->ledger_text;
	my %counts;

	$counts{$1}++ while $text =~ /"to":"(\d+)","outcome":"accepted"/g;
	return \%counts;
}

sub summary { return JSON::PP->new->decode($_[0]->request('GET', '/ledger/summary')) }

END
{
	$_->stop for @running;
}

1;
