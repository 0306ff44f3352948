# Diadoc: what becomes of a document after it was accepted, as GetDocument and GetMessage
# tell it.
use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Diadoc;
use Test::More;

my $t = Msgext::Diadoc->new('diadoc_status', simulator => [ '--status-step', 200 ]);
my $sim = $t->sim;

sub documents
{
	my ($word, @fates) = @_;
	my $n = 0;

	return [ map { Msgext::Diadoc::document(comment => "$word fate=$_", custom_id => 'n' . ++$n) } @fates ];
}

# What the timeline says, in its order.
sub states
{
	my ($id) = @_;

	return $t->sql("SELECT string_agg(state, ' ' ORDER BY at) FROM msgext.message_event"
		  . " WHERE message_id = $id AND kind = 'status'");
}

subtest 'one document' => sub {
	my %ids = map { $_ => $t->post(comment => "one $_ fate=$_") }
	  qw(delivered invalid-signature roaming-error refused never malware deleted);
	my $slow = Msgext::Simulator->new(Msgext::Diadoc::simulator('--status-step', 2000));

	# With a provider that takes its time, so that no question comes too late to see it sent.
	$t->add_docs('slow', sim => $slow);
	$ids{slow} = $t->post(comment => 'slow', server => 'slow');
	my $row = $t->wait_state($ids{delivered}, 'delivered', 'it is delivered');

	is($row->{provider_status}, 'DeliveryTimestampTicks', "the provider's word for it");
	is($row->{detail}{documents}[0]{state}, 'delivered', 'and so is its document');
	cmp_ok(abs($t->sql("SELECT extract(epoch FROM now() - (detail->'documents'->0->>'at')::timestamptz)"
				  . " FROM msgext.message_status($ids{delivered})")), '<', 60, 'ticks are a time');
	ok(defined $row->{finished_at}, 'it has ended');
	is($row->{next_attempt_at}, undef, 'nothing more will be asked');

	$row = $t->wait_state($ids{'invalid-signature'}, 'failed', 'a signature that is not valid fails it');
	is($row->{provider_status}, 'SenderSignatureCheckedAndInvalid', "the provider's word for it");
	like($row->{error}, qr/signature is not valid/, 'the error');

	$row = $t->wait_state($ids{'roaming-error'}, 'failed', "the recipient's operator refuses it");
	is($row->{error}, 'Оператор получателя не принял документ', 'in his words');

	$row = $t->wait_state($ids{refused}, 'delivered', 'a refusal to sign is a delivery');
	is($row->{detail}{documents}[0]{recipient_response}, 'RecipientSignatureRequestRejected', 'and is told');

	$t->wait_state($ids{never}, 'sent', 'what does not arrive stays sent');
	$t->wait_sql("SELECT finished_at IS NOT NULL FROM msgext.message_status($ids{malware})");
	$row = $t->status($ids{malware});
	like($row->{state}, qr/^(?:accepted|sent)$/, '410: the last state stays');
	is($row->{code}, 'Http.Gone', 'with the code');
	like($t->events($ids{malware}), qr/poll_ended/, 'and it is not asked for again');
	$row = $t->status($ids{deleted});
	is($row->{finished_at}, undef, 'a 404 so early is asked for again');
	$t->wait_state($ids{slow}, 'delivered', 'the slow one is delivered');
	like(states($ids{slow}), qr/sent delivered$/, 'sent before');
	$slow->stop;
};

# Secrets are masked in what is shown. What the next request is made of is used as it is: with
# the masked id of a box every question would be refused, for ever.
subtest 'a box that holds the password' => sub {
	my $password = substr Msgext::Diadoc::FROM, 4, 4;
	my $sim = Msgext::Simulator->new(Msgext::Diadoc::simulator('--status-step', 200, '--diadoc-password', $password));

	$t->add_docs('short', sim => $sim, mapping => { %Msgext::Diadoc::by_password, password => $password });
	my $id = $t->post(comment => 'short fate=delivered', server => 'short');
	my $row = $t->wait_state($id, 'delivered', 'its fate is asked for with the true id');

	is($row->{detail}{box}, Msgext::Diadoc::FROM, 'which detail keeps');
	$sim->stop;
};

# A mapping is changed in steps: between them there may be nothing to ask with. That is no
# word of the provider's.
subtest 'an account that is empty for a while' => sub {
	my $sim = Msgext::Simulator->new(Msgext::Diadoc::simulator('--status-step', 50));
	my ($id, $asked);

	$t->add_docs('bare', sim => $sim);
	$id = $t->post(comment => 'bare fate=never', server => 'bare');
	$t->wait_state($id, 'sent', 'it is followed');
	$t->set_mapping('bare', api_client_id => $Msgext::Diadoc::by_password{api_client_id});
	ok($t->wait_sql("SELECT last_error LIKE '%neither token nor login%' FROM msgext.server_status WHERE server = 'bare'"),
		'its status cannot be asked for');
	$asked = $sim->summary->{status_queries};
	$t->set_mapping('bare', %Msgext::Diadoc::by_password);
	ok(until_true(sub { $sim->summary->{status_queries} > $asked }), 'mended, it is asked for again');
	unlike($t->events($id), qr/poll_ended/, 'which has not ended');
	$sim->stop;
};

subtest 'packet' => sub {
	my %fates = (
		delivered => [qw(delivered delivered refused)],
		failed => [qw(delivered roaming-error delivered)],
		sent => [qw(delivered never)],
		split => [qw(never invalid-signature)]);
	my %ids = map { $_ => $t->post(documents => documents("packet-$_", @{ $fates{$_} })) } sort keys %fates;
	my $row = $t->wait_state($ids{delivered}, 'delivered', 'delivered when all documents are');

	is(join(' ', map { "$_->{custom_document_id}:$_->{state}" } @{ $row->{detail}{documents} }),
		'n1:delivered n2:delivered n3:delivered', 'each of which is told');
	$row = $t->wait_state($ids{failed}, 'failed', 'failed when all have ended and one has failed');
	is(join(' ', map { "$_->{custom_document_id}:$_->{state}" } @{ $row->{detail}{documents} }),
		'n1:delivered n2:failed n3:delivered', 'the others are told apart');
	like($row->{error}, qr/Оператор/, 'the error is that of the failed one');
	for my $name (qw(sent split))
	{
		$row = $t->wait_state($ids{$name}, 'sent', "$name: open while one is on its way");
		is($row->{finished_at}, undef, 'it goes on');
	}
};

subtest 'drafts' => sub {
	my $document = Msgext::Diadoc::document(comment => 'draft');
	my $id;

	delete $document->{SignedContent}{SignWithTestSignature};
	$id = $t->post(documents => [$document], more => { IsDraft => JSON::PP::true });
	ok($t->wait_sql("SELECT finished_at IS NOT NULL FROM msgext.message_status($id)"), 'a draft goes nowhere');
	my $row = $t->status($id);
	is($row->{state}, 'accepted', 'it was accepted');
	is($row->{detail}{draft}, JSON::PP::true, 'and is told to be a draft');

	$id = $t->post(documents => [$document], more => { DelaySend => JSON::PP::true });
	$row = $t->wait_state($id, 'accepted', 'a delayed document waits for its signature');
	is($row->{finished_at}, undef, 'and may still go');
};

subtest 'answers that are none' => sub {
	for my $action ('status 500', 'html', 'garbage 300', 'empty', 'drop-after', 'status 429 retry-after 1',
		'status 200 retry-after 1 body ', 'code Http.Auth Invalid auth token')
	{
		$sim->script("diadoc status next 1 $action");
		$t->wait_state($t->post(comment => 'odd'), 'delivered', "$action: asked for again");
		$sim->clear;
	}
	is($t->server('paused', 'docs'), 'f', 'none of them pauses the server');
};

subtest 'no session' => sub {
	my @ids;

	# Questions that are due wait for a login, which takes its time.
	$sim->script('diadoc login next 1 delay 700');
	@ids = map { $t->post(comment => 'waiting') } 1 .. 5;
	until_true(sub { 5 == $t->lines('waiting') });
	$sim->expire;
	$t->wait_state($_, 'delivered', 'its status is asked for with the next session') for @ids;
};

subtest 'no more than it takes' => sub {
	my $id = $t->post(documents => [ Msgext::Diadoc::document(comment => 'big') ],
		parts => "ARRAY[convert_to(repeat('x', 3000000), 'UTF8')]");

	$t->wait_state($id, 'delivered');
	is( $t->sql("SELECT max(length(answer)) < 5000 FROM msgext.message_event WHERE message_id = $id"
			  . " AND kind = 'status'"), 't', 'a status request does not fetch the file');
};

unlike($t->log, qr/(?:WARNING|ERROR|FATAL|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
