# edna: a thousand messages, one in a hundred of them bad, with packets and answers lost
# all the time and the worker killed once. The long form is 091_edna_soak.pl.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext::Edna;
use Msgext::EdnaSoak;
use Test::More;

my $t = Msgext::Edna->new('edna_soak',
	conf => "restart_after_crash = on\n",
	options => { status_poll => 'off' });

Msgext::EdnaSoak::run($t, messages => 1000, kills => 1);
done_testing();
