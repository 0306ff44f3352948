# What is done to a cluster and its provider at random. A seed gives the same plan again;
# what it hits depends on the machine.
package Chaos::Havoc;

use strict;
use warnings;

use POSIX qw(strftime);
use Time::HiRes qw(sleep time);

my $worker = qr/^msgext worker/;
my $launcher = qr/^msgext launcher/;
my $listener = qr/^msgext listener/;
my $session = qr/^\S+ postgres (?:127|\[local\])/;
my $own = qr/^(?:checkpointer|background writer|walwriter|autovacuum launcher)/;

# [share, name, is a kill, what is done]
my @plan = (
	[ 20, 'kill -9 worker', 1, sub { hit($_[0], 'KILL', $worker) } ],
	[ 6, 'kill -9 launcher', 1, sub { hit($_[0], 'KILL', $launcher) } ],
	[ 8, 'kill -9 listener', 1, sub { hit($_[0], 'KILL', $listener) } ],
	[ 10, 'kill -9 backend', 1, sub { hit($_[0], 'KILL', $session) } ],
	[ 2, 'kill -9 process of the server\'s own', 1, sub { hit($_[0], 'KILL', $own) } ],
	[ 10, 'kill -9 postmaster', 1, \&kill_postmaster ],
	[ 14, 'end worker', 1, sub { hit($_[0], 'TERM', $worker) } ],
	[ 5, 'end launcher', 1, sub { hit($_[0], 'TERM', $launcher) } ],
	[ 5, 'end listener', 1, sub { hit($_[0], 'TERM', $listener) } ],
	[ 8, 'end backend', 1, sub { hit($_[0], 'TERM', $session) } ],
	[ 3, 'immediate shutdown', 1, sub { shut_down($_[0], 'immediate') } ],
	[ 3, 'fast shutdown', 1, sub { shut_down($_[0], 'fast') } ],
	[ 3, 'stop and kill -9 worker', 1, \&stop_and_kill ],
	[ 4, 'stop worker', 0, sub { halt($_[0], $worker) } ],
	[ 2, 'stop listener', 0, sub { halt($_[0], $listener) } ],
	[ 3, 'stop backend', 0, sub { halt($_[0], $session) } ],
	[ 1, 'stop postmaster', 0, \&halt_postmaster ],
	[ 2, 'stop provider', 0, \&halt_peer ],
	[ 5, 'network down', 0, \&network_down ],
	[ 5, 'connections reset', 0, sub { $_[0]->{peer}->tell('reset'); return 1 } ],
	[ 3, 'disk full', 0, \&fill_disk ],
	[ 8, 'other faults', 0, \&other_faults ]);

# Does what crashes the cluster, and notes when: what was acknowledged before it was there.
sub crash
{
	my ($self, $what) = @_;
	my $at = int(time() * 1000);
	my $worked = $what->();

	push @{ $self->{crashes} }, $at if $worked;
	return $worked;
}

# server, peer, diary => file, odd => the faults too that only odd providers have
sub new
{
	my ($class, %args) = @_;

	return bless { %args, done => {}, kills => 0, crashes => [] }, $class;
}

# Mostly short, sometimes longer than a request may take.
sub moment { return rand() < 0.15 ? 0.8 + rand(1.2) : rand(0.3) }

sub hit
{
	my ($self, $signal, $pattern) = @_;
	my @pids = $self->{server}->pids($pattern);

	return 0 unless @pids;
	my $pid = $pids[ rand @pids ];

	return $signal eq 'KILL' ? $self->crash(sub { kill 'KILL', $pid }) : kill($signal, $pid);
}

sub kill_postmaster
{
	my ($self) = @_;
	my $pid = $self->{server}->postmaster or return 0;
	my $hit = $self->crash(sub { kill 'KILL', $pid });

	# A child killed after it would leave its locks to others, and nobody to end those.
	sleep(0.002) while kill 0, $pid;
	return $hit;
}

# PostgreSQL 15 never ends a fast shutdown that comes while it starts after a crash of its
# own: its checkpointer is not told. So it comes when the server is up.
sub shut_down
{
	my ($self, $mode) = @_;
	my $server = $self->{server};

	return 0 unless $mode eq 'immediate' ? $server->postmaster : defined $server->sql('SELECT 1');
	my $stop = sub { $server->pg_ctl('-t', 60, '-m', $mode, 'stop') || !$server->postmaster };

	return 1 if $mode eq 'immediate' ? $self->crash($stop) : $stop->();
	push @{ $self->{complaints} }, "stuck: a $mode shutdown does not end, left are: "
	  . join(', ', map { $_->[1] } $server->processes);
	$self->crash(sub { $server->pg_ctl('-m', 'immediate', 'stop'); return 1 });
	return 1;
}

sub stop_and_kill
{
	my ($self) = @_;
	my ($pid) = $self->{server}->pids($worker) or return 0;

	return 0 unless $pid && kill 'STOP', $pid;
	sleep(moment());
	return $self->crash(sub { kill 'KILL', $pid });
}

sub halt
{
	my ($self, $pattern) = @_;
	my @pids = $self->{server}->pids($pattern) or return 0;
	my $pid = $pids[ rand @pids ];

	return 0 unless kill 'STOP', $pid;
	sleep(moment());
	kill 'CONT', $pid;
	return 1;
}

sub halt_postmaster
{
	my ($self) = @_;
	my $pid = $self->{server}->postmaster or return 0;

	kill 'STOP', $pid;
	sleep(moment());
	hit($self, 'KILL', $worker) if rand() < 0.5;
	sleep(moment());
	kill 'CONT', $pid;
	return 1;
}

sub halt_peer
{
	my ($self) = @_;
	my $pid = $self->{peer}->pid;

	kill 'STOP', $pid;
	sleep(moment());
	kill 'CONT', $pid;
	return 1;
}

sub network_down
{
	my ($self) = @_;

	$self->{peer}->tell('down');
	$self->{peer}->tell('reset') if rand() < 0.7;
	sleep(moment());
	$self->{peer}->tell('up');
	return 1;
}

sub fill_disk
{
	my ($self) = @_;

	$self->{server}->fill or return 0;
	sleep(moment());
	$self->{server}->empty;
	return 1;
}

sub other_faults
{
	my ($self) = @_;
	my %shares = (
		before => 15, after => 15, reset => 10, half => 10, late => 4, drip => 20,
		garbage => 6, busy => 15, 429 => 3, 500 => 6);

	%shares = (%shares, surplus => 15, refused => 200) if $self->{odd};
	%shares = () if rand() < 0.25;
	$shares{$_} = int($shares{$_} * rand(2)) for keys %shares;
	$self->{peer}->faults(%shares);
	$self->{peer}->tell('latency ' . int(rand(2) ? rand(30) : rand(150)));
	return 1;
}

sub choose
{
	my $sum = 0;

	$sum += $_->[0] for @plan;
	my $n = rand($sum);
	for my $step (@plan)
	{
		return $step if $n < $step->[0];
		$n -= $step->[0];
	}
	return $plan[0];
}

# What was done when, beside the server's log.
sub diary
{
	my ($self, $text) = @_;
	my $now = time();

	open(my $file, '>>', $self->{diary}) or die "diary: $!";
	printf $file "%s.%03d %s\n", strftime('%H:%M:%S', gmtime $now), ($now - int $now) * 1000, $text;
	return;
}

# One step. Most wait until the worker is there again, so that they hit something; the
# others come while the server is getting up.
sub step
{
	my ($self) = @_;
	my $server = $self->{server};
	my $patient = rand() < 0.8;
	my $pause = rand() < 0.3 ? rand(0.02) : rand(0.15);
	my $step = choose();

	if (!$server->postmaster && !$server->up(120))
	{
		push @{ $self->{complaints} }, 'the cluster does not start any more';
		return 0;
	}
	$server->wait_for($worker) if $patient;
	sleep($pause);
	my $worked = $step->[3]->($self);

	$self->diary($worked ? $step->[1] : "($step->[1])");
	if ($worked)
	{
		$self->{done}->{ $step->[1] }++;
		$self->{kills} += $step->[2];
	}
	return 1;
}

# Peace.
sub end
{
	my ($self) = @_;

	$self->{server}->empty;
	$self->{peer}->tell('up');
	$self->{peer}->faults;
	$self->{peer}->tell('latency 5');
	return $self->{server}->up;
}

1;
