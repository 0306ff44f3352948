# Everything that can break breaks at random under load, and then the ledgers must agree:
# test/chaos/README.md. The long form, in several clusters side by side: make soak.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../chaos";

# Where one of several clusters tells how far it is; Chaos's modules take STDERR away.
my $terminal;
BEGIN { open($terminal, '>&', *STDERR) or die "stderr: $!" }

use Chaos;
use Test::More;

my $kills = $ENV{MSGEXT_CHAOS_KILLS} || 20;
my $seed = $ENV{MSGEXT_CHAOS_SEED} || ($ENV{MSGEXT_SOAK} ? time() % 1000000 : 1);
my $clusters = $ENV{MSGEXT_SOAK} ? $ENV{MSGEXT_CHAOS_CLUSTERS} || 2 : 1;
my @modes = split ' ', $ENV{MSGEXT_CHAOS_MODES} || 'sync';
my $disks = $ENV{MSGEXT_CHAOS_DISKS};

# One of several, each a process of its own.
sub start_cluster
{
	my ($n) = @_;
	my $pid = fork() // die "fork: $!";

	return $pid if $pid;
	$ENV{MSGEXT_CHAOS_CLUSTER} = $n;
	$ENV{MSGEXT_CHAOS_KILLS} = int(($kills + $clusters - 1) / $clusters);
	$ENV{MSGEXT_CHAOS_SEED} = $seed + 1000 * ($n - 1);
	$ENV{TESTLOGDIR} .= "/chaos$n";
	$ENV{TESTDATADIR} .= "/chaos$n";
	mkdir $ENV{TESTLOGDIR};
	mkdir $ENV{TESTDATADIR};
	open(STDOUT, '>', "$ENV{TESTLOGDIR}/tap") or die "tap: $!";
	open(STDERR, '>&', $terminal) or die "stderr: $!";
	exec $^X, $0 or die "exec: $!";
}

if ($clusters > 1 && !$ENV{MSGEXT_CHAOS_CLUSTER})
{
	my %pids;

	mkdir $ENV{TESTLOGDIR};
	mkdir $ENV{TESTDATADIR};
	diag("chaos with seed $seed");
	$pids{ start_cluster($_) } = $_ for 1 .. $clusters;
	while ((my $pid = wait()) > 0)
	{
		ok($? == 0, "cluster $pids{$pid}");
		open(my $tap, '<', "$ENV{TESTLOGDIR}/chaos$pids{$pid}/tap") or next;
		diag("cluster $pids{$pid}: $_") for map { /^# (.*)/ ? $1 : () } <$tap>;
	}
	done_testing();
	exit 0;
}

my $cluster = $ENV{MSGEXT_CHAOS_CLUSTER} || 1;
my $disk = defined $disks && -w "$disks$cluster" ? "$disks$cluster" : undef;

note("chaos with seed $seed");
note('the disk is not filled up: there is none of its own (root has one)') unless defined $disk;
Chaos::run(
	kills => $kills,
	seed => $seed,
	modes => \@modes,
	disk => $disk,
	size => $ENV{MSGEXT_CHAOS_ROUND} || 250,
	go_on => $ENV{MSGEXT_CHAOS_GO_ON},
	tell => $ENV{MSGEXT_SOAK} ? sub { diag("cluster $cluster: $_[0]") } : undef);
done_testing();
