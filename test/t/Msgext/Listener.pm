# The listener of a cluster of Msgext's, and a client of it.
#
#   my $l = Msgext::Listener->new($t);        sets the port, its role and its rights
#   ok($l->wait, 'it listens');
#   is($l->post('/vk/token', '[]')->[0], 200, 'taken');
package Msgext::Listener;

use strict;
use warnings;

use IO::Socket::INET;
use Msgext qw(until_true);
use PostgreSQL::Test::Cluster;
use Time::HiRes qw(time);

# settings => {listen_... => value}, servers => [...] the role may use, database => name
sub new
{
	my ($class, $t, %args) = @_;
	my $self = bless {
		t => $t,
		port => PostgreSQL::Test::Cluster::get_free_port(),
		database => $args{database} // 'postgres',
		role => $args{role} // 'hooks'
	}, $class;
	my %settings = (listen_role => $self->{role}, %{ $args{settings} // {} });

	$t->sql("DO \$\$ BEGIN IF to_regrole('$self->{role}') IS NULL THEN CREATE ROLE $self->{role}; END IF; END \$\$");
	$t->sql("GRANT EXECUTE ON FUNCTION msgext.receive_callback(name, bytea, jsonb) TO $self->{role}",
		$self->{database});
	$t->sql("GRANT USAGE ON FOREIGN SERVER $_ TO $self->{role}", $self->{database})
	  for @{ $args{servers} // ['vk'] };
	$self->set(%settings, listen_port => $self->{port});
	return $self;
}

# Settings of the database, all at once: the listener ends when it sees one change. undef
# takes one away.
sub set
{
	my ($self, %settings) = @_;

	$self->{port} = $settings{listen_port} if $settings{listen_port};
	$self->{t}->sql(
		join(' ', 'BEGIN;', map {
				defined $settings{$_}
				  ? "ALTER DATABASE $self->{database} SET msgext.$_ = "
				  . Msgext::quote($settings{$_}) . ';'
				  : "ALTER DATABASE $self->{database} RESET msgext.$_;"
		} sort(keys %settings)) . ' COMMIT',
		$self->{database});

	# They count within a second; after a reload, at once.
	$self->{t}->sql('SELECT pg_reload_conf()');
	return;
}

sub port { return $_[0]->{port} }
sub url { return "http://127.0.0.1:$_[0]->{port}" . ($_[1] // '') }

# Which of a database's processes it is, and what that answers with 200.
sub process { return 'msgext listener' }
sub health { return '/health' }

sub pid
{
	my ($self) = @_;

	return $self->{t}->try_sql('SELECT pid FROM pg_stat_activity WHERE '
		  . "backend_type = '@{[ $self->process ]}' AND datname = '$self->{database}'") // '';
}

# True when it answers, on the port it should have; with an argument, another process
# than that one. The process is looked at first: an answer of the old one, which then ends,
# says nothing of the new one, which may not listen yet.
sub wait
{
	my ($self, $before) = @_;

	return until_true(
		sub {
			my $pid = defined $before ? $self->pid : 'any';

			return 0 if defined $before && ($pid eq '' || $pid eq $before);

			return ($self->request('GET', $self->health) // [0])->[0] == 200;
		});
}

# True when it has run for so long that the launcher will start another one at once: who
# ends sooner is waited for longer each time.
sub settle
{
	my ($self) = @_;

	return $self->{t}->wait_sql("SELECT backend_start < now() - interval '3.1 s' FROM pg_stat_activity"
		  . " WHERE backend_type = '@{[ $self->process ]}' AND datname = '$self->{database}'");
}

sub wait_closed
{
	my ($self) = @_;

	return until_true(sub { return !defined $self->connect });
}

# A connection, or undef; port => another one
sub connect
{
	my ($self, %args) = @_;

	return IO::Socket::INET->new(
		PeerAddr => '127.0.0.1',
		PeerPort => $args{port} // $self->{port},
		Proto => 'tcp',
		Timeout => 10);
}

# Reads one answer from a connection: [status, body, head], or undef at its end. What comes
# behind it is lost.
sub read_answer
{
	my ($self, $socket, $seconds) = @_;
	my $text = '';
	my $end = time() + ($seconds // 30);

	for (;;)
	{
		my $ready = '';
		my $left = $end - time();

		if ($text =~ /\A(HTTP\/1\.[01] (\d+).*?\r\n\r\n)(.*)\z/s)
		{
			my ($head, $status, $rest) = ($1, $2, $3);
			my ($length) = $head =~ /^Content-Length: *(\d+)/mi;

			return [ $status, substr($rest, 0, $length // 0), $head ]
			  if $status != 100 && length $rest >= ($length // 0);
			if ($status == 100)
			{
				$text = $rest;
				next;
			}
		}
		return undef if $left <= 0;
		vec($ready, fileno($socket), 1) = 1;
		next unless select($ready, undef, undef, $left);
		return undef unless sysread($socket, $text, 65536, length $text);
	}
}

# The statuses of count answers, or of all until the connection is closed.
sub read_statuses
{
	my ($self, $socket, $count) = @_;
	my $text = '';
	my $end = time() + 30;

	while (time() < $end)
	{
		my $ready = '';
		my @statuses = $text =~ /^HTTP\/1\.[01] (\d+)/mg;

		return @statuses if defined $count && @statuses >= $count && $text =~ /\r\n\r\n\z/;
		vec($ready, fileno($socket), 1) = 1;
		next unless select($ready, undef, undef, $end - time());
		last unless sysread($socket, $text, 65536, length $text);
	}
	return $text =~ /^HTTP\/1\.[01] (\d+)/mg;
}

# By which name it is asked where the headers of a request say none.
sub host { return 'localhost' }

# One request on a connection of its own; undef when there is no answer.
sub request
{
	my ($self, $method, $path, $body, @headers) = @_;
	my $socket = $self->connect or return undef;
	my $answer;

	local $SIG{PIPE} = 'IGNORE';
	push @headers, 'Content-Length: ' . length $body
	  if defined $body && !grep { /^(?:content-length|transfer-encoding):/i } @headers;
	unshift @headers, 'Host: ' . $self->host if !grep { /^host:/i } @headers;
	$self->write($socket,
		join("\r\n", "$method $path HTTP/1.1", 'Connection: close', @headers, '', '') . ($body // ''));
	$answer = $self->read_answer($socket);
	close $socket;
	return $answer;
}

sub write
{
	my ($self, $socket, $text) = @_;

	local $SIG{PIPE} = 'IGNORE';
	while (length $text)
	{
		my $n = syswrite($socket, $text);

		return 0 unless defined $n;
		substr($text, 0, $n) = '';
	}
	return 1;
}

sub post { my ($self, @args) = @_; return $self->request('POST', @args) }

1;
