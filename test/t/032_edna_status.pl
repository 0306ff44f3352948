# edna: what becomes of messages after they were accepted, asked for in packets or pushed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Edna;
use Msgext::Listener;
use Test::More;

my $t = Msgext::Edna->new('edna_status');
my $sim = $t->sim;

# What the timeline says, in its order, one word for each new state.
sub states
{
	my ($id, $kind) = @_;

	return $t->sql("SELECT string_agg(state, ' ' ORDER BY at) FROM msgext.message_event"
		  . " WHERE message_id = $id AND kind = '$kind'");
}

sub receive
{
	my ($body, $server) = @_;

	return $t->sql('SELECT msgext.receive_callback(' . quote($server // 'quiet') . ', '
		  . quote('\\x' . unpack('H*', $body)) . ')');
}

# A push with these outMessage elements.
sub push_of
{
	my ($elements, $root, $list) = @_;

	$root //= 'provideOutMessageDlvStatusResponse';
	$list //= 'outMessageList';
	return qq(<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n)
	  . "<$root><header/><payload><code>ok</code><$list>$elements</$list></payload></$root>";
}

sub report
{
	my ($provider_id, $status, $time, $error) = @_;

	$time //= '2026-01-01 12:00:00';
	$error = defined $error ? "<dlvError>$error</dlvError>" : '';
	return qq(<outMessage providerId="$provider_id"><code>ok</code><outMessageDlvStatus>)
	  . "<dlvStatus>$status</dlvStatus><dlvStatusAt>$time</dlvStatusAt>$error</outMessageDlvStatus></outMessage>";
}

subtest 'every status' => sub {
	my %ends = (
		'sent,delivered' => 'delivered',
		'sent,read' => 'read',
		'sent,undelivered=absent-subscriber' => 'undelivered',
		'sent,expired' => 'expired',
		'failed' => 'failed',
		'no-match-template' => 'failed',
		'cancelled' => 'cancelled',
		'delayed,sent' => 'sent',
		'delayed' => 'accepted');
	my %ids = map { $_ => $t->post(fate => $_) } sort keys %ends;

	for my $fate (sort keys %ends)
	{
		my $row;

		ok($t->wait_sql("SELECT state = '$ends{$fate}' AND provider_status IS NOT DISTINCT FROM '"
				  . ($fate =~ /([a-z-]+)(?:=[^,]*)?$/)[0] . "' FROM msgext.message_status($ids{$fate})"), "$fate: $ends{$fate}")
		  or diag($t->events($ids{$fate}));
		$row = $t->status($ids{$fate});
		is(defined $row->{finished_at} ? 1 : 0, $ends{$fate} =~ /^(?:sent|accepted)$/ ? 0 : 1, 'ended or not');
	}
	like($t->sql("SELECT concat(code, error) FROM msgext.message_status($ids{'sent,undelivered=absent-subscriber'})"),
		qr/absent-subscriber/, 'dlvError is told');
	cmp_ok(abs($t->sql("SELECT extract(epoch FROM now() - max(reported_at)) FROM msgext.message_event"
				  . " WHERE message_id = $ids{'sent,delivered'} AND state = 'delivered'")), '<', 60, "dlvStatusAt is Moscow's time");
};

subtest 'many in one query' => sub {
	my $before = $sim->summary->{status_queries};
	my @ids = $t->post_many(300, 79990010000, comment => "'fate=sent\@1,delivered\@1,read\@1'");

	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE id >= $ids[0] AND state = 'read'", 300), 'all are read');
	cmp_ok($sim->summary->{status_queries} - $before, '<', 100, 'that many were not asked for one by one: '
		  . ($sim->summary->{status_queries} - $before) . ' queries');
	is(scalar(grep { $_ != 1 } values %{ $sim->counts }), 0, 'to ask is not to send');
};

# What happens to a query leaves the messages where they are.
subtest 'failing queries' => sub {
	my @actions = ('drop-after', 'drop-before', 'status 500', 'status 429 retry-after 1', 'garbage 100', 'html',
		'taken-half', 'empty', 'code error-system', 'status 200 body <consumeOutMessageResponse><header/><payload><code>ok</code></payload></consumeOutMessageResponse>');

	for my $action (@actions)
	{
		$sim->script("edna status next 2 $action");
		my @ids = $t->post_many(3, $t->new_phone, comment => "'fate=sent\@1,delivered\@1'");
		$t->{phone} += 3;
		$t->wait_state($_, 'delivered', "$action: asked again") for @ids;
		$sim->clear;
	}
	is($t->server('paused', 'sms'), 'f', 'the server goes on');

	# An id that the provider does not know sinks nobody else.
	$t->add_sms('mixed', poll_min_interval => '200 ms');
	$t->sql("SELECT msgext.pause_server('sms')");
	my @ids = $t->post_many(5, 79990011000, server => 'mixed', comment => "CASE i WHEN 2 THEN 'fate=sent\@86400000' ELSE 'fate=sent\@1000,delivered\@1' END");
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = 'mixed' AND provider_id IS NOT NULL", 5), 'accepted');
	$t->sql("UPDATE msgext.outbox SET provider_id = '12' WHERE id = $ids[2]");
	$t->wait_state($_, 'delivered', 'the others are followed') for @ids[ 0, 1, 3, 4 ];
	is($t->state($ids[2]), 'accepted', 'the unknown one stays where it is');
	$t->sql("SELECT msgext.resume_server('sms')");
};

# By hand, as a web tier would hand it on.
subtest 'pushes' => sub {
	$sim->reset;
	$t->add_sms('quiet', status_poll => 'off');
	$sim->callbacks('{"url": null, "batch": 10}');
	my @ids = $t->post_many(20, 79990012000, server => 'quiet', comment => "'fate=sent,delivered,read'");
	my ($reports, $applied, @bodies) = (0, 0);

	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = 'quiet' AND state = 'accepted'", 20), 'accepted');
	until_true(
		sub {
			my $body = $sim->take_callback(10);

			push @bodies, $body if $body =~ /^</;
			$reports = () = join('', @bodies) =~ /<dlvStatus>/g;
			return $reports >= 60;
		});
	is($reports, 60, 'three reports of each, in ' . scalar @bodies . ' pushes');
	$applied += receive($_) for @bodies;
	is($applied, 60, 'all are applied');
	is(scalar(grep { $t->state($_) eq 'read' } @ids), 20, 'all were read');
	$applied = 0;
	$applied += receive($_) for @bodies;
	is($applied, 0, 'a second time they say nothing new');
	is(states($ids[0], 'callback'), 'sent delivered read', 'the timeline');
};

# As they come when PostgreSQL listens itself.
subtest 'pushes through the listener' => sub {
	$sim->reset;
	$t->add_sms('pushed', status_poll => 'off',
		mapping => { login => 'tester', password => '111111', callback_token => 'Hook-of-edna-number-1' });
	my $l = Msgext::Listener->new($t, servers => ['pushed']);

	ok($l->wait, 'it listens');

	# A wrong token first: 404, which the provider repeats.
	$sim->callbacks('{"url": {"edna": "' . $l->url('/pushed/wrong') . '"}, "batch": 5, "connections": 3, "order": "shuffled"}');
	my @ids = $t->post_many(60, 79990013000, server => 'pushed', comment => "'fate=sent,delivered,read'");
	ok(until_true(sub { $sim->summary->{callbacks_failed} >= 3 }), 'refused without its token');
	is($t->sql("SELECT count(*) FROM msgext.message WHERE server = 'pushed' AND state = 'read'"), 0, 'and nothing is taken');
	$sim->callbacks('{"url": {"edna": "' . $l->url('/pushed/Hook-of-edna-number-1') . '"}}');
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = 'pushed' AND state = 'read'", 60), 'all were read');
	ok(until_true(sub { $sim->summary->{callbacks_pending} == 0 }), 'every push ended with 200');
	$sim->callbacks('{"url": null}');
};

subtest 'pushes of every form' => sub {
	my $when = 0;
	my $new = sub {
		my $id = $t->post(server => 'quiet', fate => 'sent@86400000');

		return ($id, $t->wait_state($id, 'accepted')->{provider_id});
	};

	for my $case (
		[ 'provideOutMessageDlvStatusResponse', 'outMessageList', 'outMessage' ],
		[ 'provideInstantMessageDlvStatusResponse', 'instantMessageList', 'instantMessage' ],
		[ 'consumeOutMessageDlvStatusRequest', 'outMessageList', 'outMessage' ])
	{
		my ($root, $list, $element) = @$case;
		my ($id, $provider_id) = $new->();
		my $body = push_of(report($provider_id, 'delivered'), $root, $list);

		if ($element ne 'outMessage')
		{
			$body =~ s/outMessage\b/instantMessage/g;
			$body =~ s/outMessageDlvStatus/instantMessageDlvStatus/g;
		}
		is(receive($body), 1, "$root: applied");
		is($t->state($id), 'delivered', 'it is delivered');
	}

	my ($id, $provider_id) = $new->();
	# A message that is sent again a second time, while the first time is still under way: that one
	# has the message, and its clientId must not be lost.
	my ($twice, $before) = $new->();
	my $address = $t->sql("SELECT recipient FROM msgext.message WHERE id = $twice");
	my $key;

	receive(push_of(report($before, 'failed')));
	$sim->script("edna send match $address delay 60000");
	is($t->sql("SELECT msgext.retry_message($twice)"), 't', 'sent again');
	ok(until_true(sub { $t->lines($address) == 2 }), 'it is under way');
	$key = $t->outbox($twice, 'key');
	receive(push_of(report($before, 'failed', '2026-01-01 12:01:00')));
	is($t->sql("SELECT msgext.retry_message($twice)"), 't', 'and again');
	is($t->outbox($twice, 'key'), $key, 'under the key of what is under way');
	$sim->release;
	isnt($t->wait_state($twice, 'accepted', 'whose answer is recorded')->{provider_id}, $before, 'with its id');
	$sim->clear;

	is(receive(push_of(report('no-such-id', 'delivered') . report($provider_id, 'sent'))), 1, 'strangers are ignored');
	is($t->state($id), 'sent', 'the known one is applied');
	is(receive(push_of(report($provider_id, 'undelivered', '2026-01-01 12:01:00', 'no &lt;phone&gt;'))), 1, 'undelivered');
	is(receive(push_of(report($provider_id, 'sent', '2026-01-01 12:02:00'))), 1, 'a late word is in the timeline');
	is($t->state($id), 'undelivered', 'and moves nothing back');
	is(receive(push_of(report($provider_id, 'delivered', '2026-01-01 12:03:00'))), 1, 'proof of delivery');
	is($t->state($id), 'delivered', 'beats it');

	for my $bad ('', 'no xml', '<a>', '<a/>', '{"messageId":1}', substr(push_of(report($provider_id, 'read')), 0, -10),
		'<!DOCTYPE a>' . push_of(report($provider_id, 'read')))
	{
		like($t->error('SELECT msgext.receive_callback(' . quote('quiet') . ', ' . quote('\\x' . unpack('H*', $bad)) . ')'),
			qr/22023|22P02/, 'refused: ' . substr($bad, 0, 20));
	}
	is($t->state($id), 'delivered', 'nothing of it was applied');
};

unlike($t->log, qr/(?:WARNING|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
