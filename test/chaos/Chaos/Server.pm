# The cluster under the chaos driver: made, started again whatever has happened to it, and
# its processes found without asking it.
package Chaos::Server;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils qw(slurp_file);
use Time::HiRes qw(sleep time);

# name, conf => text, disk => a file system of its own to lie on, or undef
sub new
{
	my ($class, %args) = @_;
	my $node = PostgreSQL::Test::Cluster->new($args{name});
	my $self = bless { node => $node, name => $args{name}, disk => $args{disk}, complaints => [] }, $class;

	$node->init;
	$node->append_conf('postgresql.conf', $args{conf});
	if (defined $args{disk})
	{
		my $data = $node->data_dir;

		system('mv', $data, "$args{disk}/$args{name}") == 0 or die 'could not move the data folder';
		symlink("$args{disk}/$args{name}", $data) or die "symlink: $!";
	}
	return $self;
}

sub node { return $_[0]->{node} }
sub conninfo { return $_[0]->node->connstr('postgres') }

# The answer, or undef where there is none now.
sub sql
{
	my ($self, $sql) = @_;
	my ($status, $out);

	eval { ($status, $out) = $self->node->psql('postgres', $sql, timeout => 60); };
	return defined $status && $status == 0 ? $out : undef;
}

sub postmaster
{
	my ($self) = @_;
	my $text = eval { slurp_file($self->node->data_dir . '/postmaster.pid') } // '';

	return $text =~ /^(\d+)\n/ && kill(0, $1) ? $1 : 0;
}

# Its processes: [pid, title] of each, the part before the first space left out.
sub processes
{
	my ($self) = @_;
	my $postmaster = $self->postmaster or return;
	my @found;

	open(my $children, '<', "/proc/$postmaster/task/$postmaster/children") or return;
	for my $pid (split ' ', readline($children) // '')
	{
		open(my $file, '<', "/proc/$pid/cmdline") or next;
		my $title = readline($file) // '';

		$title =~ s/\0.*//s;
		push @found, [ $pid, $title ] if $title =~ s/^postgres: (?:\S+: )?//;
	}
	return @found;
}

# pids of those whose title fits
sub pids
{
	my ($self, $pattern) = @_;

	return map { $_->[0] } grep { $_->[1] =~ $pattern } $self->processes;
}

sub pg_ctl
{
	my ($self, @args) = @_;
	my $command = join ' ', 'ulimit -c unlimited; exec pg_ctl -s -w -t 90',
	  '-D', $self->node->data_dir, '-l', $self->node->logfile, @args, '>/dev/null 2>&1';

	return system($command) == 0;
}

# Where a process is, by its functions' names; '' where there is no gdb.
sub stack
{
	my ($pid) = @_;
	my $text = `gdb -p $pid -batch -ex bt 2>/dev/null </dev/null`;

	return join ' < ', $text =~ /^#\d+ +(?:0x\w+ in )?(\w+)/mg;
}

# Children that have outlived their postmaster. One waits for ever for a lock or a spin lock
# that a killed one held, and the startup process a minute for a checkpointer that is not
# there: that is PostgreSQL's way. Any other is at fault.
sub end_orphans
{
	my ($self) = @_;
	my $folder = readlink($self->node->data_dir) // $self->node->data_dir;

	for my $cwd (glob '/proc/[0-9]*/cwd')
	{
		next unless (readlink($cwd) // '') eq $folder && $cwd =~ /(\d+)/;
		my $pid = $1;
		my $title = slurp_file("/proc/$pid/cmdline") =~ s/\0.*//sr;
		my $wait = slurp_file("/proc/$pid/wchan");

		my $stack = $wait =~ /^futex/ ? '' : stack($pid);

		push @{ $self->{complaints} }, "stuck: $title outlives its postmaster, in $wait: $stack"
		  unless $wait =~ /^futex/ || $title =~ /startup/ || $stack =~ /\bperform_spin_delay\b/;
		kill 'KILL', $pid;
	}
	return;
}

# Starts it if it is down, and waits until it answers. A cluster whose postmaster was
# killed starts when the last of its children has noticed.
sub up
{
	my ($self, $seconds) = @_;
	my $end = time() + ($seconds // 120);
	my $patient = time() + 15;

	while (time() < $end)
	{
		$self->end_orphans if !$self->postmaster && time() > $patient;
		if (!$self->postmaster)
		{
			$self->pg_ctl('-o', '--cluster-name=' . $self->{name}, 'start') or sleep(0.05);
		}
		return 1 if defined $self->sql('SELECT 1');
		sleep(0.02);
	}
	return 0;
}

# Waits until a process with such a title is there.
sub wait_for
{
	my ($self, $pattern, $seconds) = @_;
	my $end = time() + ($seconds // 10);

	while (time() < $end)
	{
		my ($pid) = $self->pids($pattern);

		return $pid if $pid;
		return 0 unless $self->postmaster;
		sleep(0.01);
	}
	return 0;
}

# So that the node's own cleaning up finds it.
sub settle_pid { $_[0]->node->_update_pid(-1); return }

# The disk is full until empty() is called; false where there is no disk of its own.
sub fill
{
	my ($self) = @_;
	my $disk = $self->{disk};

	return 0 unless defined $disk;
	my ($free) = `df --output=avail -B1 $disk` =~ /^\s*(\d+)/m;

	# The most of it at once; the rest until nothing goes in.
	$free = $free > 4 << 20 ? $free - (4 << 20) : 1;
	system("fallocate -l $free $disk/ballast; dd if=/dev/zero of=$disk/ballast bs=8k oflag=append conv=notrunc 2>/dev/null");
	return 1;
}

sub empty { my ($self) = @_; unlink "$self->{disk}/ballast" if defined $self->{disk}; return }

# Takes the data folder home from its disk, to be looked at.
sub keep
{
	my ($self) = @_;
	my $data = $self->node->data_dir;

	$self->pg_ctl('-m', 'fast', 'stop');
	$self->node->{_pid} = undef;
	return $data unless defined $self->{disk};
	unlink $data;
	system('cp', '-a', "$self->{disk}/$self->{name}", $data);
	system('rm', '-rf', "$self->{disk}/$self->{name}");
	return $data;
}

sub remove
{
	my ($self) = @_;

	$self->node->stop('fast');
	system('rm', '-rf', "$self->{disk}/$self->{name}") if defined $self->{disk};
	$self->node->clean_node;
	return;
}

1;
