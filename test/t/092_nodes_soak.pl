# The long form of 082_nodes.pl, by the provider's own second: make soak, on a quiet machine.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext::Nodes;
use Test::More;

plan skip_all => 'takes minutes: make soak' unless $ENV{MSGEXT_SOAK};

Msgext::Nodes::run(messages => 10000, kills => 60, seed => $ENV{MSGEXT_SEED} // time, window => 1);
done_testing();
