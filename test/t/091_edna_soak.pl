# The long form of 034_edna_soak.pl: make soak.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext::Edna;
use Msgext::EdnaSoak;
use Test::More;

plan skip_all => 'takes minutes: make soak' unless $ENV{MSGEXT_SOAK};

my $t = Msgext::Edna->new('edna_soak_long',
	conf => "restart_after_crash = on\nmax_wal_size = 1GB\n",
	options => { status_poll => 'off' });

Msgext::EdnaSoak::run($t, messages => 10000, kills => 10, patience => 600);
done_testing();
