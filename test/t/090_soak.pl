# The long forms of the soaks in 004_crash.pl and 041_personium_targets.pl: make soak.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext;
use Msgext::Multitude;
use Msgext::Personium;
use Msgext::Soak;
use Test::More;

plan skip_all => 'takes minutes: make soak' unless $ENV{MSGEXT_SOAK};

# More of them: make soak KILLS=1000
my $kills = $ENV{MSGEXT_KILLS} || 20;

my $t = Msgext->new('soak',
	conf => "restart_after_crash = on\nmax_wal_size = 1GB\n",
	options => { status_poll => 'off' });

Msgext::Soak::run($t,
	messages => 18000 + 100 * $kills,
	kills => $kills,
	seconds => 48 + 0.6 * $kills);
$t->node->stop;

my $many = Msgext::Personium->new('multitude',
	conf => "restart_after_crash = on\n",
	options => { max_in_flight => undef });

Msgext::Multitude::run($many, messages => 50, kills => 20);
done_testing();
