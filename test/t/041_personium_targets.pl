# Personium: messages for several cells. Each is reached once, whatever happens to the
# others, and the detail tells of each.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Multitude;
use Msgext::Personium;
use Msgext::Soak;
use Test::More;

my $t = Msgext::Personium->new('personium_targets',
	conf => "restart_after_crash = on\n",
	simulator => [
		'--personium-relation', 'friends=https://unit.example/ann/,https://unit.example/ben',
		'--personium-relation', 'family=https://unit.example/eve/,https://unit.example/bob/'
	]);
my $sim = $t->sim;

sub each_once { return { map { $_ => 1 } @_ } }
sub all_in { my $state = shift; return { map { $_ => $state } @_ } }

subtest 'all at once' => sub {
	my @names = map { "cell$_" } 1 .. 5;
	my $requests = $sim->summary->{requests};
	my $id = $t->post(title => 'all', to => [ @names, 'cell3' ]);
	my $row = $t->wait_state($id, 'delivered');

	is_deeply($t->reached('all'), each_once(@names), 'each cell has it once, one that was named twice too');
	is_deeply($t->targets($id), all_in('delivered', @names), 'the detail names them');
	is($row->{attempts}, 1, 'by one request');
	is($row->{detail}{targets}{'https://unit.example/cell1/'}{code}, '201', "with the provider's code");
};

subtest 'some not now' => sub {
	my @names = map { "late$_" } 1 .. 6;
	my ($id, $row);

	$sim->script(
		'personium target match /late2/ next 2 status 503 body Busy',
		'personium target match /late4/ next 1 status 401 body Distrust',
		'personium target match /late5/ next 1 status 429 body Slowly');
	$row = $t->wait_state($id = $t->post(title => 'late', to => \@names), 'delivered', 'all have it in the end');
	is_deeply($t->reached('late'), each_once(@names), 'once each');
	is_deeply($t->targets($id), all_in('delivered', @names), 'the detail says so');
	is($row->{attempts}, 3, 'by three requests');
	is(scalar(grep { $_->{repeats} } $t->lines('late')), 0, 'those that had it were not asked again');
};

subtest 'one never' => sub {
	my @names = map { "part$_" } 1 .. 4;
	my ($id, $row);

	$sim->script('personium target match /part2/ always status 403 body Unit user access required.',
		'personium target match /part3/ next 1 status 503');
	$row = $t->wait_state($id = $t->post(title => 'part', to => \@names), 'undelivered',
		'undelivered: one of four refuses it');
	is($row->{code}, '403', 'with its code');
	like($row->{error}, qr/Unit user access required/, 'and its reason');
	is_deeply($t->reached('part'), each_once(qw(part1 part3 part4)), 'the others have it once');
	is_deeply($t->targets($id),
		{ part1 => 'delivered', part2 => 'failed', part3 => 'delivered', part4 => 'delivered' },
		'the detail tells them apart');
	is($row->{detail}{targets}{'https://unit.example/part2/'}{reason}, 'Unit user access required.',
		"with the provider's reason");
	ok(defined $row->{finished_at}, 'it has ended');

	$sim->script(map { "personium target match /bad$_/ always status 404 body Not found" } 1 .. 2);
	$row = $t->wait_state($id = $t->post(title => 'bad', to => [ 'bad1', 'bad2' ]), 'rejected',
		'rejected: nobody takes it');
	is_deeply($t->targets($id), all_in('failed', qw(bad1 bad2)), 'the detail says so');
};

# The sender's request to one of them fails: nothing is stored, those before it have it.
subtest 'broken off' => sub {
	my @names = map { "off$_" } 1 .. 5;
	my ($id, $row);

	$sim->script('personium target match /off3/ next 1 drop-before', 'personium target match /off4/ next 1 drop-after');
	$row = $t->wait_state($id = $t->post(title => 'off', to => \@names), 'delivered', 'all have it in the end');
	is_deeply($t->reached('off'), each_once(@names), 'once each');
	is_deeply($t->targets($id), all_in('delivered', @names), 'the detail says so');
	is($row->{attempts}, 3, 'by three requests');
	like($t->sql("SELECT string_agg(code, ' ') FROM msgext.message_event WHERE message_id = $id AND code LIKE 'PR%'"),
		qr/PR500-SM-0001 PR500-SM-0001/, 'two of which were broken off');
};

subtest 'lost answers' => sub {
	my @names = map { "lost$_" } 1 .. 5;
	my ($id, $row);

	$sim->script('personium send match "lost1" next 3 drop-after');
	$row = $t->wait_state($id = $t->post(title => 'lost', to => \@names), 'delivered', 'three answers are lost');
	is_deeply($t->reached('lost'), each_once(@names), 'each has it once');
	is_deeply($t->targets($id), all_in('delivered', @names), 'the detail was asked for');

	# Broken off, then lost, then refused for now by one, then lost again.
	@names = map { "mess$_" } 1 .. 5;
	$sim->script(
		'personium target match /mess3/ next 1 drop-after',
		'personium send match mess next 1 delay 1',
		'personium send match mess next 1 drop-after');
	$row = $t->wait_state($id = $t->post(title => 'mess', to => \@names), 'delivered', 'broken off, then lost');
	is_deeply($t->reached('mess'), each_once(@names), 'each has it once');
	is_deeply($t->targets($id), all_in('delivered', @names), 'the detail says so');

	@names = map { "some$_" } 1 .. 4;
	$sim->script('personium target match /some2/ next 1 status 503', 'personium send match /some2/ next 1 delay 1',
		'personium send match /some2/ next 1 drop-after');
	$row = $t->wait_state($id = $t->post(title => 'some', to => \@names), 'delivered',
		'the answer to the second round is lost');
	is_deeply($t->reached('some'), each_once(@names), 'each has it once');
	is_deeply($t->targets($id), all_in('delivered', @names), 'the detail says so');
};

# The targets have it once, and the tables say which; a second time only where they say
# that, too.
sub is_told
{
	my ($title, $id, @names) = @_;
	my $reached = $t->reached($title);
	my $row = $t->status($id);
	my $told = $row->{detail}{targets};
	my @complaints;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $name (@names)
	{
		my $target = $told->{ Msgext::Personium::url($name) } // { state => 'nothing' };
		my $times = $reached->{$name} // 0;

		push @complaints, "$name has it $times times" if $times > ($target->{repeated} ? 2 : 1);
		push @complaints, "$name has it and is told to be $target->{state}" if $times > 0 && $target->{state} eq 'failed';
		push @complaints, "$name does not have it and is told to be $target->{state}"
		  if $times == 0 && $target->{state} eq 'delivered';
	}
	is(join(', ', @complaints), '', "$row->{state}: all are told as they are") or diag(explain($row));
	return;
}

# A lost answer that would have told of a target that has to be tried again. By the time
# that is known the target may have been asked again under the same id.
subtest 'a lost answer that was not all good' => sub {
	my @names = map { "half$_" } 1 .. 4;
	my $id;

	$sim->script('personium target match /half2/ next 1 status 503', 'personium send match half next 1 drop-after');
	$t->wait_state($id = $t->post(title => 'half', to => \@names), 'delivered|undelivered|unknown', 'it comes to an end');
	is_told('half', $id, @names);
	is_deeply($t->reached('half'), each_once(@names), 'each has it once');

	@names = map { "worse$_" } 1 .. 4;
	$sim->script('personium target match /worse2/ next 2 status 503', 'personium send match worse next 2 drop-after');
	$t->wait_state($id = $t->post(title => 'worse', to => \@names), 'delivered|undelivered|unknown', 'twice');
	is_told('worse', $id, @names);
};

# A target answers badly, and has it.
subtest 'doubtful targets' => sub {
	my @names = map { "odd$_" } 1 .. 4;
	my $id;

	$sim->script('personium target match /odd2/ next 1 taken-status 500', 'personium target match /odd3/ next 1 taken-status 408');
	$t->wait_state($id = $t->post(title => 'odd', to => \@names), 'delivered|undelivered|unknown',
		'targets that have it and say 500 or 408');
	is_told('odd', $id, @names);

	@names = map { "mute$_" } 1 .. 3;
	$sim->script('personium target match /mute2/ next 1 missing');
	$id = $t->post(title => 'mute', to => \@names);
	ok($t->wait_sql("SELECT detail->'targets'->'https://unit.example/mute2/'->>'state' FROM msgext.message WHERE id = $id", 'unknown'),
		'a target that no answer tells of is unknown');
	is_deeply($t->reached('mute'), each_once(@names), 'it is not sent to again, nor are the others');
	is($t->targets($id)->{mute3}, 'delivered', 'which are told apart');
};

subtest 'relations' => sub {
	my ($id, $row);

	$row = $t->wait_state($id = $t->post(title => 'rel', relation => 'friends'), 'delivered', 'a relation');
	is_deeply($t->reached('rel'), each_once(qw(ann ben)), 'has two cells');
	is_deeply($t->targets($id), all_in('delivered', qw(ann ben)), 'which the detail names');

	$row = $t->wait_state($id = $t->post(title => 'relto', relation => 'family', to => [ 'bob', 'carl' ]), 'delivered',
		'a relation and cells');
	is_deeply($t->reached('relto'), each_once(qw(bob carl eve)), 'have it once, one that is both too');

	$sim->script('personium target match /ben/ next 1 status 503', 'personium target match /dan/ next 2 status 503');
	$row = $t->wait_state($id = $t->post(title => 'relwait', relation => 'friends', to => [ 'dan', 'carl' ]), 'delivered',
		'some not now');
	is_deeply($t->reached('relwait'), each_once(qw(ann ben dan carl)), 'each has it once');
	is_deeply($t->targets($id), all_in('delivered', qw(ann ben dan carl)), 'the detail says so');
	is(scalar(grep { $_->{repeats} } $t->lines('relwait')), 0, 'those that had it were not asked again');

	$sim->script('personium send match relloss next 2 drop-after');
	$row = $t->wait_state($id = $t->post(title => 'relloss', relation => 'friends'), 'delivered', 'lost answers');
	is_deeply($t->reached('relloss'), each_once(qw(ann ben)), 'each has it once');
	is_deeply($t->targets($id), all_in('delivered', qw(ann ben)), 'the detail was asked for');
};

subtest 'split_targets' => sub {
	my @names = map { "split$_" } 1 .. 4;
	my ($id, $row);

	$t->add_cell('split', split_targets => 'on');
	$row = $t->wait_state($id = $t->post(title => 'split', to => \@names, server => 'split'), 'delivered');
	is_deeply($t->reached('split'), each_once(@names), 'each has it once');
	is_deeply($t->targets($id), all_in('delivered', @names), 'the detail names them all');
	is($row->{attempts}, 4, 'by a request each');
	is($t->outbox($id, 'failures'), 0, 'none of which counts as failed');

	@names = map { "cut$_" } 1 .. 4;
	$sim->script('personium send match cut2 next 2 drop-after', 'personium target match /cut3/ always status 403 body no',
		'personium send match /cut4/ next 1 status 503 retry-after 1');
	$row = $t->wait_state($id = $t->post(title => 'cut', to => \@names, server => 'split'), 'undelivered',
		'lost answers, a refusal and a pause');
	is_deeply($t->reached('cut'), each_once(qw(cut1 cut2 cut4)), 'those that take it have it once');
	is_deeply($t->targets($id), { %{ all_in('delivered', qw(cut1 cut2 cut4)) }, cut3 => 'failed' },
		'the detail tells them apart');
};

subtest 'worker killed' => sub {
	my @names = map { "kill$_" } 1 .. 4;
	my ($id, $row);

	$sim->script('personium target match /kill3/ next 1 status 503', 'personium send match kill next 1 delay 1',
		'personium send match kill next 1 delay 60000');
	$t->set_option('mail', timeout => '60 s');
	$id = $t->post(title => 'kill', to => \@names);
	ok(until_true(sub { 4 == keys %{ $t->reached('kill') } }), 'the second round is on its way');
	Msgext::Soak::kill_something($t, 0);
	ok(Msgext::Soak::wait_until_up($t), 'the worker is killed and comes back');
	$sim->clear;
	$t->wait_state($id, 'delivered', 'it goes on where it was');
	is_deeply($t->reached('kill'), each_once(@names), 'each has it once');
	is_deeply($t->targets($id), all_in('delivered', @names), 'the detail says so');
	$t->set_option('mail', timeout => $Msgext::fast{timeout});
};

subtest 'one request at a time' => sub {
	my $own = Msgext::Simulator->new(Msgext::Personium::simulator('--latency', 20));
	my @ids;

	$t->add_cell('calm', sim => $own, max_in_flight => undef);
	@ids = map { $t->post(title => "calm$_", server => 'calm') } 1 .. 10;
	$t->wait_state($_, 'delivered') for @ids;
	is($own->summary->{in_flight_max}, 1, 'unless told otherwise');
	$own->stop;
};

subtest 'a thousand targets' => sub {
	my @names = map { sprintf 'flaky%04d', $_ } 1 .. 1000;
	my ($id, $row);

	$sim->script('personium target match /flaky00 every 3 status 503 body Busy',
		'personium target match /flaky0666/ always status 403 body no');
	$row = $t->wait_state($id = $t->post(title => 'flaky', to => \@names), 'undelivered', 'one refuses, dozens not now');
	is_deeply($t->reached('flaky'), each_once(grep { $_ ne 'flaky0666' } @names), 'all others were reached once');
	my $told = $t->targets($id);
	is(join(' ', grep { $told->{$_} ne 'delivered' } 'flaky0001', 'flaky0666', 'flaky1000'), 'flaky0666',
		'the detail names the one');
	is($row->{code}, '403', 'so does the code');
	like($t->error('SELECT ' . Msgext::Personium::post_sql(title => 'more', to => [ @names, 'another' ])),
		qr/22023.*PR400-SM-0003/s, 'more than 1000 are refused before they are queued');
};

# The proof; its long form is in 090_soak.pl.
subtest 'a thousand targets each, in a bad mood' => sub {
	$t->sql("ALTER SERVER mail OPTIONS (DROP max_in_flight)");
	Msgext::Multitude::run($t, messages => 3, kills => 2);
};

is($t->server('queued + in_flight', 'mail'), 0, 'nothing hangs');
unlike($t->log, qr/(?:WARNING|ERROR|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
