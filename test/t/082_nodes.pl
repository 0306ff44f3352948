# Two nodes on one account, killed at random. The long form is 092_nodes_soak.pl.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext::Nodes;
use Test::More;

# Less than a second: a busy machine takes from the distance of two requests.
Msgext::Nodes::run(messages => 500, kills => 5, seed => $ENV{MSGEXT_SEED} // time, window => 0.7);
done_testing();
