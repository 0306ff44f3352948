# The long form of the soak in 004_crash.pl: make soak.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext;
use Msgext::Soak;
use Test::More;

plan skip_all => 'takes minutes: make soak' unless $ENV{MSGEXT_SOAK};

my $t = Msgext->new('soak',
	conf => "restart_after_crash = on\nmax_wal_size = 1GB\n",
	options => { status_poll => 'off' });

Msgext::Soak::run($t, messages => 20000, kills => 20, seconds => 60);
done_testing();
