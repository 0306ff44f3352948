# The judge of test/chaos: what a crash may take of an asynchronous commit, and what not.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../chaos";

use Chaos::Ledger;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();

sub write_file
{
	my ($name, @lines) = @_;

	open(my $file, '>', "$folder/$name") or die "$folder/$name: $!";
	print $file map { "$_\n" } @lines;
	close $file;
	return "$folder/$name";
}

# Complaints about sessions that wrote these lines; rows => [tag => state, ...], crashes => [...]
sub complaints
{
	my ($lines, %args) = @_;
	my @rows = @{ $args{rows} // [] };
	my $id = 0;
	my $rows = '';
	my $ledger;

	while (my ($tag, $state) = splice @rows, 0, 2)
	{
		$rows .= join('|', ++$id, 'vk', $state, $tag, '-', 0, 'f', 0, 0) . "\n";
	}
	$ledger = Chaos::Ledger->new(
		writers => [ write_file('writer', @$lines) ],
		peer => write_file('peer'),
		crashes => $args{crashes});
	return join '; ', $ledger->judge($rows, '', '');
}

# Queued between the two times.
sub queued
{
	my ($tag, $begun, $told, $how) = @_;

	return ("$begun I vk $tag", "$told " . ($how // 'C') . " $tag");
}

my @early = queued('t1.1', 100, 110);
my @late = queued('t2.1', 120, 130);
my $lost = 'lost: t1.1 was committed and is in no row';

is(complaints([@early], rows => [ 't1.1' => 'cancelled' ]), '', 'what is there');
is(complaints([@early]), $lost, 'what is not there, and no crash');
is(complaints([@early], crashes => [ [ 90, 95 ] ]), $lost, 'a crash before it');
is(complaints([@early], crashes => [ [ 200, 205 ] ]), '', 'a crash after it');
is(complaints([@early], crashes => [ [ 105, 110 ] ]), '', 'a crash while it is being acknowledged');
is(complaints([ @early, @late ], crashes => [ [ 200, 205 ] ]), '', 'what followed is lost with it');
is(complaints([ @early, @late ], crashes => [ [ 200, 205 ] ], rows => [ 't2.1' => 'cancelled' ]), $lost, 'what followed is there');
is(complaints([ @early, @late ], crashes => [ [ 125, 130 ] ], rows => [ 't2.1' => 'cancelled' ]), '', 'or was queued after the crash');
is(complaints([ @early, @late ], crashes => [ [ 90, 300 ] ], rows => [ 't2.1' => 'cancelled' ]), '', 'a crash lasts until the last session has ended');
is(complaints([ @early, @late ], crashes => [ [ 115, 120 ], [ 200, 205 ] ], rows => [ 't2.1' => 'cancelled' ]), '', 'the first crash counts');
is(complaints([ queued('t1.1', 100, 110, 'P') ], crashes => [ [ 200, 205 ] ]), $lost, 'a prepared transaction is never lost');
is(complaints([ queued('t1.1', 100, 110, 'U') ]), '', 'a commit in doubt may be');

my $cancelled = 'cancelled: message 1 (t1.1, vk) is expired, taken 0 times (), attempts 0, and was cancelled';
my @cancels = (@early, '150 X t1.1 140');

is(complaints([@cancels], rows => [ 't1.1' => 'cancelled' ]), '', 'a cancellation');
is(complaints([@cancels], rows => [ 't1.1' => 'expired' ], crashes => [ [ 130, 135 ] ]), $cancelled, 'it is not there, and no crash after it');
is(complaints([@cancels], rows => [ 't1.1' => 'expired' ], crashes => [ [ 160, 165 ] ]), '', 'a crash after it');
is( complaints([ @cancels, queued('t2.1', 151, 155) ], rows => [ 't1.1' => 'expired', 't2.1' => 'cancelled' ], crashes => [ [ 160, 165 ] ]),
	$cancelled, 'which has spared what followed');

is(complaints([ '150 BACK 100 7 sent accepted' ], crashes => [ [ 90, 95 ] ]), 'backwards: message 7 sent accepted', 'a state that goes back');
is(complaints([ '150 BACK 100 7 sent accepted' ], crashes => [ [ 120, 125 ] ]), '', 'with a crash between');

done_testing();
