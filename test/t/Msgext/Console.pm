# The console of a cluster of Msgext's, and a client of its API.
#
#   my $c = Msgext::Console->new($t);         sets the port
#   my $anna = $c->sign_in('anna');           her link, exchanged for a session
#   is($c->get($anna, '/api/me')->[0], 200);  status, decoded body, head
package Msgext::Console;

use strict;
use warnings;

use parent -norequire, 'Msgext::Listener';

use JSON::PP ();
use Msgext::Listener;
use PostgreSQL::Test::Cluster;

our $json = JSON::PP->new->utf8->canonical;

sub new
{
	my ($class, $t) = @_;
	my $self = bless {
		t => $t,
		port => PostgreSQL::Test::Cluster::get_free_port(),
		database => 'postgres'
	}, $class;

	$self->set(console_port => $self->{port});
	return $self;
}

sub process { return 'msgext console' }
sub health { return '/' }
sub host { return "127.0.0.1:$_[0]->{port}" }

# [status, body, head] or undef; host => another one, headers => [...], body => text
sub send
{
	my ($self, $method, $path, %args) = @_;

	return $self->request($method, $path, $args{body},
		defined $args{host} ? "Host: $args{host}" : (), @{ $args{headers} // [] });
}

sub decoded
{
	my ($answer) = @_;

	$answer->[1] = eval { $json->decode($answer->[1]) } if defined $answer && $answer->[2] =~ /^Content-Type: application\/json/mi;
	return $answer // [ 0, {}, '' ];
}

# What a role's open_console() says, and the token in it.
sub link
{
	my ($self, $role, $before, $arguments) = @_;
	my $link = $self->{t}->node->safe_psql('postgres',
		($before // '') . 'SELECT msgext.open_console(' . ($arguments // '') . ')', extra_params => [ '-U', $role ]);
	my ($token) = $link =~ /#([0-9a-f]{64})\z/;

	return ($link, $token);
}

sub exchange
{
	my ($self, $token, %args) = @_;

	return decoded($self->send('POST', '/api/session',
		body => $json->encode({ token => $token }),
		headers => [ 'Content-Type: application/json', @{ $args{headers} // [] } ],
		%args{grep { $_ eq 'host' } keys %args}));
}

# A session: its cookie and key.
sub session_of
{
	my ($answer) = @_;
	my ($cookie) = $answer->[2] =~ /^Set-Cookie: ([^;]+);/mi;

	return { cookie => $cookie, key => $answer->[1]->{key} };
}

sub sign_in
{
	my ($self, $role, @more) = @_;
	my (undef, $token) = $self->link($role, @more);

	return session_of($self->exchange($token));
}

sub head_of
{
	my ($session) = @_;

	return (
		defined $session->{cookie} ? "Cookie: $session->{cookie}" : (),
		defined $session->{key} ? "X-Msgext-Key: $session->{key}" : ());
}

sub get
{
	my ($self, $session, $path, @headers) = @_;

	return decoded($self->send('GET', $path, headers => [ head_of($session), @headers ]));
}

sub act
{
	my ($self, $session, $path, $data, @headers) = @_;

	return decoded($self->send('POST', $path,
		body => $json->encode($data),
		headers => [ 'Content-Type: application/json', head_of($session), @headers ]));
}

1;
