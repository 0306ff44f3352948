# A psql that stays: to start one for every statement takes forty times as long as most
# statements do.
#
#   my $session = Msgext::Session->new($node);
#   my $answer = $session->ask('SELECT 1');      undef if it failed: see $session->error
#   my $answer = $session->must('SELECT 1');     dies if it failed
#
# One statement at a time, one that leaves no trace in the session.
package Msgext::Session;

use strict;
use warnings;

use Carp;
use IPC::Open3;

# What died is told of the test's line, not of Msgext's.
our @CARP_NOT = ('Msgext');

sub new
{
	my ($class, $node, $database) = @_;

	return bless {
		node => $node,
		database => $database // 'postgres',
		owner => $$,
		n => 0,
		error => ''
	}, $class;
}

sub error { return $_[0]->{error} }
sub node { return $_[0]->{node} }

sub connect
{
	my ($self) = @_;

	open my $null, '>', '/dev/null' or die "could not open /dev/null: $!";
	$self->{pid} = open3($self->{in}, $self->{out}, '>&' . fileno($null),
		'psql', '-XAtq', '-d', $self->{node}->connstr($self->{database}), '-f', '-');
	return;
}

# A forked child leaves its parent's psql alone.
sub close
{
	my ($self) = @_;

	local ($?, $!);
	CORE::close $self->{in} if $self->{in};
	CORE::close $self->{out} if $self->{out};
	waitpid $self->{pid}, 0 if $self->{pid} && $self->{owner} == $$;
	delete @$self{qw(in out pid)};
	return;
}

# Has psql read this; what it writes then, without the last line end, and whether SQL has
# failed. An empty list when it has ended.
sub tell
{
	my ($self, $input) = @_;
	my $mark = "msgext-session-$$-" . ++$self->{n};
	my $answer = '';
	my $line;

	local $SIG{PIPE} = 'IGNORE';
	syswrite($self->{in}, "$input\n\\echo $mark :ERROR\n");
	while (defined($line = readline $self->{out}))
	{
		if ($line =~ /^$mark (true|false)$/)
		{
			chomp $answer;
			return ($answer, $1 eq 'true');
		}
		$answer .= $line;
	}
	$self->close;
	return;
}

# The answer, or undef when the session has ended or SQL has failed.
sub run
{
	my ($self, $sql) = @_;
	my ($answer, $failed) = $self->tell("$sql\n;");

	$self->{error} = '';
	return $answer if defined $answer && !$failed;
	$self->{error} = 'the connection was lost';
	($self->{error}) = $self->tell('\echo :SQLSTATE :LAST_ERROR_MESSAGE') if defined $answer;
	return undef;
}

# A statement is never sent twice: whether the server is still there is asked first.
sub ask
{
	my ($self, $sql) = @_;

	if ($self->{owner} != $$)
	{
		$self->close;
		$self->{owner} = $$;
	}
	if (!$self->{pid} || !defined $self->run('SELECT 1'))
	{
		$self->close;
		$self->connect;
	}
	return $self->run($sql);
}

# What a test builds upon: a lock that is not held, say, would make it a test of nothing.
sub must
{
	my ($self, $sql) = @_;
	my $answer = $self->ask($sql);

	croak $self->error . "\nwhile running: $sql" if !defined $answer;
	return $answer;
}

sub DESTROY { $_[0]->close if $_[0]->{pid}; return }

1;
